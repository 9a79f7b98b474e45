"""Documents give their text, or a reason; what may be shown is decided by the bytes."""

import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.formats import office
from console.formats.documents import document_text, preview_type

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def packed(**members):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml"), text)
    return held.getvalue()


DOCX = packed(
    word__document_xml=f'<w:document xmlns:w="{WORD}"><w:body><w:p><w:r><w:t>Hello</w:t></w:r><w:r><w:t> world</w:t></w:r></w:p><w:p><w:r><w:t>Zwei</w:t></w:r></w:p></w:body></w:document>'
)
XLSX = packed(
    xl__sharedStrings_xml='<sst xmlns="s"><si><t>Name</t></si><si><t>Anna</t></si></sst>',
    xl__worksheets__sheet1_xml='<worksheet xmlns="s"><sheetData><row><c t="s"><v>0</v></c><c><v>4711</v></c></row></sheetData></worksheet>',
)
PPTX = packed(ppt__slides__slide1_xml='<p:sld xmlns:p="p" xmlns:a="a"><a:p><a:r><a:t>Title</a:t></a:r></a:p></p:sld>')
ODT = packed(
    content_xml='<o xmlns:text="t"><text:h>Head</text:h><text:p>Some <text:span>words</text:span></text:p></o>'
)


def a_pdf(text):
    """A PDF file of one page, written by hand."""
    stream = b"BT /F1 12 Tf 72 720 Td (" + text + b") Tj ET"
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
               b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
               b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream), b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"]  # fmt: skip
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj%s endobj\n" % (number, body)
    table = b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + table + b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(out)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (DOCX, ["Hello world", "Zwei"]),
        (XLSX, ["Name", "Anna", "4711"]),
        (PPTX, ["Title"]),
        (ODT, ["Head", "Some words"]),
        ("Grüße, a;b\n1;2".encode(), ["Grüße, a;b", "1;2"]),
        ("Grüße".encode("latin-1"), ["Grüße"]),
        ("Grüße".encode("utf-16"), ["Grüße"]),
        (b"<!DOCTYPE html><p>Seen</p><script>no</script>", ["Seen"]),
    ],
)
def test_documents_give_their_text(data, expected):
    found = document_text(data)
    assert [line.strip() for line in found.text.lstrip("\ufeff").splitlines() if line.strip()] == expected
    assert found.reason == ""


def test_pdf_files_give_their_text():
    found = document_text(a_pdf(b"Invoice 4711"))
    assert found.text.strip() == "Invoice 4711"
    assert found.reason == ""
    broken = document_text(b"%PDF-1.4 rubbish" * 100)
    assert broken.text == ""
    assert "damaged" in broken.reason
    assert "no text" in document_text(a_pdf(b"")).reason


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0", "not searched inside"),
        (b"PK\x03\x04" + b"x" * 50, "damaged"),
        (packed(readme_txt="x"), "not searched inside"),
        (packed(word__document_xml="<a><b></a>"), "damaged"),
        (packed(word__document_xml='<!DOCTYPE a [<!ENTITY x "yyy">]><a>&x;</a>'), "declares entities"),
        (packed(word__document_xml='<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'), "declares entities"),
        (packed(word__document_xml="<a>" + " " * (office.MEMBER_BYTES + 10) + "</a>"), "more than is searched"),
        (DOCX[:-40], "damaged"),
    ],
)
def test_what_gives_none_says_why(data, reason):
    found = document_text(data)
    assert found.text == ""
    assert reason in found.reason


@given(st.one_of(st.binary(max_size=500), st.binary(max_size=300).map(lambda data: b"PK\x03\x04" + data)))
@settings(deadline=None, max_examples=200)
def test_any_bytes_are_answered(data):
    preview_type(data)
    if b"%PDF-" not in data:
        document_text(data)


@given(st.integers(0, len(DOCX) - 1), st.integers(0, 255))
@settings(deadline=None, max_examples=150)
def test_a_document_with_a_wrong_byte_is_answered(place, value):
    document_text(DOCX[:place] + bytes((value,)) + DOCX[place + 1 :])


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x89PNG\r\n\x1a\nrest", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"%PDF-1.7", "application/pdf"),
        (b"plain words\n", "text/plain"),
        (b"<html><script>x</script>", "text/plain"),
        (b"<svg onload=x>", "text/plain"),
        (b"GIF", "text/plain"),
        (b"\n%PDF-1.7 \0", None),
        (b"", None),
        (b"MZ\x90\0", None),
        (b"text and then \0", None),
        (DOCX, None),
    ],
)
def test_what_may_be_shown_is_decided_by_the_bytes(data, kind):
    assert preview_type(data) == kind
