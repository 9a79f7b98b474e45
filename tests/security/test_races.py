"""Two at the same moment, two hundred times for each race: exactly one of them wins, and no Customer loses its last owner.

Each trial starts two units of work in two threads behind one barrier, before either has read anything, and lets both act
to the end. The pages' own races are in the tests of their areas; here it is about what the actions and the database let
through, so that two hundred trials of a race take a few seconds on each database.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import func, select

from console.core import clock
from console.core.actor import Actor, system
from console.core.db import db
from console.core.errors import ConsoleError
from console.core.ids import new_id
from console.identity import confirmation, recovery_codes, totp
from console.identity.actions import accept_invitation
from console.identity.models import totp_of
from console.ip_ranges import break_glass
from console.policies import actions as policies
from console.policies.models import in_force
from console.users.actions import add_user
from console.users.lifecycle import suspend
from console.users.models import Details, State, User, user
from tests.cast import TOTP_SECRET

TRIALS = 200
BY = system("race")


def actor(house, key, kind="person"):
    person = house[key]
    return Actor(kind, person.tenant_id, person.id, person.role, person.name, "198.51.100.9")


class Race:
    """One race: `ready` puts everything back, and answers what the two do; `after` looks at what came of it."""

    tenant = "owner"

    def __init__(self, house):
        self.house = house
        self.tenant_id = house[self.tenant].tenant_id
        self.trial = 0

    def ready(self):
        raise NotImplementedError

    def after(self):
        """Whether what stands in the database now fits one winner."""
        return True


class LastAdministrator(Race):
    """Two owners, the only administrators, suspend each other."""

    tenant = "birch_owner"

    def ready(self):
        with self.house.inside(self.tenant_id):
            for key in ("birch_owner", "birch_admin"):
                person = user(self.house[key].id)
                person.role, person.state = "owner", State.ACTIVE
        pairs = [("birch_owner", "birch_admin"), ("birch_admin", "birch_owner")]
        return [lambda a=a, b=b: bool(suspend([self.house[b].id], by=actor(self.house, a))) for a, b in pairs]

    def after(self):
        query = select(func.count()).select_from(User).where(User.role == "owner", User.state == State.ACTIVE)
        with self.house.inside(self.tenant_id, write=False):
            return db.session.execute(query).scalar_one() == 1


class RecoveryCode(Race):
    """One recovery code, given twice."""

    def ready(self):
        owner = self.house["owner"]
        with self.house.inside(self.tenant_id):
            code = recovery_codes.make_codes(user(owner.id))[0]
        return [lambda: recovery_codes.use_code(owner.id, code)] * 2

    def after(self):
        with self.house.inside(self.tenant_id, write=False):
            return recovery_codes.codes_left(self.house["owner"].id) == recovery_codes.CODES - 1


class AppCode(Race):
    """One code of an authenticator app, given twice."""

    tenant = "agent"

    def ready(self):
        agent = self.house["agent"]
        with self.house.inside(self.tenant_id):
            totp_of(agent.id).last_step = 0
        code = pyotp.TOTP(TOTP_SECRET).at(clock.now())
        return [lambda: totp.prove(user(agent.id), code, by=BY).right] * 2


class MailedCode(Race):
    """One code by mail, typed twice; each try is counted first, as on the page."""

    def ready(self):
        owner = self.house["owner"]
        with self.house.inside(self.tenant_id):
            session_id, code = new_id(), f"{self.trial:08}"
            confirmation.close_codes(owner.id, "telephone")
            row = confirmation.telephone_row(user(owner.id), code, timedelta(minutes=10))
            db.session.add(row)
        counted = []
        for _each in range(2):
            with self.house.inside(self.tenant_id):
                counted.append(confirmation.count_try(owner.id, session_id=session_id, tokens=[]))
        return [lambda c=c: confirmation.prove(user(owner.id), code, c, by=BY).right for c in counted]


class DoubleSubmit(Race):
    """One form of the settings, sent twice."""

    def ready(self):
        with self.house.inside(self.tenant_id, write=False):
            number = in_force("settings").number
        new = {"session_idle_minutes": 30 + self.trial % 2}
        return [lambda: policies.save("settings", new, based_on=number, reason="", by=BY) == number + 1] * 2


class SamePersonTwice(Race):
    """One form that adds a person, sent twice."""

    def ready(self):
        details = Details("Nia", "Neu", f"nia{self.trial}@acme.example")
        return [lambda: bool(add_user(details, "member", by=BY, invite=False))] * 2


class Invitation(Race):
    """One invitation, followed twice."""

    def ready(self):
        with self.house.inside(self.tenant_id):
            _person, link = add_user(Details("Ivo", "Neu", f"ivo{self.trial}@acme.example"), "member", by=BY)
        token = link.url.rsplit("/", 1)[1]
        return [lambda: bool(accept_invitation(token, "x", by=BY))] * 2


class KeepOrRevert(Race):
    """A list on trial, confirmed by one and ended by the other."""

    def ready(self):
        with self.house.inside(self.tenant_id):
            number = policies.save(
                "settings",
                {"session_idle_minutes": 30},
                based_on=in_force("settings").number,
                reason="",
                by=BY,
                trial_minutes=10,
            )
        self.number = number

        def keep():
            policies.keep("settings", number=number, by=BY)
            return True

        def revert():
            policies.fall_back("settings", number=number, by=BY)
            return True

        return [keep, revert]

    def after(self):
        with self.house.inside(self.tenant_id, write=False):
            return not in_force("settings").on_trial


class DoubleApprove(Race):
    """One request to lift the ranges, approved by two colleagues."""

    def ready(self):
        with self.house.inside(self.tenant_id):
            for row in break_glass.lifts():
                row.ended_at = row.ended_at or clock.now()
            self.lift_id = break_glass.ask_lift(reason="The line is down", hours=1, by=self.staff("agent")).id
        return [self.approve, self.approve]

    def staff(self, key):
        return actor(self.house, key, "staff")

    def approve(self):
        return bool(break_glass.approve_lift(self.lift_id, by=self.staff("platform_administrator")))


class ApproveOrWithdraw(DoubleApprove):
    """One request to lift the ranges, approved by a colleague while it is withdrawn."""

    def ready(self):
        super().ready()
        return [self.approve, lambda: bool(break_glass.withdraw_lift(self.lift_id, by=self.staff("agent")))]


RACES = (
    LastAdministrator,
    RecoveryCode,
    AppCode,
    MailedCode,
    DoubleSubmit,
    SamePersonTwice,
    Invitation,
    KeepOrRevert,
    DoubleApprove,
    ApproveOrWithdraw,
)


def run(race, acts, pool):
    """What the acts answered that began together; a refusal is False."""
    barrier = threading.Barrier(len(acts))

    def one(act):
        try:
            with race.house.inside(None if isinstance(race, Invitation) else race.tenant_id):
                barrier.wait(30)
                return act()
        except ConsoleError:
            return False

    return list(pool.map(one, acts))


def trials(house, kind, count=TRIALS):
    """For each trial how many won, and whether what is left fits one winner."""
    race, found = kind(house), []
    with ThreadPoolExecutor(2) as pool:
        for race.trial in range(count):
            won = sum(run(race, race.ready(), pool))
            found.append((won, race.after()))
    return found


@pytest.mark.parametrize("kind", RACES)
def test_exactly_one_of_two_wins_in_two_hundred_trials(house, kind):
    found = trials(house, kind)
    assert len(found) == TRIALS
    assert set(found) == {(1, True)}


def test_control_a_code_that_is_compared_and_then_marked_has_two_winners_and_is_noticed(house):
    """The planted fault: look first, write afterwards, with nothing that makes the second one wait or fail."""

    class Naive(RecoveryCode):
        def ready(self):
            owner, both = self.house["owner"], threading.Barrier(2)
            with self.house.inside(self.tenant_id):
                code = recovery_codes.make_codes(user(owner.id))[0]

            def use():
                with self.house.inside(self.tenant_id, write=False):
                    free = bool(recovery_codes.known_codes(owner.id, [code]))
                both.wait(30)
                return free

            return [use] * 2

    assert {won for won, _fits in trials(house, Naive, 3)} == {2}
