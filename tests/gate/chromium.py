"""A Chromium for the browser journeys: found, or installed where that is this machine's custom."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.gate.parts import PartMissing, is_root, say

CHOSEN_VARIABLE = "SAFEKEEP_TEST_CHROMIUM"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
APPLICATIONS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
ANSWER_SECONDS = 30
INSTALL_SECONDS = 900
PACKAGES = ("chromium", "fonts-noto-core", "fonts-noto-cjk")
APT_INSTALL = ("apt-get", "install", "-y", "--no-install-recommends", *PACKAGES)
PLAYWRIGHT_INSTALL = (sys.executable, "-m", "playwright", "install", "chromium")
ASK_PLAYWRIGHT = (
    "from playwright.sync_api import sync_playwright as start\n"
    "with start() as playwright: print(playwright.chromium.executable_path)"
)
REMEDY = "install Chromium (apt install chromium, brew install --cask chromium, or playwright install chromium)"


def find_chromium() -> Path | None:
    """A Chromium or Chrome that answers when run: the chosen one, one on the path, or Playwright's own."""
    return next((path for path in _candidates() if _answers(path)), None)


def ensure_chromium() -> Path:
    """A Chromium that runs, installed if need be and possible. **Raises** PartMissing with the reason."""
    found = find_chromium()
    if found:
        return found
    reason = _installed()
    found = find_chromium()
    if found:
        return found
    raise PartMissing("Chromium", reason or "what was installed does not run", REMEDY)


def _candidates() -> Iterator[Path]:
    chosen = os.environ.get(CHOSEN_VARIABLE)
    if chosen:
        yield Path(chosen)
    for program in PROGRAMS:
        on_path = shutil.which(program)
        if on_path:
            yield Path(on_path)
    yield from (path for path in map(Path, APPLICATIONS) if path.exists())
    playwrights = _output((sys.executable, "-c", ASK_PLAYWRIGHT))
    if playwrights and Path(playwrights.strip()).exists():
        yield Path(playwrights.strip())


def _answers(path: Path) -> bool:
    """Whether it is a browser and not a placeholder that only tells how to install one."""
    return _output((str(path), "--version")) is not None


def _output(command: Sequence[str]) -> str | None:
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=ANSWER_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _installed() -> str:
    """An installation was tried; answers why it failed, or nothing."""
    if is_root() and _is_debian():
        say(f"No Chromium here: installing {', '.join(PACKAGES)} with apt-get")
        return _tried(("apt-get", "update")) or _tried(APT_INSTALL)
    say("No Chromium here: asking Playwright to download one")
    return _tried(PLAYWRIGHT_INSTALL)


def _is_debian() -> bool:
    """Whether the package `chromium` is the browser itself (elsewhere it may be a placeholder)."""
    try:
        return platform.freedesktop_os_release().get("ID") == "debian" and bool(shutil.which("apt-get"))
    except OSError:
        return False


def _tried(command: Sequence[str]) -> str:
    """Nothing when the command ended well, else its name and the first error that it printed."""
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=INSTALL_SECONDS, env=env)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return ""
    lines = (done.stderr or done.stdout).strip().splitlines()
    telling = next((line for line in lines if line.startswith(("E:", "Error"))), lines[-1] if lines else "")
    return f"{' '.join(command)}: {telling or f'exit status {done.returncode}'}"
