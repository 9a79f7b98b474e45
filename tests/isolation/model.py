"""Three small tables of two tenants, in the usual shape (control) and in the product's shape, poisoned with rows that
point across the border. Guards: none (control), or the product's own machinery."""

from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import Column, ForeignKeyConstraint, Table, Uuid, create_engine, event, func, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, column_property, mapped_column, relationship

from console.core import isolation
from console.core.ids import new_id

FOREIGN = "FOREIGN"
OURS = "ours"


class GuardedSession(isolation.GuardedSession):
    """The product's session, without Flask around it."""


isolation.install(GuardedSession)


@dataclass
class Model:
    """The mapped classes of one shape."""

    product: bool
    Base: type
    Person: type
    Note: type
    Label: type
    links: Table


def build(*, product: bool) -> Model:
    """The classes: primary key (tenant_id, id) and composite references, or the usual id and tenant_id column."""

    class Base(DeclarativeBase):
        pass

    if product:

        class Owned(isolation.TenantRow):
            id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id, sort_order=-1)
    else:

        class Owned:
            tenant_id: Mapped[UUID]
            id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)

    def reference(column, table):
        if product:
            return ForeignKeyConstraint(
                ["tenant_id", column], [f"{table}.tenant_id", f"{table}.id"], name=f"fk_{column}_{table}"
            )
        return ForeignKeyConstraint([column], [f"{table}.id"], name=f"fk_{column}_{table}")

    links = Table(
        "note_labels",
        Base.metadata,
        Column("tenant_id", Uuid, primary_key=True),
        Column("note_id", Uuid, primary_key=True),
        Column("label_id", Uuid, primary_key=True),
        reference("note_id", "notes"),
        reference("label_id", "labels"),
    )

    class Label(Owned, Base):
        __tablename__ = "labels"
        name: Mapped[str]

    class Note(Owned, Base):
        __tablename__ = "notes"
        __table_args__ = (reference("owner_id", "persons"),)
        owner_id: Mapped[UUID | None]
        body: Mapped[str]
        owner: Mapped["Person | None"] = relationship(back_populates="notes")
        labels: Mapped[list[Label]] = relationship(secondary=links, viewonly=True)

    class Person(Owned, Base):
        __tablename__ = "persons"
        name: Mapped[str]
        notes: Mapped[list[Note]] = relationship(back_populates="owner")
        written: Mapped[list[Note]] = relationship(lazy="write_only", viewonly=True)

    Person.note_count = column_property(
        select(func.count(Note.id)).where(Note.owner_id == Person.id).correlate_except(Note).scalar_subquery()
    )
    return Model(product, Base, Person, Note, Label, links)


@dataclass
class Place:
    """A database with two tenants in it, and a session of ours."""

    model: Model
    url: str
    guarded: bool
    seed_url: str = ""
    """On PostgreSQL a superuser's address, for rows that no constraint lets in."""
    ours: UUID = field(default_factory=new_id)
    theirs: UUID = field(default_factory=new_id)
    ids: dict[str, UUID] = field(default_factory=lambda: {name: new_id() for name in NAMES})

    def __post_init__(self):
        self.raw = create_engine(self.url)
        self.seed = create_engine(self.seed_url or self.url)
        self.engine = create_engine(self.url)
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys=ON"))
        if self.guarded:
            isolation.guard_engine(self.engine)

    def session(self, tenant=None, *, unbound=False):
        session = (GuardedSession if self.guarded else Session)(self.engine)
        if not unbound:
            self.switch(session, tenant or self.ours)
        return session

    def switch(self, session, tenant):
        if self.guarded:
            isolation.bind(session, tenant)
        else:
            session.info["tenant_id"] = tenant

    def key(self, name, tenant=None):
        """The primary key of a row, in the shape of this model; rows whose name ends in `_b` are theirs."""
        chosen = tenant or (self.theirs if name.endswith("_b") else self.ours)
        own = {"id": self.ids[name]}
        return {"tenant_id": chosen, **own} if self.model.product else own

    def unlink(self):
        """No label is in use, so that labels can be deleted and moved."""
        with self.raw.begin() as c:
            c.execute(self.model.links.delete())
        self.before = self.theirs_digest()

    def values(self, name, /, **others):
        return {"tenant_id": self.theirs if name.endswith("_b") else self.ours, "id": self.ids[name], **others}

    def detached(self, kind, name):
        """A row of theirs, loaded in a session of their own."""
        with self.session(self.theirs) as session:
            row = session.get(kind, self.key(name))
            session.expunge(row)
            return row

    def fill(self):
        """Empty tables, then both tenants' rows, and the poison, which no constraint would let in."""
        m, i = self.model, self.ids
        meta, twin = m.Base.metadata, m.product
        with self.raw.begin() as c:
            meta.drop_all(c)
            meta.create_all(c)
        with self.seed.begin() as c:
            if c.dialect.name == "postgresql":
                c.execute(text("SET LOCAL session_replication_role = replica"))
            people = [("person", OURS), ("person_b", FOREIGN)]
            c.execute(m.Person.__table__.insert(), [self.values(n, name=t) for n, t in people])
            if twin:  # the same ids in the other tenant: where a join forgets the tenant, these come along
                c.execute(m.Person.__table__.insert().values(tenant_id=self.theirs, id=i["person"], name=FOREIGN))
                c.execute(
                    m.Note.__table__.insert().values(
                        tenant_id=self.theirs, id=i["note"], body=FOREIGN, owner_id=i["person"]
                    )
                )
            c.execute(
                m.Note.__table__.insert(),
                [
                    self.values("note", owner_id=i["person"], body=OURS),
                    self.values("lost", owner_id=i["person_b"], body=OURS),
                    self.values("note_b", owner_id=i["person_b"], body=FOREIGN),
                    self.values("poison_b", owner_id=i["person"], body=FOREIGN),
                    self.values("waiting_b", owner_id=i["newcomer"], body=FOREIGN),
                ],
            )
            c.execute(
                m.Label.__table__.insert(), [self.values("label", name=OURS), self.values("label_b", name=FOREIGN)]
            )
            linked = [("label", self.ours), ("label_b", self.theirs)]
            c.execute(
                m.links.insert(), [{"tenant_id": t, "note_id": i["note"], "label_id": i[name]} for name, t in linked]
            )
        self.before = self.theirs_digest()

    def theirs_digest(self):
        """Everything that is theirs, for comparing before and after."""
        with self.raw.connect() as c:
            return {
                table.name: sorted(map(str, c.execute(select(table).where(table.c.tenant_id == self.theirs))))
                for table in self.model.Base.metadata.sorted_tables
            }

    def dispose(self):
        self.raw.dispose()
        self.seed.dispose()
        self.engine.dispose()


NAMES = ("person", "person_b", "note", "lost", "note_b", "poison_b", "waiting_b", "newcomer", "label", "label_b")
