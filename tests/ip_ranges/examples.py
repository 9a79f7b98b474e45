"""Examples of what stands in the addresses of the pages about IP ranges: of each Customer one, made if there is none."""

from sqlalchemy import select

from console.core.actor import Actor
from console.core.db import db
from console.ip_ranges import break_glass
from console.ip_ranges.actions import add_entries
from console.ip_ranges.entries import new_entry
from console.ip_ranges.models import draft, list_of
from console.ip_ranges.refusals import Attempt, Refusal, note_refusal
from console.policies.actions import save
from console.policies.models import PolicyVersion, in_force


def _owner(house, tenant):
    return house["owner" if tenant == "acme" else "birch_owner"]


def _by(house, tenant):
    owner = _owner(house, tenant)
    reference = {"acme": "AAAAAAA2", "birch": "AAAAAAA3"}[tenant]
    return Actor("person", owner.tenant_id, owner.id, owner.role, owner.name, "198.51.100.7", reference=reference)


def _ranges(house, tenant):
    with house.inside(_owner(house, tenant).tenant_id):
        found = draft()
        entries = (found.ranges if found is not None else list_of(in_force("ip_ranges"))).entries
        if not entries:
            entries = add_entries([new_entry("192.0.2.0/24")], by=_by(house, tenant)).entries
        return [entry.id for entry in entries]


def _versions(house, tenant):
    query = select(PolicyVersion.id).where(PolicyVersion.kind == "ip_ranges")
    with house.inside(_owner(house, tenant).tenant_id):
        if not db.session.execute(query).first():
            document = {"mode": "off", "every_request": True, "entries": []}
            save("ip_ranges", document, based_on=0, reason="An example", by=_by(house, tenant))
        return [str(row) for row in db.session.execute(query).scalars()]


def _refusals(house, tenant):
    owner = _owner(house, tenant)
    with house.inside(owner.tenant_id):
        if not db.session.execute(select(Refusal.id)).first():
            note_refusal(Attempt(owner.id, "192.0.2.1", "GET /me", "report", 1), by=_by(house, tenant))
        return list(db.session.execute(select(Refusal.reference)).scalars())


def _lifts(house, tenant):
    agent = house["agent"]
    staff = Actor("staff", agent.tenant_id, agent.id, agent.role, agent.name)
    with house.inside(_owner(house, tenant).tenant_id):
        if not break_glass.lifts():
            break_glass.ask_lift(reason="An example of a request", hours=1, by=staff)
        return [str(row.id) for row in break_glass.lifts()]


EXAMPLES = {"range_id": _ranges, "version_id": _versions, "reference": _refusals, "lift_id": _lifts}
