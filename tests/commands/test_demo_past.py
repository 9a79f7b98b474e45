"""The demo has a past of two months, told by the product's own acts: plots, sign-in log, replay and review show it."""

import re
import shutil
from datetime import timedelta

import pytest
from sqlalchemy import select

from console.app import create_app
from console.audit.models import EntryFilter, entries
from console.audit.verify import verify
from console.core import clock
from console.core.db import db, unit_of_work
from console.demo import CUSTOMERS, PASSWORD, fill
from console.demo_past import DAYS
from console.install import initialise
from console.sessions.models import sign_ins_by_day
from console.tenants.models import Tenant, customers
from tests import databases
from tests.house import House
from tests.users.acts import main_text

pytestmark = pytest.mark.skipif(databases.POSTGRESQL, reason="the demo's own database is SQLite")


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A demo as it is right after it was filled."""
    folder = tmp_path_factory.mktemp("demo") / "instance"
    settings = databases.settings_for(folder)
    initialise(settings)
    app = create_app(settings)
    with app.app_context():
        fill(new=True)
    yield House(app, settings, {})
    with app.app_context():
        db.engine.dispose()
    shutil.rmtree(folder)


def tenants(demo):
    with demo.app.app_context(), unit_of_work(write=False):
        return {tenant.name: tenant.id for tenant in customers()}


def signed_in(demo, email):
    """In a browser that is new to the demo: the code comes by mail."""
    visitor = demo.visitor()
    assert visitor.sign_in(email).status_code == 422, "the tests' own password is not the demo's"
    assert visitor.sign_in(email, PASSWORD).location.startswith("/sign-in/confirm")
    assert demo.confirm(visitor, email).status_code == 303
    return visitor


def test_two_months_of_sign_ins_stand_in_counts_and_record_in_their_order(demo):
    for name, tenant_id in tenants(demo).items():
        with demo.app.app_context(), unit_of_work(tenant_id, write=False):
            days = [day for day in sign_ins_by_day(DAYS + 1) if day.succeeded]
            assert len(days) > 20, name
            assert any(day.refused for day in sign_ins_by_day(DAYS + 1)), name
            found = entries(EntryFilter(tags=("sessions:session:started",)), limit=2000)
            assert sum(day.succeeded for day in days) == len(found)
            moments = [entry.at for entry in found]
            assert moments == sorted(moments, reverse=True)
            assert moments[-1] < clock.now() - timedelta(days=DAYS - 10)
            assert verify().sound
            began = db.session.execute(select(Tenant.created_at).where(Tenant.id == tenant_id)).scalar_one()
            assert began < moments[-1]


def test_sign_in_log_overview_and_review_show_it(demo):
    visitor = signed_in(demo, "grace@orchardtrust.example")
    log = main_text(visitor.get("/audit/sign-ins"))
    assert "203.0.113." in log or "198.51.100." in log
    review = main_text(visitor.get("/security/ip-ranges/review?days=90"))
    refused, seen = map(int, re.search(r"Sign-ins refused (\d+) of (\d+)", review).groups())
    assert 0 < refused < seen
    assert visitor.get("/overview").status_code == 200
    assert visitor.get("/users").status_code == 200


def test_who_is_invited_can_still_follow_the_link(demo):
    assert {name for name, _domain, _term, _people in CUSTOMERS} == set(tenants(demo))
    for mailbox in ("joao", "ani"):
        assert demo.visitor().get(demo.link(f"{mailbox}@harbourlane.example", "invites you")).status_code == 200


def test_the_clock_goes_on_afterwards(demo):
    moment = clock.now()
    with clock.standing_at(moment - timedelta(days=1)):
        assert clock.now() == moment - timedelta(days=1)
    assert clock.now() >= moment
