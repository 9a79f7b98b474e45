"""A short name for a browser, for lists and mails that people read. It decides nothing."""

import re

_BROWSERS = (
    ("Edge", re.compile(r"Edg(?:e|A|iOS)?/(\d+)")),
    ("Opera", re.compile(r"OPR/(\d+)")),
    ("Samsung Internet", re.compile(r"SamsungBrowser/(\d+)")),
    ("Firefox", re.compile(r"(?:Firefox|FxiOS)/(\d+)")),
    ("Chrome", re.compile(r"(?:HeadlessChrome|Chrome|CriOS)/(\d+)")),
    ("Safari", re.compile(r"Version/(\d+)[\d.]* (?:Mobile/\S+ )?Safari/")),
)
_SYSTEMS = (
    ("iPhone", re.compile(r"iPhone|iPod")),
    ("iPad", re.compile(r"iPad")),
    ("Android", re.compile(r"Android")),
    ("Windows", re.compile(r"Windows")),
    ("macOS", re.compile(r"Mac OS X|Macintosh")),
    ("ChromeOS", re.compile(r"CrOS")),
    ("Linux", re.compile(r"Linux|X11")),
)
LONGEST = 300


def browser_name(user_agent: str | None) -> str:
    """Such as "Firefox 140 on Windows"; a first word for programs; "Unknown browser" without a header."""
    text = (user_agent or "")[:LONGEST]
    name = next((f"{label} {m.group(1)}" for label, pattern in _BROWSERS if (m := pattern.search(text))), None)
    system = next((label for label, pattern in _SYSTEMS if pattern.search(text)), None)
    if name and system:
        return f"{name} on {system}"
    if name or system:
        return name or f"A browser on {system}"
    word = re.match(r"[A-Za-z][\w.\-]{0,40}(?:/[\w.]{1,20})?", text)
    return word.group(0) if word else "Unknown browser"
