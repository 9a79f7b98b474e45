"""A Customer whose key is replaced: steps that several tests take."""

from datetime import timedelta

import pytest
import time_machine

from console.core import clock
from console.core.actor import system
from console.keys.actions import start_rotation
from console.keys.models import State, rotation
from console.vault.rotation import SETTLING

BY = system("test")


class Replacing:
    """Starts replacements and lets the worker do its part."""

    def __init__(self, house):
        self.house = house

    def start(self, tenant_id, reason="Somebody left"):
        with self.house.inside(tenant_id):
            return start_rotation(reason, by=BY).id

    def at(self, tenant_id, rotation_id):
        """The replacement as it stands, apart from any session."""
        with self.house.inside(tenant_id, write=False):
            from console.core.db import db

            found = rotation(rotation_id)
            db.session.expunge(found)
            return found

    def finish(self, tenant_id, rotation_id):
        """The worker works until it waits, time passes, and it works again. Answers how it ended."""
        self.house.work()
        assert self.at(tenant_id, rotation_id).state == State.SETTLING
        with time_machine.travel(clock.now() + SETTLING + timedelta(seconds=5), tick=True):
            self.house.work()
            return self.at(tenant_id, rotation_id)

    def whole(self, tenant_id, reason="Somebody left"):
        return self.finish(tenant_id, self.start(tenant_id, reason))


@pytest.fixture
def replacing(house):
    return Replacing(house)
