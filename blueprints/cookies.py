"""The three cookies, and what each holds: nothing but random secrets (and one sealed form state). Promises: P09, P10.

| cookie | life | holds |
|---|---|---|
| session | ends with the browser | a random 256-bit token; its digest leads to the session row |
| browser | 400 days | random 256-bit tokens, one a person, so that a usual browser is recognised |
| form | ends with the browser | sealed: the form token (CSRF) and messages for the next page |
"""

from flask import Response, request

from console.core.db import settings

BROWSER_SECONDS = 400 * 24 * 3600
"""The longest life that browsers grant a cookie (RFC 6265bis, section 5.5)."""
TOKEN_CHARACTERS = 43
"""32 bytes in URL-safe base64 without padding."""


def cookie_name(kind: str) -> str:
    """The name of that cookie; under TLS with the prefix that makes browsers guard it."""
    return f"__Host-safekeep-{kind}" if settings().secure else f"safekeep_{kind}"


def session_token() -> str | None:
    """The session token that the browser presented, if it has the form of one."""
    token = request.cookies.get(cookie_name("session"), "")
    return token if len(token) == TOKEN_CHARACTERS else None


def browser_tokens() -> list[str]:
    """The browser secrets that were presented."""
    parts = request.cookies.get(cookie_name("browser"), "").split(".")
    return [part for part in parts if len(part) == TOKEN_CHARACTERS][-5:]


def any_cookie() -> bool:
    """Whether the browser sent any of ours; a browser that refuses cookies sends none."""
    return any(cookie_name(kind) in request.cookies for kind in ("session", "browser", "form"))


def set_session(response: Response, token: str) -> None:
    """The browser carries this session from now on, until it closes."""
    _set(response, "session", token)


def clear_session(response: Response) -> None:
    """The browser forgets the session."""
    response.delete_cookie(cookie_name("session"), path="/", secure=settings().secure, httponly=True, samesite="Lax")


def set_browser(response: Response, tokens: list[str]) -> None:
    """The browser will be recognised by those secrets; without any, it carries none."""
    if tokens:
        _set(response, "browser", ".".join(tokens), max_age=BROWSER_SECONDS)
    else:
        response.delete_cookie(
            cookie_name("browser"), path="/", secure=settings().secure, httponly=True, samesite="Lax"
        )


def _set(response: Response, kind: str, value: str, max_age: int | None = None) -> None:
    response.set_cookie(
        cookie_name(kind), value, max_age=max_age, path="/", secure=settings().secure, httponly=True, samesite="Lax"
    )
