"""The text of Word, Excel, PowerPoint and OpenDocument files: XML in a zip file, read without entities, within limits."""

import re
import zipfile
import zlib
from io import BytesIO
from xml.parsers import expat

MEMBER_BYTES = 50 * 2**20
"""Of one XML file, unpacked."""
TOTAL_BYTES = 200 * 2**20
MOST_MEMBERS = 5_000
MOST_CHARACTERS = 4_000_000

_WANTED = re.compile(
    r"word/(?:document|footnotes|endnotes|comments|header\d*|footer\d*)\.xml|xl/(?:sharedStrings|worksheets/sheet\d+)\.xml"
    r"|ppt/(?:slides|notesSlides)/[^/]+\.xml|content\.xml"
)
_TEXTS = {"t", "delText", "v"}
_ENDS = {"p", "h", "si", "row", "tr", "br", "table-row", "c", "table-cell", "tab", "line-break"}
_BLOCKS = {"p", "h", "si", "row", "tr", "br", "table-row", "line-break"}
_NUMBER = re.compile(r"(\d+)")


class Broken(Exception):
    """Raised when a document cannot be read. The message says why, for people."""


def office_text(data: bytes) -> tuple[str, str]:
    """(text, reason why it is cut). **Raises:** Broken."""
    texts: list[str] = []
    left = TOTAL_BYTES
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            infos = archive.infolist()
            if len(infos) > MOST_MEMBERS:
                raise Broken(f"It holds more than {MOST_MEMBERS:,} parts.")
            wanted = sorted((info for info in infos if _WANTED.fullmatch(info.filename)), key=_order)
            for info in wanted:
                with archive.open(info) as member:
                    xml = member.read(min(MEMBER_BYTES, left) + 1)
                left -= len(xml)
                if len(xml) > MEMBER_BYTES or left < 0:
                    return "\n".join(texts), "It unpacks to more than is searched."
                texts.append(_Reader(info.filename).read(xml))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        raise Broken("It is damaged, encrypted, or packed in a way that is not read.") from error
    if not wanted:
        raise Broken("This kind of file is not searched inside.")
    return "\n".join(text for text in texts if text.strip()), ""


def _order(info: zipfile.ZipInfo) -> list[str | int]:
    return [int(part) if part.isdigit() else part for part in _NUMBER.split(info.filename)]


class _Reader:
    """The texts of one XML file."""

    def __init__(self, name: str) -> None:
        self._open = name == "content.xml"  # OpenDocument: everything in a paragraph is text
        self._depth = 0
        self._shared = False
        self._pieces: list[str] = []
        self._characters = 0

    def read(self, xml: bytes) -> str:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._doctype
        try:
            parser.Parse(xml, True)
        except expat.ExpatError as error:
            raise Broken("Its XML is damaged.") from error
        return "".join(self._pieces)

    def _doctype(self, *_declared: object) -> None:
        raise Broken("Its XML declares entities, which no office program writes.")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(" ")[2]
        if local == "c":
            self._shared = attributes.get("t") == "s"
        if (self._open and local in ("p", "h")) or (not self._open and local in _TEXTS):
            self._depth += 1

    def _end(self, name: str) -> None:
        local = name.rpartition(" ")[2]
        if (self._open and local in ("p", "h")) or (not self._open and local in _TEXTS):
            self._depth -= 1
        if local in _ENDS:
            self._pieces.append("\n" if local in _BLOCKS else "\t")

    def _text(self, text: str) -> None:
        if self._depth and not self._shared and self._characters < MOST_CHARACTERS:
            self._pieces.append(text)
            self._characters += len(text)
