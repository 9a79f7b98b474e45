"""Files that cannot be imported: each is refused with the place, the reason and the remedy, and nothing of it is kept."""

import io

import pytest
from sqlalchemy import func, select

from console.core.db import db
from console.users.csv_rows import FILE_BYTES
from console.users.imports import ImportChunk, UserImport
from console.users.models import User
from tests.users.csv_uploads import HEADER, counts, csv_bytes, error_of, many, multipart, upload, uploaded

ROW = "Nora,Neu,nora@acme.example,member,,,UTC"
BAD_FILES = {
    "an empty file": (b"", "The file is empty."),
    "only a byte order mark": (b"\xef\xbb\xbf", "The file is empty."),
    "a header alone": (csv_bytes(), "The file has a header but no rows below it."),
    "blank rows alone": (csv_bytes(",,,,,,", "", " , "), "The file has a header but no rows below it."),
    "UTF-16 with a mark": (csv_bytes(ROW).decode().encode("utf-16"), "The file is saved as UTF-16"),
    "UTF-16 without a mark": (csv_bytes(ROW).decode().encode("utf-16-le"), "The file is saved as UTF-16"),
    "Latin-1": (csv_bytes(ROW, "José,X,j@acme.example,,,,").decode().encode("latin-1"), "Row 3 is not UTF-8 text (byte 0xE9)."),
    "a workbook": (b"PK\x03\x04" + bytes(100), "This is a spreadsheet workbook, not a CSV file."),
    "a NUL character": (csv_bytes(ROW, "No\0ra,Neu,n@acme.example,,,,"), "Row 3 holds a NUL character"),
    "a quote never closed": (csv_bytes(ROW, '"Nora,Neu,n@acme.example,,,,'), "In row 3 a quotation mark is opened and never closed"),
    "a quote within a cell": (csv_bytes('"No"ra,Neu,n@acme.example,,,,'), "Row 2 has a quotation mark within a cell."),
    "a cell of 10,001 characters": (csv_bytes(f"N,{'x' * 10_001},n@acme.example,,,,"), "Row 2, column family_name: the cell has 10,001 characters"),
    "a cell of 10 MB": (csv_bytes(f"N,{'x' * 10_000_000},n@acme.example,,,,"), "Row 2 has a cell with more than 10,000 characters."),
    "a quoted cell of 10 MB over many lines": (csv_bytes(ROW, '"' + "x\n" * 5_000_000), "Row 3 has a cell with more than 10,000 characters."),
    "a header of 10 MB": (b"x" * 10_000_000, "The first row does not name the columns."),
    "200,000 rows": (csv_bytes(*["a,b,c,,,,"] * 200_000), "The file has more than 100,000 rows. Split it"),
    "an unknown column": (csv_bytes(ROW + ",42", header=HEADER + ",shoe size"), "Unknown column shoe_size."),
    "missing columns": (csv_bytes("Nora,+47", header="given_name,phone"), "Missing columns family_name, email."),
    "a column twice": (csv_bytes(ROW + ",x", header=HEADER + ",E-MAIL").replace(b"E-MAIL", b"EMAIL"), "More than once: column email."),
    "other names": (b"foo,bar\r\n1,2\r\n", "The first row does not name the columns."),
    "no header": (f"{ROW}\r\n{ROW}\r\n".encode(), "The first row does not name the columns."),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD_FILES)
def test_a_bad_file_is_refused_as_a_whole_with_place_reason_and_remedy(house, what):
    data, message = BAD_FILES[what]
    admin = house.signed_in("admin")
    answer = upload(admin, data)
    said = error_of(answer)
    assert answer.status_code == 422
    assert message in said
    assert len(said) < 600
    assert len(answer.data) < 60_000, "the page sends the file back"
    nothing_kept(house)


def nothing_kept(house):
    with house.inside(house["admin"].tenant_id):
        for table in (UserImport, ImportChunk):
            assert db.session.execute(select(func.count(table.id))).scalar_one() == 0
        assert db.session.execute(select(func.count(User.id))).scalar_one() == 9


def test_no_file_chosen_is_said_beside_the_field(house):
    admin = house.signed_in("admin")
    answer = admin.post("/users/import", {}, form="/users/import")
    assert (answer.status_code, error_of(answer)) == (422, "Choose a CSV file first.")


def test_a_file_beyond_twenty_mebibytes_is_refused_before_it_is_read(house):
    admin = house.signed_in("admin")
    answer = upload(admin, b"x" * (FILE_BYTES + 2**20))
    assert answer.status_code == 413
    assert "The file is larger than 20 MiB, so nothing was done with it. Split it into parts." in answer.text
    nothing_kept(house)


def test_other_pages_keep_their_own_bound(house):
    admin = house.signed_in("admin")
    answer = admin.post("/users/new", {"given_name": "x" * 3 * 2**20}, form="/users/new")
    assert answer.status_code == 413


def test_half_an_upload_is_refused_as_incomplete(house):
    admin = house.signed_in("admin")
    body, kind = multipart(admin.token("/users/import"), csv_bytes(*many(2000)))
    cut = admin.client.post("/users/import", data=body[: len(body) // 2], content_type=kind)
    assert cut.status_code == 422
    assert "The upload arrived incomplete, so nothing was done with it." in cut.text
    short = admin.client.post(
        "/users/import", input_stream=io.BytesIO(body[: len(body) // 2]), content_type=kind, content_length=len(body)
    )
    assert short.status_code == 422
    assert "The upload arrived incomplete" in short.text
    nothing_kept(house)


def test_a_row_that_is_cut_off_is_refused_and_the_others_are_not(house):
    admin = house.signed_in("admin")
    page = uploaded(admin, csv_bytes(ROW, "Ned,Neu,ned@acme.example,member,,,UTC").rsplit(b",", 3)[0])
    assert counts(house, page) == {"added": 1, "changed": 0, "unchanged": 0, "refused": 1}
    assert "The row has 4 of 7 cells: it is cut off, or a delimiter is missing." in admin.get(page).text
    wide = uploaded(admin, csv_bytes("Nora,Neu,Jr.,nora@acme.example,member,,,UTC"))
    assert (
        "The row has 8 cells where the header has 7. Put a cell that holds a comma into quotation marks."
        in admin.get(wide).text
    )


def test_uploaded_rows_never_lie_on_the_disk_in_clear(house, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "elsewhere"))
    admin = house.signed_in("admin")
    secret = "Quetzalcoatlus"
    body = csv_bytes(f"{secret},Neu,nora@acme.example,member,,,UTC", *many(20_000))
    assert len(body) > 10**6, "large enough for a temporary file"
    opened = []
    import tempfile

    monkeypatch.setattr(tempfile, "TemporaryFile", lambda *_a, **_k: opened.append(1))
    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", lambda *_a, **_k: opened.append(1))
    uploaded(admin, body)
    assert opened == []
    for path in house.settings.instance.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path


def test_a_form_without_its_token_is_refused_with_a_page(house):
    admin = house.signed_in("admin")
    body, kind = multipart("", csv_bytes(ROW))
    answer = admin.client.post("/users/import", data=body, content_type=kind)
    assert answer.status_code == 400
    assert "The form is out of date" in answer.text
    nothing_kept(house)
