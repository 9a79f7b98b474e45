"""The ways to change another tenant's rows, to plant rows there, or to learn that one exists."""

from sqlalchemy import bindparam, delete, insert, literal, select, update
from sqlalchemy.exc import IntegrityError

from console.core.ids import new_id
from tests.isolation.model import FOREIGN

WRITES = {}


def path(name):
    def add(probe):
        WRITES[name] = probe
        return probe

    return add


@path("bulk UPDATE with a WHERE")
def _(place, session):
    note = place.model.Note
    session.execute(update(note).where(note.body == FOREIGN).values(body="changed"))
    session.commit()


@path("bulk DELETE with a WHERE")
def _(place, session):
    label = place.model.Label
    place.unlink()
    session.execute(delete(label).where(label.name == FOREIGN))
    session.commit()


@path("bulk DELETE of an entity")
def _(place, session):
    note = place.model.Note
    session.execute(delete(note).where(note.id == place.ids["note_b"]))
    session.commit()


@path("Query.update")
def _(place, session):
    session.query(place.model.Note).update({"body": "changed"})
    session.commit()


@path("Query.delete")
def _(place, session):
    note = place.model.Note
    session.query(note).filter(note.id.in_([place.ids["note_b"], place.ids["waiting_b"]])).delete()
    session.commit()


@path("UPDATE with RETURNING")
def _(place, session):
    note = place.model.Note
    session.execute(update(note).values(body="changed").returning(note.id)).all()
    session.commit()


@path("change a row that was got")
def _(place, session):
    session.get(place.model.Note, place.key("note_b")).body = "changed"
    session.commit()


@path("delete a row that was got")
def _(place, session):
    session.delete(session.get(place.model.Note, place.key("note_b")))
    session.commit()


@path("change a row that another session loaded")
def _(place, session):
    row = place.detached(place.model.Note, "note_b")
    session.add(row)
    row.body = "changed"
    session.commit()


@path("Session.merge")
def _(place, session):
    session.merge(place.model.Note(**place.values("note_b", body="changed")))
    session.commit()


def _tenant(place, who):
    return {"tenant_id": who} if place.model.product else {}


@path("bulk UPDATE by key")
def _(place, session):
    rows = [{**_tenant(place, place.theirs), "id": place.ids["note_b"], "body": "changed"}]
    session.execute(update(place.model.Note), rows)
    session.commit()


@path("bulk_update_mappings")
def _(place, session):
    rows = [{**_tenant(place, place.theirs), "id": place.ids["note_b"], "body": "changed"}]
    session.bulk_update_mappings(place.model.Note, rows)
    session.commit()


@path("bulk_save_objects")
def _(place, session):
    session.bulk_save_objects([place.model.Note(tenant_id=place.theirs, body="planted")])
    session.commit()


@path("bulk_insert_mappings")
def _(place, session):
    session.bulk_insert_mappings(place.model.Label, [{"tenant_id": place.theirs, "name": "planted"}])
    session.commit()


@path("Core UPDATE of the table")
def _(place, session):
    notes = place.model.Note.__table__
    session.execute(update(notes).where(notes.c.body == FOREIGN).values(body="changed"))
    session.commit()


@path("Core UPDATE that takes the row over")
def _(place, session):
    labels = place.model.Label.__table__
    place.unlink()
    session.execute(update(labels).where(labels.c.id == place.ids["label_b"]).values(tenant_id=place.ours))
    session.commit()


@path("Core UPDATE by key of many")
def _(place, session):
    notes = place.model.Note.__table__
    session.connection().execute(
        update(notes).where(notes.c.id == bindparam("key")).values(body="changed"),
        [{"key": place.ids["note_b"]}, {"key": place.ids["poison_b"]}],
    )
    session.commit()


@path("UPDATE from another table")
def _(place, session):
    note, person = place.model.Note, place.model.Person
    session.execute(
        update(note).where(note.owner_id == person.id, person.name != "x").values(body="changed"),
        execution_options={"synchronize_session": False},
    )
    session.commit()


@path("add a row of the other tenant")
def _(place, session):
    session.add(place.model.Label(tenant_id=place.theirs, name="planted"))
    session.commit()


@path("INSERT that names the other tenant")
def _(place, session):
    session.execute(insert(place.model.Label).values(tenant_id=place.theirs, name="planted"))
    session.commit()


@path("INSERT of many rows, the last of the other tenant")
def _(place, session):
    rows = [{"tenant_id": place.ours, "name": "fine"}, {"tenant_id": place.theirs, "name": "planted"}]
    session.execute(insert(place.model.Label), rows)
    session.commit()


@path("INSERT with many VALUES, the last of the other tenant")
def _(place, session):
    rows = [{"tenant_id": who, "id": new_id(), "name": "planted"} for who in (place.ours, place.theirs)]
    session.execute(insert(place.model.Label.__table__).values(rows))
    session.commit()


@path("INSERT from a SELECT of theirs")
def _(place, session):
    notes, labels = place.model.Note.__table__, place.model.Label.__table__
    source = select(literal(place.ours), notes.c.id, notes.c.body).where(notes.c.body == FOREIGN)
    session.execute(insert(labels).from_select(["tenant_id", "id", "name"], source))
    return bool(session.scalars(select(place.model.Label.id).where(place.model.Label.name == FOREIGN)).all())


@path("INSERT into a table without a class")
def _(place, session):
    row = {"tenant_id": place.theirs, "note_id": place.ids["note_b"], "label_id": place.ids["label_b"]}
    session.execute(insert(place.model.links).values(row))
    session.commit()


@path("move a row of ours to the other tenant")
def _(place, session):
    place.unlink()
    row = session.get(place.model.Label, place.key("label"))
    row.tenant_id = place.theirs
    session.commit()


@path("UPDATE that moves rows to the other tenant")
def _(place, session):
    place.unlink()
    label = place.model.Label
    session.execute(
        update(label).where(label.name == "ours").values(tenant_id=place.theirs),
        execution_options={"synchronize_session": False},
    )
    session.commit()


@path("a reference to a row of the other tenant")
def _(place, session):
    session.add(place.model.Note(tenant_id=place.ours, owner_id=place.ids["person_b"], body="points across"))
    session.commit()
    return True


@path("a key that is taken in the other tenant")
def _(place, session):
    session.add(place.model.Person(tenant_id=place.ours, id=place.ids["person_b"], name="same key"))
    try:
        session.commit()
    except IntegrityError:
        return True  # we learned that their row exists
    return False
