"""Files that people upload: how large each page accepts them, and that they never lie on a disk in clear.

Only the page that accepts a file lifts the bound that all other pages have, and only after the gate has let
the person in. The file itself stays in memory until its page has sealed it: a temporary file would hold
a Customer's data unencrypted.
"""

from collections.abc import Callable
from io import BytesIO
from typing import IO, Any, TypeVar

from flask import Flask, Request, current_app, request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from console.core.errors import Invalid

V = TypeVar("V", bound=Callable[..., Any])
FORM_BYTES = 64 * 2**10
"""What the other fields and the frame of the form may take besides the file."""
_CUT_OFF = "The upload arrived incomplete, so nothing was done with it. Send the file again."


class InMemoryRequest(Request):
    """A request whose uploaded files lie on no disk in clear.

    They are kept in memory, which the bound on their size keeps small, or sealed as they come, where the page says how.
    """

    def _get_file_stream(
        self,
        total_content_length: int | None,  # noqa: ARG002 (Werkzeug's own signature)
        content_type: str | None,  # noqa: ARG002
        filename: str | None = None,  # noqa: ARG002
        content_length: int | None = None,  # noqa: ARG002
    ) -> IO[bytes]:
        view = current_app.view_functions.get(request.endpoint or "")
        made: IO[bytes] = getattr(view, "file_stream", BytesIO)()
        return made


def accepts_file(
    most_bytes: int, *, method: str = "POST", stream: Callable[[], IO[bytes]] = BytesIO
) -> Callable[[V], V]:
    """The page takes up to `most_bytes` of uploaded files. Each is written to a `stream` of its own while it arrives.

    With the method PUT the body is the file itself, without a form around it.
    """

    def mark(view: V) -> V:
        view.file_bytes = most_bytes  # type: ignore[attr-defined]
        view.file_method = method  # type: ignore[attr-defined]
        view.file_stream = stream  # type: ignore[attr-defined]
        return view

    return mark


def install(app: Flask) -> None:
    """Uploads are read after the gate and before anything else looks at the form."""
    app.request_class = InMemoryRequest
    app.before_request(_read_upload)


def file_bytes() -> int | None:
    """The largest file that the present page accepts; None if it accepts none."""
    view = current_app.view_functions.get(request.endpoint or "")
    return getattr(view, "file_bytes", None)


def too_large_text() -> str | None:
    """What to say about a request that is too large for a page that accepts files."""
    most = file_bytes()
    if most is None:
        return None
    return f"The file is larger than {most // 2**20} MiB, so nothing was done with it. Split it into parts."


def _read_upload() -> None:
    """Nothing happens if the form arrived whole. **Raises:** Invalid, RequestEntityTooLarge."""
    most = file_bytes()
    view = current_app.view_functions.get(request.endpoint or "")
    if most is None or request.method != getattr(view, "file_method", "POST"):
        return
    request.max_content_length = most + FORM_BYTES
    if (request.content_length or 0) > request.max_content_length:
        raise RequestEntityTooLarge
    if request.method != "POST":
        return
    try:
        arrived = request.mimetype != "multipart/form-data" or bool(request.form or request.files)
    except ClientDisconnected:
        arrived = False
    if not arrived:
        raise Invalid(_CUT_OFF)
