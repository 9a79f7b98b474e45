"""Bring files in from the browser: by one plain form, or in slices by a script that survives a lost connection."""

import io
from typing import Any
from uuid import UUID

from flask import jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from werkzeug.exceptions import UnsupportedMediaType
from wtforms import MultipleFileField, StringField

from blueprints.data import blueprint
from blueprints.fields import show_problems
from blueprints.gate import requires
from blueprints.uploads import accepts_file
from blueprints.visit import actor, signed_in, visit
from console.core.db import db, settings, unit_of_work
from console.core.errors import Invalid
from console.core.permissions import Permission
from console.customer_data.imports import ImportFile, ImportState, data_import, recent_imports
from console.customer_data.models import custodians
from console.customer_data.uploads import (
    ANNOUNCED_AT_ONCE,
    MOST_FILES,
    SLICE_BYTES,
    Announced,
    announce,
    missing_files,
    moment_of,
    open_import,
    receive,
    start_upload,
    take_whole,
)
from console.vault.blobs import Blob, store_blob

FORM_BYTES = 1024 * 2**20
"""What the plain form takes at a time. With scripts the limits of the settings hold."""
OFFERED = 300
"""Custodians that the field offers."""
MISSING_SHOWN = 500


class SealedUpload(io.RawIOBase):
    """A file of the plain form as it arrives: each full slice is sealed into a blob at once, and nothing else is kept."""

    def __init__(self) -> None:
        super().__init__()
        self._held = bytearray()
        self.size = 0
        self.blobs: list[Blob] = []

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Any, /) -> int:
        """Take more of it."""
        self._held += data
        self.size += len(data)
        while len(self._held) >= SLICE_BYTES:
            self._seal(SLICE_BYTES)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:  # noqa: ARG002 (the form goes back to the start)
        """The form has read all of it."""
        if self._held:
            self._seal(len(self._held))
        return 0

    def _seal(self, size: int) -> None:
        self.blobs.append(store_blob((bytes(self._held[:size]),)).blob)
        del self._held[:size]


class ImportForm(FlaskForm):  # type: ignore[misc]
    """Whose data it is, and the files."""

    custodian = StringField("Whose data is it?")
    files = MultipleFileField("Files")


@blueprint.get("/import")
@requires(Permission.DATA_IMPORTS_WRITE)
def import_form() -> ResponseReturnValue:
    """Where files are chosen, and the imports so far."""
    return _page(ImportForm(custodian=request.args.get("custodian", "")))


@blueprint.post("/import")
@requires(Permission.DATA_IMPORTS_WRITE)
@accepts_file(FORM_BYTES, stream=SealedUpload)  # type: ignore[arg-type]
def upload_files() -> ResponseReturnValue:
    """The files of the plain form are sealed, and a worker imports them."""
    files = [
        (Announced(file.filename or "", stream.size), stream.blobs)
        for file in request.files.getlist("files")
        if isinstance(stream := file.stream, SealedUpload) and (file.filename or stream.size)
    ]
    try:
        found = take_whole(request.form.get("custodian", ""), files, by=actor())
    except Invalid as problem:
        db.session.rollback()
        form = ImportForm()
        show_problems(form, problem)
        return _page(form, 422)
    return redirect(url_for("data.show_import", data_import_id=found.id), 303)


def _page(form: ImportForm, status: int = 200) -> ResponseReturnValue:
    known = custodians()[:OFFERED]
    page = render_template(
        "data/import.html",
        form=form,
        offered=[(one.details["address"], one.label) for one in known],
        imports=recent_imports(limit=5),
        limits={
            "slice": SLICE_BYTES,
            "at_once": ANNOUNCED_AT_ONCE,
            "files": MOST_FILES,
            "form_mib": FORM_BYTES // 2**20,
            "file_mib": settings().import_file_mib,
            "import_mib": settings().import_mib,
        },
    )
    return page, status


@blueprint.post("/import/new")
@requires(Permission.DATA_IMPORTS_WRITE)
def new_import() -> ResponseReturnValue:
    """An import to which a script will send files; answers its addresses."""
    found = open_import(request.form.get("custodian", ""), by=actor(), label=request.form.get("label", "")[:200])
    return jsonify(_addresses(found.id)), 201


def _addresses(import_id: UUID) -> dict[str, str]:
    return {
        "id": str(import_id),
        "page": url_for("data.show_import", data_import_id=import_id),
        "files": url_for("data.announce_files", data_import_id=import_id),
        "start": url_for("data.start_import", data_import_id=import_id),
    }


@blueprint.post("/import/<uuid:data_import_id>/files")
@requires(Permission.DATA_IMPORTS_WRITE)
def announce_files(data_import_id: UUID) -> ResponseReturnValue:
    """The files that will come, by name, size and date; answers how much of each is here already."""
    given = zip(*(request.form.getlist(field) for field in ("name", "size", "modified")), strict=False)
    try:
        told = [Announced(name, int(size), moment_of(modified)) for name, size, modified in given]
        first = int(request.form.get("first", "0"))
    except ValueError:
        raise Invalid("A size and the first place are whole numbers.") from None
    if first < 0:
        raise Invalid("Places count from 0.")
    return jsonify([_told(file) for file in announce(data_import_id, first, told)])


@blueprint.get("/import/<uuid:data_import_id>/files")
@requires(Permission.DATA_IMPORTS_WRITE)
def files_missing(data_import_id: UUID) -> ResponseReturnValue:
    """The files of which not all is here: where a script goes on after an interruption."""
    visit().quiet = True
    found = data_import(data_import_id)
    missing = missing_files(data_import_id, limit=MISSING_SHOWN) if found.state == ImportState.RECEIVING else []
    return jsonify({"state": found.state, "missing": [_told(file) for file in missing]})


def _told(file: ImportFile) -> dict[str, Any]:
    return {
        "place": file.place,
        "name": file.name,
        "size": file.size_bytes,
        "received": file.received_bytes,
        "url": url_for("data.receive_slice", data_import_id=file.import_id, place=file.place),
    }


@blueprint.put("/import/<uuid:data_import_id>/files/<int:place>")
@requires(Permission.DATA_IMPORTS_WRITE)
@accepts_file(SLICE_BYTES, method="PUT")
def receive_slice(data_import_id: UUID, place: int) -> ResponseReturnValue:
    """The slice that begins at `?start=` is here, sealed. The body is the slice itself."""
    with unit_of_work(signed_in().tenant_id, write=False):  # no transaction stands open while the slice arrives
        data_import(data_import_id)
    if request.mimetype != "application/octet-stream":
        raise UnsupportedMediaType
    start = request.args.get("start", type=int)
    if start is None or start < 0:
        raise Invalid("Say with ?start= where in the file the slice begins.")
    file = receive(data_import_id, place, start, request.get_data(cache=False))
    return jsonify(_told(file))


@blueprint.post("/import/<uuid:data_import_id>/start")
@requires(Permission.DATA_IMPORTS_WRITE)
def start_import(data_import_id: UUID) -> ResponseReturnValue:
    """All files are here: a worker takes the import up."""
    start_upload(data_import_id, by=actor())
    page = url_for("data.show_import", data_import_id=data_import_id)
    if request.accept_mimetypes.best == "application/json":
        return jsonify({"page": page})
    return redirect(page, 303)
