"""What the guards cost, and that what they remember does not grow."""

import gc
import time

from sqlalchemy import select

from console.core import isolation


def _each(place, statements):
    with place.session() as session:
        for statement in statements:
            session.execute(statement).all()


def _microseconds(place, statement, rounds=400):
    with place.session() as session:
        session.execute(statement).all()
        best = []
        for _ in range(5):
            started = time.process_time()
            for _ in range(rounds):
                session.execute(statement).all()
            best.append((time.process_time() - started) / rounds * 1e6)
    return min(best)


def test_a_guarded_statement_costs_well_under_a_millisecond_more(places, capsys):
    guarded, control = places(guarded=True), places(guarded=False)
    columns = (guarded.model.Note.id, guarded.model.Note.body)
    mine = _microseconds(guarded, select(*columns).where(guarded.model.Note.body == "x"))
    note = control.model.Note
    usual = _microseconds(control, select(note.id, note.body).where(note.body == "x", note.tenant_id == control.ours))
    with capsys.disabled():
        print(f"\n  one statement: {usual:.0f} µs by hand, {mine:.0f} µs guarded")
    assert mine - usual < 500


def test_verdicts_live_as_long_as_the_compiled_statements_and_no_longer(places):
    place = places(guarded=True)
    note = place.model.Note
    _each(place, (select(note).where(note.body == f"text {number}") for number in range(300)))
    compiled = len(place.engine._compiled_cache)
    assert compiled < 20, "the tenant or a value has become part of the cache's key"
    place.engine.clear_compiled_cache()
    gc.collect()
    before = len(isolation._scopes)
    _each(place, (select(note).limit(1).with_hint(note, f"h{number}", "none") for number in range(700)))
    assert len(place.engine._compiled_cache) <= 750
    gc.collect()
    assert len(isolation._scopes) - before <= 750


def test_tenants_share_one_compiled_statement(places):
    place = places(guarded=True)
    note = place.model.Note
    sizes = []
    for tenant in (place.ours, place.theirs) * 20:
        with place.session(tenant) as session:
            rows = session.scalars(select(note)).all()
            assert {row.tenant_id for row in rows} == {tenant}
        sizes.append(len(place.engine._compiled_cache))
    assert sizes[1] == sizes[-1]
