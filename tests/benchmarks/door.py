"""What the door costs: session, choices, IP decision and permission of one request, beside a bare Flask page."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from flask import Flask

from blueprints.gate import public, requires
from console.app import create_app
from console.core.actor import system
from console.core.db import unit_of_work
from console.core.permissions import Permission
from console.install import initialise
from console.policies.actions import save
from tests import cast
from tests.databases import settings_for
from tests.house import House

SIZES = (0, 10, 1000, 10_000)
REQUESTS = 300


def main() -> None:
    """Print milliseconds of processor time and the ratio to a bare page, for lists of each size."""
    bare = _milliseconds(_bare_client())
    print(f"bare Flask page: {bare:.2f} ms")
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            outside, inside = _door(Path(folder), size)
        print(
            f"{size:>6,} ranges: open page {outside:.2f} ms ({outside / bare:.1f}x), signed in {inside:.2f} ms ({inside / bare:.1f}x)"
        )


def _bare_client() -> Callable[[], object]:
    app = Flask("bare")
    app.add_url_rule("/", view_func=lambda: "ok")
    client = app.test_client()
    return lambda: client.get("/")


def _door(folder: Path, size: int) -> tuple[float, float]:
    settings = settings_for(folder, None)
    initialise(settings)
    app = create_app(settings)
    app.add_url_rule("/open", view_func=public(lambda: "ok"), endpoint="open")
    app.add_url_rule("/closed", view_func=requires(Permission.ME_PROFILE_READ)(lambda: "ok"), endpoint="closed")
    with app.app_context():
        house = House(app, settings, cast.build())
    if size:
        with app.app_context(), unit_of_work(house["owner"].tenant_id):
            save("ip_ranges", _ranges(size), based_on=0, reason="", by=system("a benchmark"))
    client = house.signed_in("owner", address="127.0.0.1").client
    return _milliseconds(lambda: client.get("/open")), _milliseconds(lambda: client.get("/closed"))


def _ranges(size: int) -> dict[str, object]:
    from console.ip_ranges.entries import RangeList, new_entry

    texts = ["127.0.0.1", *(f"{10 + n // 65_536}.{n // 256 % 256}.{n % 256}.0/28" for n in range(size - 1))]
    return RangeList("enforce", entries=tuple(new_entry(text) for text in texts)).as_document()


def _milliseconds(ask: Callable[[], object]) -> float:
    for _warm in range(20):
        ask()
    start = time.process_time()
    for _request in range(REQUESTS):
        ask()
    return (time.process_time() - start) / REQUESTS * 1000


if __name__ == "__main__":
    main()
