"""CSV cells that a spreadsheet will not run."""

DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")  # noqa: RUF001 (wide forms run too)


def neutral(cell: object) -> str:
    """The text of a cell; an apostrophe stands before one that a spreadsheet would take for a formula.

    Text that has apostrophes before such a formula gets one more, so that `original` always finds the way back.
    **Source:** OWASP, CSV injection. The import of users takes the apostrophe off again.
    """
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.lstrip("'").startswith(DANGEROUS) else text


def original(cell: str) -> str:
    """The text behind `neutral`."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(DANGEROUS) else cell
