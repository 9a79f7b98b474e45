"""The guards are not in the way: what an area writes every day gives the right answer inside one tenant."""

import time

import pytest
from sqlalchemy import delete, exists, func, insert, select, union, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import aliased, joinedload, selectinload, subqueryload

from console.core.ids import new_id
from tests.isolation.model import OURS


@pytest.fixture
def place(places):
    return places(guarded=True)


@pytest.fixture
def session(place):
    with place.session() as session:
        yield session


READS = {
    "entity": lambda m: select(m.Note),
    "alias": lambda m: select(aliased(m.Note)),
    "alias over a subquery": lambda m: select(aliased(m.Note, select(m.Note).subquery())),
    "CTE": lambda m: select(select(m.Note.body).cte().c.body),
    "union": lambda m: union(select(m.Note.body), select(m.Label.name)),
    "union as entity": lambda m: select(m.Note).from_statement(
        union(*(select(m.Note).where(m.Note.tenant_id == OURS_ID[0]) for _ in range(2)))
    ),
    "IN subquery": lambda m: select(m.Note).where(m.Note.owner_id.in_(select(m.Person.id))),
    "IN list": lambda m: select(m.Note).where(m.Note.body.in_([OURS, "x", "y"])),
    "bare exists": lambda m: select(m.Person).where(exists().where(m.Note.owner_id == m.Person.id)),
    "exists in a column": lambda m: select(m.Person.name, select(m.Note.id).exists()),
    "any": lambda m: select(m.Person).where(m.Person.notes.any()),
    "has": lambda m: select(m.Note).where(m.Note.owner.has(name=OURS)),
    "outer join": lambda m: select(m.Person.name).outerjoin(m.Note, m.Note.owner_id == m.Person.id),
    "joined loading": lambda m: select(m.Person).options(joinedload(m.Person.notes)),
    "select-in loading": lambda m: select(m.Person).options(selectinload(m.Person.notes)),
    "subquery loading": lambda m: select(m.Person).options(subqueryload(m.Person.notes)),
    "count": lambda m: select(func.count()).select_from(m.Note),
    "group": lambda m: (
        select(m.Note.owner_id, func.count(m.Note.id)).group_by(m.Note.owner_id).having(func.count() > 0)
    ),
    "limit, order, offset": lambda m: select(m.Note).order_by(m.Note.body.desc()).limit(1).offset(0),
    "lock": lambda m: select(m.Note).with_for_update(skip_locked=True),
    "lock one table": lambda m: select(m.Note).join(m.Note.owner).with_for_update(of=m.Note),
    "OR inside": lambda m: select(m.Note).where((m.Note.body == OURS) | (m.Note.body == "x")),
    "distinct from": lambda m: select(m.Note).where(m.Note.body.is_distinct_from("x")),
    "window": lambda m: select(m.Note.body, func.row_number().over(order_by=m.Note.body)),
}
OURS_ID = []


def _recursive(m):
    first = select(m.Note.id).cte(recursive=True)
    return select(first.union(select(m.Note.id).where(m.Note.id == first.c.id)))


def _self_join(m):
    left, right = aliased(m.Note), aliased(m.Note)
    return select(left.body).join(right, left.id == right.id)


READS |= {"recursive CTE": _recursive, "self join": _self_join}


@pytest.mark.parametrize("name", READS)
def test_a_read_finds_what_is_ours(place, session, name):
    OURS_ID[:] = [place.ours]
    rows = session.execute(READS[name](place.model)).unique().all()
    assert rows


def test_a_row_of_ours_is_added_changed_merged_and_deleted(place, session):
    label = place.model.Label
    session.add_all([label(name=f"n{number}") for number in range(3)])
    session.flush()
    assert {row.tenant_id for row in session.scalars(select(label))} == {place.ours}
    row = session.scalars(select(label).where(label.name == "n1")).one()
    row.name = "renamed"
    session.flush()
    session.expire(row)
    assert row.name == "renamed"
    session.refresh(row)
    merged = session.merge(label(tenant_id=place.ours, id=row.id, name="merged"))
    assert merged is row
    session.delete(row)
    session.commit()
    assert session.scalar(select(func.count(label.id))) == 3


def test_many_rows_go_in_and_come_back_in_one_statement(place, session):
    label = place.model.Label
    rows = [{"tenant_id": place.ours, "id": new_id(), "name": str(number)} for number in range(2500)]
    session.execute(insert(label), rows)
    kept = session.scalars(insert(label).returning(label.id), [{**row, "id": new_id()} for row in rows[:1500]])
    assert len(kept.all()) == 1500
    session.execute(
        insert(label).values([{"tenant_id": place.ours, "name": "two"}, {"tenant_id": place.ours, "name": "b"}])
    )
    assert session.scalar(select(func.count(label.id))) == 4003


def test_an_insert_that_meets_its_row_updates_it(place, session):
    label = place.model.Label
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(label).values(tenant_id=place.ours, id=place.ids["label"], name="new")
    session.execute(
        statement.on_conflict_do_update(index_elements=["tenant_id", "id"], set_={"name": statement.excluded.name})
    )
    session.execute(statement.on_conflict_do_nothing())
    assert session.scalars(select(label.name)).all() == ["new"]


def test_conditional_updates_and_deletes_count_our_rows(place, session):
    place.unlink()
    note = place.model.Note
    changed = session.execute(update(note).where(note.body == OURS).values(body="x"))
    assert changed.rowcount == 2
    session.commit()
    assert session.execute(update(note).values(body=note.body + "y").returning(note.body)).scalars().all() == ["xy"] * 2
    gone = session.execute(delete(note).where(note.id.in_(select(note.id).where(note.body == "xy").limit(1))))
    assert gone.rowcount == 1
    assert place.theirs_digest() == place.before


def _fail_after(session, row):
    session.add(row)
    session.flush()
    raise ZeroDivisionError


def test_a_savepoint_rolls_back_and_the_tenant_stays(place, session):
    label = place.model.Label
    with pytest.raises(ZeroDivisionError), session.begin_nested():
        _fail_after(session, label(name="lost"))
    session.add(label(name="kept"))
    session.commit()
    assert sorted(session.scalars(select(label.name))) == ["kept", "ours"]


def test_flushing_ten_thousand_rows_stays_linear(place, session):
    def flush(count):
        session.add_all([place.model.Label(name="x") for _ in range(count)])
        started = time.process_time()
        session.flush()
        return time.process_time() - started

    flush(100)
    small, large = flush(1000), flush(10_000)
    assert large < 40 * small, (small, large)
