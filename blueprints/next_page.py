"""Where to go after signing in: a page of this site, or the overview. Nothing a stranger wrote leads elsewhere."""

import re

from flask import request, url_for

_PATH = re.compile(r"/(?:[A-Za-z0-9\-._~]+(?:/[A-Za-z0-9\-._~]+)*/?)?(?:\?[A-Za-z0-9\-._~%=&+]*)?")
LONGEST = 500


def here() -> str | None:
    """The present page, if it can be returned to."""
    if request.method != "GET" or request.path in ("/", "/sign-out"):
        return None
    path = request.full_path.rstrip("?")
    return path if is_path(path) else None


def next_page() -> str:
    """The page that the sign-in form was asked for, or the overview."""
    wanted = request.values.get("next", "")
    return wanted if is_path(wanted) else url_for("overview.show")


def is_path(path: str) -> bool:
    """Only plain characters, one slash at the start: no host, scheme, backslash or control character fits."""
    return len(path) <= LONGEST and bool(_PATH.fullmatch(path)) and not path.startswith("/sign-")
