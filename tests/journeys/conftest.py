"""A running demo and a real browser in front of it. Whatever a page complains about fails the test that saw it."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.commands.processes import environment, free_port, running
from tests.gate.chromium import CHOSEN_VARIABLE, find_chromium

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WATCH = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error("policy violated: " + event.violatedDirective + " by " + event.blockedURI);
});
"""
expect.set_options(timeout=30_000)  # nothing is waited for that long but on a busy machine
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1440, "height": 900}


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The address of a demo that runs for all journeys."""
    port = free_port()
    env = environment(tmp_path_factory.mktemp("journeys") / "instance", SAFEKEEP_ANONYMOUS_REQUESTS="10000 per minute")
    with running(env, "demo", "--port", str(port)) as process:
        while line := process.stdout.readline():
            if "Stop with Ctrl-C" in line:
                break
        else:
            pytest.fail(process.stderr.read())
        yield f"http://localhost:{port}"


@pytest.fixture(scope="session")
def chromium():
    chosen = os.environ.get(CHOSEN_VARIABLE) or find_chromium()
    assert chosen, "no Chromium was found; the gate says how to get one"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(Path(chosen)), args=list(ARGUMENTS))
        yield browser
        browser.close()


class Window:
    """A browser window of its own: cookies, size, colours, with or without scripts. It keeps what pages complain of."""

    def __init__(self, browser: Browser, site: str, **options):
        self.site, self.complaints = site, []
        self.context: BrowserContext = browser.new_context(
            base_url=site, reduced_motion="reduce", **{"viewport": DESK, **options}
        )
        self.context.set_default_timeout(60_000)
        self.scripts = options.get("java_script_enabled", True)
        if self.scripts:
            self.context.add_init_script(WATCH)
        self.context.on("console", self._console)
        self.context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self.context.on("requestfailed", self._failed)
        self.page: Page = self.context.new_page()

    def _console(self, message) -> None:
        # A page that says no has its own status, which the browser notes; anything else is a complaint.
        said_no = "the server responded with a status of 4" in message.text
        if message.type in ("error", "warning") and not said_no:
            self.complaints.append(message.text)

    def _failed(self, request) -> None:
        if "ERR_ABORTED" not in (request.failure or ""):
            self.complaints.append(f"{request.url}: {request.failure}")

    def close(self) -> None:
        self.context.close()
        assert not self.complaints, self.complaints


@pytest.fixture
def window(chromium, site):
    """Make windows; each is closed at the end and must have nothing to complain of."""
    made = []

    def make(**options) -> Window:
        made.append(Window(chromium, site, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()
