"""`safekeep init`, `run`, `worker`, `demo`: make an installation and keep it running."""

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from types import FrameType
from urllib.request import urlopen

import click
from flask import Flask, current_app

from console.app import create_app
from console.commands import demo_folder
from console.commands.base import answer, fail, installation, json_option, refusals
from console.core.errors import Misconfigured
from console.core.jobs import Handler, work_once
from console.core.settings import Settings, load_settings
from console.install import initialise
from console.registry import LANES

IDLE_SECONDS = 0.5
START_SECONDS = 120
STOP_SECONDS = 30
PORT = click.IntRange(1, 65535)

log = logging.getLogger(__name__)


@click.command(epilog="Example: SAFEKEEP_INSTANCE=/srv/safekeep safekeep init")
@json_option
def init(as_json: bool) -> None:
    """Make the installation: folder, root key, key store, database. Run again, it upgrades the schema."""
    with refusals():
        settings = load_settings()
        keyring, new = initialise(settings)
        facts = {
            "instance": str(settings.instance),
            "installation": str(keyring.installation_id),
            "new": new,
            "root_key": settings.root_key,
            "root_fingerprint": keyring.provider.fingerprint(),
        }
        done = "was made" if new else "is up to date"
        answer(
            as_json,
            facts,
            f"The installation in {settings.instance} {done}.\nRoot key {settings.root_key}, fingerprint"
            f" {facts['root_fingerprint']}. Keep a copy of it apart from the database: without it nothing can be read.",
        )


@click.command(
    epilog="Example: safekeep run --host 127.0.0.1 --port 8080. SIGTERM stops after the requests in hand;"
    " SIGHUP reloads."
)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8080, show_default=True, type=PORT)
@click.option("--workers", default=0, help="Processes; 0 means one a core.")
def run(host: str, port: int, workers: int) -> None:
    """Serve the pages. Put a proxy with TLS in front, and name it in SAFEKEEP_TRUSTED_PROXIES."""
    with refusals():
        create_app()  # what keeps it from starting is said once here, rather than by each worker in turn
        check_port(host, port)
    # gunicorn replaces this process, so that signals reach it directly.
    command = gunicorn_command(host, port, workers or os.cpu_count() or 1)
    os.execv(command[0], command)  # noqa: S606 (fixed arguments, no shell)


def check_port(host: str, port: int) -> None:
    """Nothing happens if this machine can listen there. **Raises:** Misconfigured."""
    try:
        family, _kind, _protocol, _name, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except OSError as error:
        raise Misconfigured(
            f"Cannot listen on {host} port {port}: {error.strerror or error}. --port takes another one."
        ) from error


def gunicorn_command(host: str, port: int, workers: int) -> list[str]:
    """The production server's command line."""
    return [
        sys.executable,
        "-m",
        "gunicorn",
        "console.app:create_app()",
        "--bind",
        f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        "--workers",
        str(workers),
        "--worker-class",
        "gthread",
        "--threads",
        "4",
        "--graceful-timeout",
        "30",
        "--timeout",
        "60",
        "--no-control-socket",
        "--log-level",
        "warning",
    ]


@click.command(epilog="Example: safekeep worker")
def worker() -> None:
    """Do the work in the background: mail, imports, purges. Any number may run."""
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    with installation():
        logging.basicConfig(level=logging.INFO, format="%(asctime)s worker %(levelname)s %(message)s")
        work_in_lanes(LANES, stopping)


def work_in_lanes(lanes: dict[str, dict[str, Handler]], stopping: threading.Event) -> None:
    """Each lane does its own kinds of jobs, one after the other, until `stopping` is set; lanes do not wait for another."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
    threads = [
        threading.Thread(target=_work, args=(app, handlers, stopping), name=name) for name, handlers in lanes.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _work(app: Flask, handlers: dict[str, Handler], stopping: threading.Event) -> None:
    with app.app_context():
        while not stopping.is_set():
            try:
                busy = work_once(handlers, stopping=stopping.is_set)
            except Exception:
                log.exception("the worker could not look for work; it tries again")
                busy = False
            if not busy:
                stopping.wait(IDLE_SECONDS)


@click.command(epilog="Example: safekeep demo --port 8080 --fresh")
@click.option("--port", default=8080, show_default=True, type=PORT)
@click.option("--fresh", is_flag=True, help="Start over: the demo's data is deleted first.")
def demo(port: int, fresh: bool) -> None:
    """Start a demo with two Customers, web server and worker; keeps its data from one start to the next."""
    from console.demo import fill, logins

    os.environ["SAFEKEEP_PROFILE"] = "demo"
    with refusals():
        instance = load_settings().instance
        check_port("127.0.0.1", port)
        with demo_folder.take(instance, fresh=fresh) as held:
            demo_folder.write_settings(instance, port)
            settings = load_settings()
            _keyring, new = initialise(settings)
            if new:
                click.echo("Filling the demo with two Customers and their people ...")
            with installation():
                fill(new=new)
                text = logins(settings)
            demo_folder.mark_ready(held)
            _serve_until_stopped(settings, port, text)


def _serve_until_stopped(settings: Settings, port: int, text: str) -> None:
    web = subprocess.Popen(gunicorn_command("127.0.0.1", port, 2))  # noqa: S603 (fixed arguments)
    worker_process = subprocess.Popen([sys.executable, "-m", "console.cli", "worker"])
    children = [web, worker_process]
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    try:
        _wait_until_ready(port, web)
        click.echo(text)
        while not stopping.wait(0.5):
            if any(child.poll() is not None for child in children):
                fail("the web server or the worker ended; see the messages above.")
    finally:
        for child in children:
            if child.poll() is None:
                child.terminate()
        for child in children:
            child.wait(STOP_SECONDS)
    click.echo(f"Stopped. The demo's data stays in {settings.instance}.")


def _wait_until_ready(port: int, web: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if web.poll() is not None:
            fail(f"the web server could not start. Is port {port} free? `safekeep demo --port N` takes another.")
        try:
            with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    fail("the web server did not answer in time.")
