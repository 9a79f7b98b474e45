"""The one map from a refusal to a status and a page with a way out. Strangers see no details."""

import logging

from flask import Flask, Response, jsonify, make_response, render_template, request
from flask_limiter.errors import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, InternalServerError

from blueprints.cookies import any_cookie
from blueprints.gate import record_refusal
from blueprints.uploads import too_large_text
from blueprints.visit import Visit, visit
from console.core import errors
from console.core.db import db
from console.core.permissions import Permission, may
from console.vault.errors import Unreadable

log = logging.getLogger(__name__)

STATUS: dict[type[errors.ConsoleError], tuple[int, str]] = {
    errors.Invalid: (422, "This needs a change"),
    errors.NotFound: (404, "Nothing here"),
    errors.Forbidden: (403, "Not allowed"),
    errors.Conflict: (409, "This cannot be done now"),
    errors.Throttled: (429, "Too many attempts"),
    errors.Gone: (410, "No longer available"),
}
HTTP_TEXTS = {
    400: ("The request was not understood", "Go back, reload the page and try again."),
    404: ("Nothing here", "There is nothing at this address."),
    405: ("Not possible this way", "This address cannot be used this way."),
    413: ("Too large", "What was sent is larger than this page accepts."),
    415: ("Unknown format", "What was sent has a format that this page does not accept."),
    429: ("Too many requests", "More was asked from your network than one minute allows. Try again in 1 minute."),
}
BUSY_SECONDS = 5


def install(app: Flask) -> None:
    """Every error becomes a page with a reference number, and rolls the unit of work back."""
    app.register_error_handler(errors.ConsoleError, _refused)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(OperationalError, _busy)
    app.register_error_handler(Exception, _unexpected)


def _refused(error: errors.ConsoleError) -> Response:
    status, title = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    if isinstance(error, Unreadable):
        log.error("[%s] unreadable record: %s", visit().reference, error.facts)
    response = error_page(status, title, _message(error), _further(error))
    if isinstance(error, errors.Throttled):
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, errors.Forbidden):
        record_refusal(error.message)
    return response


def _message(error: errors.ConsoleError) -> str:
    """What to say; a refusal for a while names the while."""
    if not isinstance(error, errors.Throttled) or "ry again in" in error.message:
        return error.message
    return f"{error.message} Try again in {wait_words(error.retry_after_seconds)}."


def wait_words(seconds: int) -> str:
    """A time to wait in round words that never promise too little: "4 minutes", "1 hour"."""
    for unit_seconds, word in ((3600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= unit_seconds:
            count = -(-seconds // unit_seconds)
            return f"{count} {word}{'s' if count != 1 else ''}"
    return "1 second"


def _further(error: errors.ConsoleError) -> list[dict[str, str]]:
    """Ways out that belong to that refusal alone."""
    if isinstance(error, errors.Gone) and error.facts.get("kind") == "password_reset":
        return [{"label": "Ask for a new link", "url": "/password/forgot"}]
    return []


def _http(error: HTTPException) -> Response:
    code = error.code or 500
    if isinstance(error, InternalServerError) and isinstance(error.original_exception, OperationalError):
        return _busy(error.original_exception)  # after the page was done: at the commit, or while recording a refusal
    if isinstance(error, CSRFError) and not any_cookie():
        return error_page(
            400,
            "Your browser did not send our cookie",
            "Nothing was done. Forms and signing in need cookies: they carry your session and end with the browser."
            " Allow cookies for this site, then try again.",
        )
    if isinstance(error, CSRFError):
        return error_page(
            400,
            "The form is out of date",
            "This form was opened too long ago or in another session, so nothing was done. Reload the page and try again.",
        )
    title, message = HTTP_TEXTS.get(code, HTTP_TEXTS[400] if code < 500 else ("Something went wrong", _APOLOGY))
    if code == 413:
        message = too_large_text() or message
    response = error_page(code, title, message)
    if isinstance(error, RateLimitExceeded):
        response.headers["Retry-After"] = "60"
    if error.code == 405 and error.get_response().headers.get("Allow"):
        response.headers["Allow"] = error.get_response().headers["Allow"]
    return response


_APOLOGY = (
    "This is our fault, not yours. Nothing was changed. Try again; if it recurs, tell support the reference number."
)


def _busy(error: OperationalError) -> Response:
    log.error("[%s] database: %s", _reference(), error.orig)
    response = error_page(
        503,
        "Busy for a moment",
        "The service could not do this right now. Nothing was changed. Try again in a few seconds.",
    )
    response.headers["Retry-After"] = str(BUSY_SECONDS)
    return response


def _unexpected(error: Exception) -> Response:
    log.error("[%s] %s %s", _reference(), request.method, request.path, exc_info=error)
    return error_page(500, "Something went wrong", _APOLOGY)


def error_page(status: int, title: str, message: str, further: list[dict[str, str]] | None = None) -> Response:
    """A page that says what happened and offers a way out; nothing of the request is kept."""
    seen = _seen()
    if seen is not None:
        seen.failed = True
    try:
        db.session.rollback()
        return _page(status, title, message, further or [])
    except Exception:
        log.exception("[%s] the error page itself failed", _reference())
        return _plain(status, title, message)


def _plain(status: int, title: str, message: str) -> Response:
    """The last resort: no template, no database, nothing that could fail again."""
    db.session.remove()
    return Response(f"{title}\n\n{message}\n\nReference: {_reference()}\n", status, mimetype="text/plain")


def _seen() -> Visit | None:
    """The visit; None where a request failed before it came to the gate."""
    return getattr(request, "visit", None)


def _reference() -> str:
    seen = _seen()
    return seen.reference if seen is not None else "none"


def _page(status: int, title: str, message: str, further: list[dict[str, str]]) -> Response:
    reference = _reference()
    if request.accept_mimetypes.best == "application/json":
        response = jsonify({"status": status, "title": title, "message": message, "reference": reference})
        response.status_code = status
        return response
    actions = [*further, *_ways_out()]
    page = render_template(
        "error.html", status=status, title=title, message=message, reference=reference, actions=actions
    )
    return make_response(page, status)


def _ways_out() -> list[dict[str, str]]:
    seen = _seen()
    if seen is not None and seen.person is not None and seen.person.stage == "full":
        return _rooms(seen.actor.role)
    if seen is not None and seen.person is not None:
        return [{"label": "Go to the overview", "url": "/overview"}]
    return [{"label": "Go to sign-in", "url": "/sign-in"}]


def _rooms(role: str | None) -> list[dict[str, str]]:
    """The first page that the person may really open, and the own one."""
    own = {"label": "Go to my profile", "url": "/me"}
    if may(role, Permission.SUPPORT_TENANTS_READ):
        return [{"label": "Go to the Customers", "url": "/support/tenants"}, own]
    if may(role, Permission.ACCOUNT_OVERVIEW_READ):
        return [{"label": "Go to the overview", "url": "/overview"}, own]
    return [own]
