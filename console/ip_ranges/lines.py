"""Many entries as text: pasted lines and CSV files in, CSV files out."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from console.core.errors import Invalid
from console.core.spreadsheet import neutral, original
from console.ip_ranges.addresses import parse_span
from console.ip_ranges.entries import MOST_ENTRIES, Entry, new_entry

COLUMNS = ("range", "strength", "description", "on", "roles", "starts_at", "ends_at")
_ADDRESS = r"[0-9A-Fa-f:.*%\[\]]+(?:\s*/\s*[0-9.]+)?"
_LINE = re.compile(rf"\s*({_ADDRESS}(?:\s*[-\u2010-\u2015]\s*(?={_ADDRESS}){_ADDRESS})?)(?:[\s,;]+(.*))?", re.DOTALL)
_TRUE, _FALSE = ("yes", "on", "true", "1", ""), ("no", "off", "false", "0")


@dataclass
class Line:
    """One line: where it stood, what it says, and the entry it makes or why it makes none."""

    number: int
    text: str
    entry: Entry | None = None
    problem: str = ""
    notes: list[str] = field(default_factory=list)
    seen: str = ""
    """In words, what of it is in the list already; empty for something new."""


def read_lines(text: str, *, strength: str, roles: Iterable[str] = ()) -> list[Line]:
    """Each line that says something. A first line with column names makes it a CSV file.

    **Raises:** Invalid where there are more lines than a list may have.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    found = list(_csv_lines(text, strength) if _is_csv(text) else _plain_lines(text, strength, tuple(roles)))
    if len(found) > MOST_ENTRIES:
        raise Invalid(f"A list has at most {MOST_ENTRIES:,} entries; this text has {len(found):,} lines.")
    return found


def _is_csv(text: str) -> bool:
    head = text.lstrip().partition("\n")[0]
    return "range" in [cell.strip().lower() for cell in re.split(r"[,;\t]", head.replace('"', ""))]


def _plain_lines(text: str, strength: str, roles: tuple[str, ...]) -> Iterator[Line]:
    for number, raw in enumerate(text.split("\n"), start=1):
        said, _hash, comment = raw.partition("#")
        if not said.strip():
            continue
        found = _LINE.fullmatch(said.strip())
        typed, description = (found.group(1), found.group(2) or comment) if found else (said.strip(), comment)
        values = {"range": typed, "strength": strength, "description": description.strip(" ,;")}
        yield _line(number, raw.strip(), values, roles)


def _csv_lines(text: str, strength: str) -> Iterator[Line]:
    head = text.lstrip().partition("\n")[0]
    delimiter = next((mark for mark in (";", "\t") if head.count(mark) > head.count(",")), ",")
    reader = csv.reader(io.StringIO(text.lstrip()), delimiter=delimiter)
    names = [name.strip().lower() for name in next(reader)]
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            values = {name: original(cell.strip()) for name, cell in zip(names, cells, strict=False)}
            values["strength"] = values.get("strength") or strength
            roles = tuple(part.strip() for part in re.split(r"[\s|,;]+", values.get("roles", "")) if part.strip())
            yield _line(reader.line_num, delimiter.join(cells), values, roles)
    except csv.Error as problem:
        raise Invalid(f"Line {reader.line_num} is no CSV: {problem}.") from problem


def _line(number: int, text: str, values: dict[str, str], roles: tuple[str, ...]) -> Line:
    line = Line(number, text[:200])
    try:
        line.notes = parse_span(values["range"])[1]
        line.entry = new_entry(
            values["range"],
            strength=values["strength"].lower(),
            description=values.get("description", ""),
            on=_switch(values.get("on", "")),
            roles=roles,
            starts_at=_moment(values.get("starts_at", "")),
            ends_at=_moment(values.get("ends_at", "")),
        )
    except Invalid as problem:
        line.problem = problem.message
    return line


def _switch(text: str) -> bool:
    if text.lower() not in (*_TRUE, *_FALSE):
        raise Invalid(f"“{text[:20]}” in the column on is neither yes nor no.")
    return text.lower() in _TRUE


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(f"“{text[:30]}” is no date and time. Write it as 2026-12-24T18:00Z.") from None
    return moment


def mark_known(lines: list[Line], present: Iterable[Entry]) -> None:
    """Each line that says what the list, or an earlier line, says already is marked."""
    known = {(entry.range, entry.strength, entry.roles): "the list" for entry in present}
    for line in lines:
        if line.entry is None:
            continue
        key = (line.entry.range, line.entry.strength, line.entry.roles)
        if key in known:
            line.seen = f"Already in {known[key]}"
        else:
            known[key] = f"line {line.number}"


def csv_lines(entries: Iterable[Entry]) -> Iterator[str]:
    """The entries as a CSV file that can be read again."""
    yield "\ufeff" + _row(COLUMNS)
    for entry in entries:
        times = [at.isoformat().replace("+00:00", "Z") if at else "" for at in (entry.starts_at, entry.ends_at)]
        switch = "yes" if entry.on else "no"
        yield _row([entry.range, entry.strength, entry.description, switch, " ".join(entry.roles), *times])


def _row(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow([neutral(cell) for cell in cells])
    return out.getvalue()
