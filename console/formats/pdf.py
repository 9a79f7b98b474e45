"""The text of a PDF file, read by a process of its own that is stopped when it takes too long or too much memory."""

import subprocess
import sys
from pathlib import Path

MOST_PAGES = 500
SECONDS = 30
MEMORY_BYTES = 1024 * 2**20
MOST_CHARACTERS = 2_000_000
FILE_BYTES = 100 * 2**20

_PROGRAM = Path(__file__).with_name("pdf_reader.py")


def pdf_text(data: bytes) -> tuple[str, str]:
    """(text, reason why it is empty or cut). Nothing raises, whatever the file does to its reader."""
    if len(data) > FILE_BYTES:
        return "", f"PDF files above {FILE_BYTES // 2**20} MiB are not searched inside."
    limits = [str(number) for number in (MOST_PAGES, SECONDS, MEMORY_BYTES, MOST_CHARACTERS)]
    command = [sys.executable, "-I", str(_PROGRAM), *limits]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=2 * SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return "", "Reading it took too long."
    text, marker, reason = done.stdout.decode("utf-8", "replace").rpartition("\0")
    if not marker:
        return "", "Its reader gave up: the file is damaged, or needs too much time or memory."
    return text, reason
