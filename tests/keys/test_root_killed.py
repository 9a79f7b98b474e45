"""Replacing the root key, killed before and after every single write: whoever runs it again finishes it."""

import pytest
from sqlalchemy import func, select

from console.audit.models import AuditEntry
from console.audit.tags import Tag
from console.core.actor import system
from console.core.db import db, unit_of_work
from console.core.errors import Conflict
from console.core.ids import PLATFORM_TENANT_ID
from console.keys import roots
from console.vault import schema
from console.vault.access import keyring
from console.vault.file_provider import FileProvider
from console.vault.keystore import KeyStore

BY = system("test")
WRITES = (
    (FileProvider, "rotate"),
    (KeyStore, "replace_canary"),
    (KeyStore, "replace_wrapping"),
    (FileProvider, "retire"),
)


class Killed(BaseException):
    """Ends the command at that point, whatever it is in the middle of; nothing of ours catches it."""


class Points:
    """Counts what is about to be written and what was written; ends the command at the one wanted."""

    def __init__(self, monkeypatch):
        self.wanted, self.passed = 0, 0
        for owner, name in WRITES:
            monkeypatch.setattr(owner, name, self.around(getattr(owner, name)))

    def around(self, method):
        def wrapped(*args, **kwargs):
            self.reach()
            answer = method(*args, **kwargs)
            self.reach()
            return answer

        return wrapped

    def reach(self):
        self.passed += 1
        if self.passed == self.wanted:
            raise Killed


def whole():
    with unit_of_work(PLATFORM_TENANT_ID):
        roots.ensure_new_root(by=BY)
    done = roots.wrap_anew()
    with unit_of_work(PLATFORM_TENANT_ID):
        roots.record_wrapped(done, by=BY)
    with unit_of_work(PLATFORM_TENANT_ID):
        roots.retire_roots(by=BY)


def check_every_key_opens(house):
    ring = keyring()
    for tenant_id in (PLATFORM_TENANT_ID, house["owner"].tenant_id, house["birch_owner"].tenant_id):
        ring.drop(tenant_id)
        assert ring.check([tenant_id]) == []


def test_killed_at_any_write_it_is_simply_run_again(house, monkeypatch):
    points, killed = Points(monkeypatch), 0
    with house.app.app_context():
        while killed < 100:
            points.wanted, points.passed = killed + 1, 0
            try:
                whole()
                break
            except Killed:
                killed += 1
            check_every_key_opens(house)
            points.wanted = 0
            whole()
            check_every_key_opens(house)
            newest, *others = roots.roots()
            assert (newest.state, newest.wraps) == (roots.CURRENT, 4)
            assert {(root.state, root.wraps) for root in others} == {(roots.GONE, 0)}
        assert killed == 12, "before and after: a root, the test text, three keys, and the old root's end"
    with house.inside(PLATFORM_TENANT_ID, write=False):
        count = select(func.count()).select_from(AuditEntry).where(AuditEntry.tag == Tag.ROOT_RETIRED)
        assert db.session.execute(count).scalar_one() >= killed


@pytest.mark.parametrize("damaged", [True, False])
def test_a_key_that_does_not_open_keeps_the_old_root(house, damaged):
    with house.app.app_context():
        ring = keyring()
        birch = house["birch_owner"].tenant_id
        if damaged:
            with ring.store._write("a planted fault") as connection:
                broken = schema.tenant_keys.update().where(schema.tenant_keys.c.tenant_id == birch)
                connection.execute(broken.values(wrapped=b"\1" + bytes(92)))
        with unit_of_work(PLATFORM_TENANT_ID):
            roots.ensure_new_root(by=BY)
        done = roots.wrap_anew()
        assert (done.done, done.remaining) == ((2, 1) if damaged else (3, 0))
        if damaged:
            with pytest.raises(Conflict, match=r"version 1 \(1\)"), unit_of_work(PLATFORM_TENANT_ID):
                roots.retire_roots(by=BY)
        else:
            with unit_of_work(PLATFORM_TENANT_ID):
                assert len(roots.retire_roots(by=BY)) == 1
        assert 1 in {root.version for root in roots.roots()}
