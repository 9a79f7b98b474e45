"""The ways to read another tenant's rows. Each answers whether something of theirs was seen."""

from sqlalchemy import column, exists, func, literal_column, or_, select, table, text, union
from sqlalchemy.orm import aliased, joinedload, make_transient_to_detached, selectinload, subqueryload

from tests.isolation.model import FOREIGN

READS = {}


def path(name):
    def add(probe):
        READS[name] = probe
        return probe

    return add


def _seen(rows):
    shown = [(str(getattr(row, "body", "")), str(getattr(row, "name", "")), str(row)) for row in list(rows)]
    return any(FOREIGN in texts for texts in shown)


def simple(name, statement):
    """A path that is one statement, whose rows or scalars show theirs."""
    READS[name] = lambda place, session: _seen(session.scalars(statement(place.model)))


simple("select an entity", lambda m: select(m.Note))
simple("select a column", lambda m: select(m.Note.body))
simple("select an alias", lambda m: select(aliased(m.Note)))
simple("select an alias over a subquery", lambda m: select(aliased(m.Note, select(m.Note).subquery())))
simple("select from a subquery's columns", lambda m: select(select(m.Note).subquery().c.body))
simple("select from a CTE", lambda m: select(select(m.Note.body).cte().c.body))
simple("select a UNION", lambda m: union(select(m.Note.body), select(m.Person.name)))
READS["filter by an IN subquery"] = lambda place, session: bool(
    session.scalars(
        select(place.model.Person.id).where(
            place.model.Person.id.in_(select(place.model.Note.owner_id).where(place.model.Note.body == FOREIGN))
        )
    ).all()
)
simple("join with an explicit ON", lambda m: select(m.Note.body).join(m.Person, m.Note.owner_id == m.Person.id))
simple("join by a relationship", lambda m: select(m.Note.body).select_from(m.Person).join(m.Person.notes))
simple(
    "outer join with an explicit ON",
    lambda m: select(m.Note.body).select_from(m.Person).outerjoin(m.Note, m.Note.owner_id == m.Person.id),
)
simple("an aggregate of bodies", lambda m: select(func.min(m.Note.body)))
simple(
    "a scalar subquery among the columns",
    lambda m: select(select(func.min(m.Note.body)).where(m.Note.owner_id == m.Person.id).scalar_subquery()),
)
simple("a window over all rows", lambda m: select(func.first_value(m.Note.body).over(order_by=m.Note.body)))
simple("rows with populate_existing", lambda m: select(m.Note).execution_options(populate_existing=True))
simple("rows in a stream", lambda m: select(m.Note).execution_options(yield_per=1))
simple("Core select of the table", lambda m: select(m.Note.__table__.c.body))
simple("SQL text", lambda m: text("select body from notes"))
simple("SQL text with a quoted name", lambda m: text('SELECT body FROM "notes"'))
simple("an entity from SQL text", lambda m: select(m.Note).from_statement(text("SELECT * FROM notes")))
simple("an entity from a Core select", lambda m: select(m.Note).from_statement(select(m.Note.__table__)))
simple("a literal column", lambda m: select(literal_column("(select max(body) from notes where body = 'FOREIGN')")))
simple("a light-weight table", lambda m: select(column("body")).select_from(table("notes", column("body"))))


@path("Query.all")
def _(place, session):
    return _seen(session.query(place.model.Note).all())


def _oracle(condition):
    """A condition on our rows that is true only because of theirs."""
    return lambda place, session: bool(
        session.scalars(select(place.model.Person.id).where(condition(place.model))).all()
    )


READS["a bare exists()"] = _oracle(lambda m: exists().where(m.Note.owner_id == m.Person.id, m.Note.body == FOREIGN))
READS["select().exists()"] = _oracle(
    lambda m: select(m.Note).where(m.Note.owner_id == m.Person.id, m.Note.body == FOREIGN).exists()
)
READS["relationship.any()"] = _oracle(lambda m: m.Person.notes.any(m.Note.body == FOREIGN))
READS["a condition in an OR"] = _oracle(
    lambda m: exists().where(
        or_(m.Note.tenant_id == m.Person.tenant_id, m.Note.body == FOREIGN), m.Note.body == FOREIGN
    )
)


@path("relationship.has()")
def _(place, session):
    m = place.model
    return bool(session.scalars(select(m.Note.id).where(m.Note.owner.has(m.Person.name == FOREIGN))).all())


@path("exists() that names the other tenant")
def _(place, session):
    m = place.model
    found = exists().where(m.Note.tenant_id == place.theirs, m.Note.body == FOREIGN)
    return bool(session.scalars(select(m.Person.id).where(found)).all())


@path("a filter that names the other tenant")
def _(place, session):
    m = place.model
    return _seen(session.scalars(select(m.Note).where(m.Note.tenant_id == place.theirs)))


@path("Core select that names the other tenant")
def _(place, session):
    notes = place.model.Note.__table__
    return _seen(session.connection().execute(select(notes.c.body).where(notes.c.tenant_id == place.theirs)).scalars())


@path("Session.get")
def _(place, session):
    return _seen([session.get(place.model.Note, place.key("note_b"))])


@path("Session.get_one")
def _(place, session):
    return _seen([session.get_one(place.model.Note, place.key("note_b"))])


@path("Session.get of a row that another session loaded")
def _(place, session):
    session.add(place.detached(place.model.Note, "note_b"))
    return _seen([session.get(place.model.Note, place.key("note_b"))])


@path("an attribute kept while the session changes its tenant")
def _(place, _session):
    with place.session(place.theirs) as other:
        row = other.get(place.model.Note, place.key("note_b"))
        place.switch(other, place.ours)
        return row.body == FOREIGN


@path("Session.refresh")
def _(place, session):
    row = place.detached(place.model.Note, "note_b")
    session.add(row)
    session.refresh(row)
    return row.body == FOREIGN


@path("an expired attribute that loads again")
def _(place, session):
    row = place.detached(place.model.Note, "note_b")
    session.add(row)
    session.expire(row)
    return row.body == FOREIGN


@path("a row made to look detached")
def _(place, session):
    row = place.model.Note(**place.values("note_b"))
    make_transient_to_detached(row)
    session.add(row)
    return row.body == FOREIGN


@path("Session.merge without loading")
def _(place, session):
    return session.merge(place.detached(place.model.Note, "note_b"), load=False).body == FOREIGN


@path("a lazy collection")
def _(place, session):
    return _seen(session.get(place.model.Person, place.key("person")).notes)


@path("a lazy parent")
def _(place, session):
    owner = session.get(place.model.Note, place.key("lost")).owner
    return owner is not None and owner.name == FOREIGN


@path("a lazy many-to-many collection")
def _(place, session):
    return _seen(session.get(place.model.Note, place.key("note")).labels)


def _eager(option):
    def probe(place, session):
        person = place.model.Person
        found = session.scalars(select(person).options(option(person.notes)).where(person.id == place.ids["person"]))
        return any(_seen(row.notes) for row in found.unique())

    return probe


READS["joined loading"] = _eager(joinedload)
READS["select-in loading"] = _eager(selectinload)
READS["subquery loading"] = _eager(subqueryload)


@path("a write-only collection")
def _(place, session):
    return _seen(session.scalars(session.get(place.model.Person, place.key("person")).written.select()))


@path("the lazy collection of a row that was just added")
def _(place, session):
    person = place.model.Person(**place.values("newcomer", name="new"))
    session.add(person)
    session.commit()
    return _seen(person.notes)


@path("count(*)")
def _(place, session):
    return session.scalar(select(func.count()).select_from(place.model.Note)) > 2


@path("count of a column")
def _(place, session):
    return session.scalar(select(func.count(place.model.Note.id))) > 2


@path("Query.count")
def _(place, session):
    return session.query(place.model.Note).count() > 2


@path("a correlated column property")
def _(place, session):
    return session.get(place.model.Person, place.key("person")).note_count > 1


@path("the session's connection")
def _(place, session):
    return _seen(session.connection().execute(select(place.model.Note.__table__.c.body)).scalars())


@path("a connection of the engine")
def _(place, session):
    session.scalars(select(place.model.Label)).all()
    session.close()
    with place.engine.connect() as connection:
        return _seen(connection.execute(select(place.model.Note.__table__.c.body)).scalars())


@path("text for the driver")
def _(place, session):
    return _seen(session.connection().exec_driver_sql("SELECT body FROM notes").scalars())


@path("a session without a tenant")
def _(place, _session):
    with place.session(unbound=True) as nobody:
        return _seen(nobody.scalars(select(place.model.Note)))


@path("after a rolled-back savepoint")
def _(place, session):
    nested = session.begin_nested()
    nested.rollback()
    return _seen(session.scalars(select(place.model.Note)))
