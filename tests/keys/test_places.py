"""Nobody can seal something where a replacement of keys would not find it."""

import pytest
from sqlalchemy import LargeBinary, MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from console.core.db import Base, TenantOwned
from console.core.ids import PLATFORM_TENANT_ID, new_id
from console.keys.places import KEY_VERSION, REWRAP, WRAPPED_KEY, every_place, places, places_of
from console.registry import METADATA


def faults(kind):
    """What keeps a replacement of keys from finding everything in that table."""
    table = kind.__table__
    covered = {place.column.name for place in places_of(kind)}
    found = [
        f"{table.name}.{column.name}: bytes of any length; call it sealed, or declare how it is wrapped anew"
        for column in table.columns
        if isinstance(column.type, LargeBinary) and column.type.length is None and column.name not in covered
    ]
    found += [f"{table.name}.{name}: a sealed value is bytes of any length" for name in misdeclared(table, covered)]
    if WRAPPED_KEY in table.c and (KEY_VERSION not in table.c or not callable(table.info.get(REWRAP))):
        found.append(f"{table.name}: wrapped keys need {KEY_VERSION} and info[{REWRAP!r}]")
    if covered and "id" not in table.c:
        found.append(f"{table.name}: what is sealed is bound to its row's id, and there is none")
    return found


def misdeclared(table, covered):
    return [
        column.name
        for column in table.columns
        if (column.name == "sealed" or column.name.startswith("sealed_")) and column.name not in covered
    ]


def test_every_column_of_bytes_is_a_place_or_too_short_to_be_one():
    assert [fault for mapper in Base.registry.mappers for fault in faults(mapper.class_)] == []


def test_every_table_is_mapped_by_one_class():
    """Places are read from classes: a table without one would be passed over."""
    mapped = [mapper.local_table.name for mapper in Base.registry.mappers]
    assert sorted(mapped) == sorted(METADATA.tables)


def test_known_places_are_found_and_belong_to_whom_they_should():
    tenants = {place.name for place in places(new_id())}
    assert {"users", "credentials", "sessions", "audit_entries", "policy_versions", "mail_messages"} <= tenants
    hosts = {place.name for place in places(PLATFORM_TENANT_ID)}
    assert hosts - tenants == {"jobs", "tenants.sealed_name"}
    assert len({place.name for place in every_place()}) == len(every_place())


@pytest.fixture
def base():
    class Apart(DeclarativeBase):
        metadata = MetaData()

    return Apart


def test_control_bytes_under_another_name_are_noticed(base):
    class Planted(TenantOwned, base):
        __tablename__ = "planted"
        secret: Mapped[bytes] = mapped_column(LargeBinary)
        digest: Mapped[bytes] = mapped_column(LargeBinary(32))

    assert faults(Planted) == ["planted.secret: bytes of any length; call it sealed, or declare how it is wrapped anew"]


def test_control_sealed_text_is_noticed(base):
    class Planted(TenantOwned, base):
        __tablename__ = "planted"
        sealed_note: Mapped[str] = mapped_column(String(200))

    assert len(faults(Planted)) == 1


def test_control_wrapped_keys_without_their_function_are_noticed(base):
    class Planted(TenantOwned, base):
        __tablename__ = "planted"
        wrapped_key: Mapped[bytes] = mapped_column(LargeBinary)
        key_version: Mapped[int]

    assert len(faults(Planted)) == 1


def test_a_table_that_declares_its_wrapped_keys_joins(base):
    class Planted(TenantOwned, base):
        __tablename__ = "planted"
        __table_args__ = ({"info": {REWRAP: lambda _version, _limit: 0}},)
        wrapped_key: Mapped[bytes] = mapped_column(LargeBinary)
        key_version: Mapped[int]
        sealed: Mapped[bytes] = mapped_column(LargeBinary)
        sealed_name: Mapped[bytes] = mapped_column(LargeBinary, info={"sealed_as": "planted.name"})

    assert faults(Planted) == []
    assert {place.column.name for place in places_of(Planted)} == {"wrapped_key", "sealed", "sealed_name"}
