"""How many rows of a CSV a second are checked and applied, by the very functions that pages and worker call."""

import time
from pathlib import Path

from console.app import bare_app
from console.core.actor import Actor
from console.core.db import db, unit_of_work
from console.core.jobs import work_once
from console.core.settings import Settings
from console.install import initialise
from console.registry import HANDLERS
from console.users.import_apply import apply_import
from console.users.import_check import take_in
from tests import cast
from tests.databases import new_database, settings_for


def measure_import(folder: Path, rows: int) -> tuple[float, float]:
    """(rows checked a second, rows applied a second), without invitations."""
    with new_database() as database:
        return _measured(settings_for(folder / "instance", database), rows)


def _measured(settings: Settings, rows: int) -> tuple[float, float]:
    keyring, _new = initialise(settings)
    app = bare_app(settings, keyring)
    with app.app_context():
        admin = cast.build()["admin"]
        by = Actor(kind="person", tenant_id=admin.tenant_id, user_id=admin.id, role=admin.role, label=admin.name)
        _work()
        start = time.perf_counter()
        with unit_of_work(admin.tenant_id):
            import_id = take_in(_file(rows), file_name="people.csv", by=by).id
        _work()
        checked = time.perf_counter()
        with unit_of_work(admin.tenant_id):
            apply_import(import_id, invite=False, by=by)
        _work()
        applied = time.perf_counter()
        db.engine.dispose()
    return rows / (checked - start), rows / (applied - checked)


def _work() -> None:
    while work_once(HANDLERS):
        pass


def _file(rows: int) -> bytes:
    lines = (f"Ada{number},Lovelace,ada{number}@import.example,member,Analyst" for number in range(rows))
    return ("given_name,family_name,email,role,title\n" + "\n".join(lines) + "\n").encode()
