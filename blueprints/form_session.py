"""Flask's session, sealed: it carries the form token and messages for the next page, and nothing can read it.

Signed-in sessions live in the database (console/sessions). This one is only for forms, and ends with the browser.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any
from uuid import UUID

from flask import Flask, Request, Response
from flask.sessions import SessionInterface, SessionMixin
from flask_wtf.csrf import CSRFProtect

from blueprints.cookies import cookie_name
from console.core.db import settings
from console.core.errors import ConsoleError
from console.vault.access import platform_keys
from console.vault.tenant_keys import key_version

LONGEST = 3500
"""Browsers drop cookies above 4096 bytes."""
_ROW = UUID(int=0)
csrf = CSRFProtect()


class FormSession(dict[str, Any], SessionMixin):
    """What one browser's forms carry along."""

    modified = False
    accessed = True

    def __setitem__(self, key: str, value: Any) -> None:
        self.modified = True
        super().__setitem__(key, value)

    def pop(self, *args: Any) -> Any:
        """Like a dictionary's."""
        self.modified = True
        return super().pop(*args)

    def clear(self) -> None:
        """Like a dictionary's."""
        self.modified = True
        super().clear()

    def setdefault(self, key: str, default: Any = None) -> Any:
        """Like a dictionary's."""
        self.modified = self.modified or key not in self
        return super().setdefault(key, default)


class SealedSessions(SessionInterface):
    """Reads and writes the form cookie. One that cannot be opened counts as none."""

    def open_session(self, app: Flask, request: Request) -> FormSession:  # noqa: ARG002
        """What the cookie carries."""
        value = request.cookies.get(cookie_name("form"))
        if not value or len(value) > LONGEST:
            return FormSession()
        try:
            sealed = urlsafe_b64decode(value + "=" * (-len(value) % 4))
            found = FormSession(platform_keys().open("form_cookie", _ROW, sealed))
        except (ValueError, ConsoleError):
            return FormSession()
        # A replaced key opens old cookies for a few minutes more: whoever comes by in that time takes a new one along.
        found.modified = key_version(sealed) != platform_keys().version
        return found

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:  # noqa: ARG002
        """Write the cookie if anything changed."""
        if not session.modified:
            return
        content = json.loads(json.dumps(dict(session), default=list))
        if not content:
            response.delete_cookie(
                cookie_name("form"), path="/", secure=settings().secure, httponly=True, samesite="Lax"
            )
            return
        value = urlsafe_b64encode(platform_keys().seal("form_cookie", _ROW, content)).decode().rstrip("=")
        if len(value) > LONGEST:
            content.pop("_flashes", None)
            value = urlsafe_b64encode(platform_keys().seal("form_cookie", _ROW, content)).decode().rstrip("=")
        response.set_cookie(
            cookie_name("form"), value, path="/", secure=settings().secure, httponly=True, samesite="Lax"
        )


def install(app: Flask) -> None:
    """Forms are guarded against other sites (CSRF) on every unsafe method, with keys from the vault."""
    app.session_interface = SealedSessions()
    app.config["WTF_CSRF_SECRET_KEY"] = platform_keys().derive("csrf")
    app.secret_key = platform_keys().derive("flask")
    app.config["WTF_CSRF_TIME_LIMIT"] = None  # a form lives as long as the session it was made in
    app.config["WTF_CSRF_SSL_STRICT"] = settings().secure
    csrf.init_app(app)
