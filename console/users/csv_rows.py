"""Read a CSV file of people as a stream of rows. A file that cannot be trusted is refused as a whole."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO

from console.core.errors import Invalid
from console.core.spreadsheet import original

COLUMNS = ("given_name", "family_name", "email", "role", "phone", "title", "time_zone")
REQUIRED = ("given_name", "family_name", "email")
RESULT = ("row", "outcome", "reason")
"""The columns that a result file has before the others."""
IGNORED = ("state", "last_sign_in_at", "created_at", *RESULT)
"""Columns that our own exports and result files have besides; what they say is not imported."""
FILE_BYTES = 20 * 2**20
MOST_ROWS = 100_000
MOST_LINES = 2 * MOST_ROWS
"""Blank lines are passed over, but not without end."""
MOST_CELLS = 1000
"""In one line. Far above what any export writes, far below what would keep a process busy for seconds."""
MOST_ROW_BYTES = 400_000
"""Of one row that goes on over several lines."""
CELL_CHARACTERS = 10_000
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}

_BOM = b"\xef\xbb\xbf"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_SAVE_AS = (
    "In Excel, save it as “CSV UTF-8 (Comma delimited)”; in LibreOffice and Google Sheets, as CSV with the"
    " character set UTF-8. Then upload it again."
)
_SHOWN_NAMES, _SHOWN_CHARACTERS = 8, 40
_LOOKED_AT_BYTES = 4096


class BadFile(Invalid):
    """Raised when nothing of a file can be imported. The message names the place, why, and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message, {"file": message})


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One row: its number as a spreadsheet counts (the header is 1), its cells by `COLUMNS` (None: absent)."""

    number: int
    values: list[str | None]
    problem: str = ""
    extra: list[str] = field(default_factory=list)
    """Of a row with too many cells: those that belong to no column that is read, so that none is lost."""


class CsvFile:
    """An uploaded file, its header read. Iterate once for its rows. **Raises:** BadFile, in both."""

    def __init__(self, data: bytes) -> None:
        self._lines = _Lines(_text_bytes(data))
        self._reading = iter(self._lines)
        header = next(self._reading, "")
        self.delimiter = _delimiter(header)
        self.names = [_column_name(cell) for cell in _cells(header, self.delimiter)]
        _check_names(self.names)
        self.ignored = [name for name in self.names if name in IGNORED]
        self.columns = [name for name in COLUMNS if name in self.names]

    def __iter__(self) -> Iterator[CsvRow]:
        """The rows with anything in them, in order."""
        places = [self.names.index(name) if name in self.names else None for name in COLUMNS]
        width, found = len(self.names), 0
        for number, cells in self._records():
            if not any(cells) or not any(cell.strip() for cell in cells):
                continue
            found += 1
            if found > MOST_ROWS:
                raise BadFile(
                    f"The file has more than {MOST_ROWS:,} rows. Split it, and import one part after the other."
                )
            problem = "" if len(cells) == width else _other_width(len(cells), width, self.delimiter)
            padded = cells if len(cells) >= width else [*cells, *[""] * (width - len(cells))]
            values = [None if at is None else original(padded[at]) for at in places]
            yield CsvRow(number, values, problem, self._extra(cells) if len(cells) > width else [])
        if not found:
            raise BadFile("The file has a header but no rows below it. Add one row for each person.")

    def _extra(self, cells: list[str]) -> list[str]:
        """The cells of a too long row that stand under no column; what a result file says anew is left out."""
        read = {at for at, name in enumerate(self.names) if name in COLUMNS or name in RESULT}
        return [original(cell) for at, cell in enumerate(cells) if at not in read]

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        reader = csv.reader(self._reading, delimiter=self.delimiter, strict=True)
        while True:
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise BadFile(self._refusal(str(error))) from None
            if cells is None:
                return
            self._lines.row += 1
            if self._lines.row > MOST_LINES:
                raise BadFile(f"The file has more than {MOST_LINES:,} lines, empty ones included. Split it.")
            if cells and max(map(len, cells)) > CELL_CHARACTERS:
                raise BadFile(self._too_long(cells))
            yield self._lines.row, cells

    def _refusal(self, error: str) -> str:
        row = self._lines.row + 1
        if "field larger" in error:
            return (
                f"Row {row} has a cell with more than {CELL_CHARACTERS:,} characters. Shorten it; or, if it"
                " should be short, look for a quotation mark in that row that is opened and never closed."
            )
        if "unexpected end" in error:
            return (
                f"In row {row} a quotation mark is opened and never closed, so the file seems to be cut off."
                " Close it, or export the file again."
            )
        if "expected after" in error:
            return (
                f"Row {row} has a quotation mark within a cell. Write it twice (“a ”” b”), as spreadsheets"
                " do when they save CSV."
            )
        return f"Row {row} has a line break in the wrong place. Save the file again as CSV from a spreadsheet."

    def _too_long(self, cells: list[str]) -> str:
        place = next(at for at, cell in enumerate(cells) if len(cell) > CELL_CHARACTERS)
        name = self.names[place] if place < len(self.names) else f"cell {place + 1}"
        text = (
            f"Row {self._lines.row}, column {name}: the cell has {len(cells[place]):,} characters; at most"
            f" {CELL_CHARACTERS:,} are accepted. Shorten it."
        )
        if "\n" in cells[place]:
            text += " If it should be short, look for a quotation mark in that row that is never closed."
        return text


class _Lines:
    """The lines of a file as text, decoded one by one: memory holds one line, not the whole file twice."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.row = 0
        """The number of the last whole row; its reader keeps it up to date."""

    def __iter__(self) -> Iterator[str]:
        row, row_bytes = 0, 0
        for line in BytesIO(self._data):
            row, row_bytes = self.row, (row_bytes if row == self.row else 0) + len(line)
            if row_bytes > MOST_ROW_BYTES and row_bytes > len(line):
                raise BadFile(
                    f"Row {row + 1} goes on over too many lines. Look for a quotation mark that is never closed."
                )
            if len(line) > CELL_CHARACTERS and max(map(line.count, (b",", b";", b"\t"))) > MOST_CELLS:
                raise BadFile(f"Row {self.row + 1} has more than {MOST_CELLS:,} cells. Is this the right file?")
            if b"\0" in line:
                raise BadFile(f"Row {self.row + 1} holds a NUL character, which no text has. {_SAVE_AS}")
            try:
                yield line.decode()
            except UnicodeDecodeError as error:
                raise BadFile(
                    f"Row {self.row + 1} is not UTF-8 text (byte 0x{line[error.start]:02X}). The file was"
                    f" probably saved in an older encoding such as Windows-1252 or Latin-1. {_SAVE_AS}"
                ) from None
            if not self.row:
                self.row = 1  # the header, which is one line


def _text_bytes(data: bytes) -> bytes:
    """The bytes behind a byte order mark, with line feeds at the ends of lines."""
    if len(data) > FILE_BYTES:
        raise BadFile(f"The file is larger than {FILE_BYTES // 2**20} MiB. Split it into several files.")
    if data.startswith(_WORKBOOKS):
        raise BadFile(f"This is a spreadsheet workbook, not a CSV file. {_SAVE_AS}")
    start = data[:_LOOKED_AT_BYTES]
    if data.startswith(_UTF16_BOMS) or start.count(0) > len(start) // 4:
        raise BadFile(f"The file is saved as UTF-16 (“Unicode text”), not as UTF-8. {_SAVE_AS}")
    text = data.removeprefix(_BOM)
    if not text.strip():
        raise BadFile("The file is empty. Its first row names the columns; each row below is one person.")
    return text if b"\n" in text else text.replace(b"\r", b"\n")


def _delimiter(header: str) -> str:
    """The delimiter under which the header names the most columns that we know."""
    known = {*COLUMNS, *IGNORED}
    scores = {
        delimiter: sum(_column_name(cell) in known for cell in _cells(header, delimiter)) for delimiter in DELIMITERS
    }
    best = max(scores, key=lambda delimiter: scores[delimiter])
    if not scores[best]:
        raise BadFile(
            "The first row does not name the columns. It must hold at least"
            f" {_listed(REQUIRED)}, separated by commas, semicolons or tabs."
        )
    return best


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def _column_name(cell: str) -> str:
    return original(cell).strip().casefold().replace(" ", "_").replace("-", "_")


def _check_names(names: list[str]) -> None:
    unknown = [name for name in names if name and name not in COLUMNS and name not in IGNORED]
    missing = [name for name in REQUIRED if name not in names]
    twice = [name for name in COLUMNS if names.count(name) > 1]
    sentences = []
    if unknown:
        sentences.append(f"Unknown {_columns(unknown)}. Rename or remove what is not one of {_listed(COLUMNS)}.")
    if missing:
        sentences.append(f"Missing {_columns(missing)}. Every file needs {_listed(REQUIRED)}.")
    if twice:
        sentences.append(f"More than once: {_columns(twice)}. Keep one of each.")
    if sentences:
        raise BadFile("Row 1 (the header): " + " ".join(sentences))


def _columns(names: list[str]) -> str:
    return f"column{'s' if len(names) > 1 else ''} {_listed(names)}"


def _listed(names: list[str] | tuple[str, ...]) -> str:
    """Names for a message, cut short: what a file holds is never sent back at length."""
    shown = [_short(name) for name in names[:_SHOWN_NAMES]]
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")


def _short(name: str) -> str:
    printable = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in name)
    return printable if len(printable) <= _SHOWN_CHARACTERS else printable[:_SHOWN_CHARACTERS] + "…"


def _other_width(cells: int, width: int, delimiter: str) -> str:
    if cells < width:
        return f"The row has {cells} of {width} cells: it is cut off, or a delimiter is missing."
    return (
        f"The row has {cells} cells where the header has {width}. Put a cell that holds a {DELIMITERS[delimiter]}"
        " into quotation marks."
    )
