"""A program of its own: a PDF file on standard input, its text, a NUL and a reason on standard output.

It knows nothing of the rest of the product, holds no key, and limits itself before it reads a byte.
"""

import logging
import resource
import sys
from io import BytesIO


def main() -> None:
    """Print the text. The exit status means nothing; without a NUL in the output, the file defeated the reader."""
    pages, seconds, memory_bytes, characters = map(int, sys.argv[1:5])
    data = sys.stdin.buffer.read()
    _limit(resource.RLIMIT_CPU, seconds)
    _limit(resource.RLIMIT_AS, memory_bytes + 2 * len(data))
    _limit(resource.RLIMIT_CORE, 0)
    logging.disable(logging.CRITICAL)
    text, reason = _read(data, pages, characters)
    sys.stdout.buffer.write(text.encode("utf-8", "replace").replace(b"\0", b" ") + b"\0" + reason.encode())


def _limit(what: int, most: int) -> None:
    try:
        resource.setrlimit(what, (most, most))
    except (ValueError, OSError):  # a system that knows no such limit; the caller's time limit remains
        return


def _read(data: bytes, pages: int, characters: int) -> tuple[str, str]:
    from pypdf import PdfReader  # after the limits are set

    texts: list[str] = []
    total = 0
    try:
        reader = PdfReader(BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            return "", "It is encrypted."
        for number, page in enumerate(reader.pages):
            if number >= pages or total >= characters:
                return "\n".join(texts)[:characters], "Only its beginning is searched."
            texts.append(page.extract_text())
            total += len(texts[-1])
    except Exception as error:  # noqa: BLE001 (whatever the library makes of a hostile file is the answer)
        return "\n".join(texts)[:characters], f"It is damaged ({type(error).__name__})."
    text = "\n".join(texts)
    return text, "" if text.strip() else "It holds no text; it may be a scan."


if __name__ == "__main__":
    main()
