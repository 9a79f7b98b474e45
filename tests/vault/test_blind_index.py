"""A blind index finds equal values of one tenant and one name, and links nothing else."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from console.vault.tenant_keys import TenantKeys
from console.vault.tenant_secret import TenantSecret

from .conftest import INSTALLATION, TENANT


def test_the_index_and_derived_keys_are_the_ones_written_down(keys):
    # computed without the product: HMAC and HKDF by hand
    assert keys.index("username", b"zoe@example.com").hex() == "4cc04390b9dcf6416d8fd0d364a04ca5"
    expected = "c0224027f26fd5a98aeb9599a1b553812163558adb92b9a6162e640a6e90394a"
    assert keys.derive("cookies").hex() == expected
    assert keys._secrets[3].fingerprint == "cae47b548ff7af1bd5af466c46f7f7f5"


@given(st.binary(max_size=300))
def test_an_index_is_sixteen_bytes_and_repeatable(keys, value):
    assert len(keys.index("username", value)) == 16
    assert keys.index("username", value) == keys.index("username", value)


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_different_values_differ(keys, one, other):
    assert (keys.index("username", one) == keys.index("username", other)) == (one == other)


@given(st.text(max_size=20), st.text(max_size=20))
def test_different_names_and_purposes_are_separate(keys, one, other):
    assert (keys.index(one, b"value") == keys.index(other, b"value")) == (one == other)
    assert (keys.derive(one) == keys.derive(other)) == (one == other)
    assert keys.derive(one)[:16] != keys.index(one, b"")


@given(st.uuids())
def test_different_tenants_are_separate_even_under_the_same_key(keys, tenant_id):
    twin = TenantKeys(INSTALLATION, tenant_id, keys._secrets, primary=3)
    assert (twin.index("username", b"v") == keys.index("username", b"v")) == (tenant_id == TENANT)
    assert (twin.derive("cookies") == keys.derive("cookies")) == (tenant_id == TENANT)


def test_different_installations_are_separate_even_under_the_same_key(keys):
    twin = TenantKeys(str(UUID(int=1)), TENANT, keys._secrets, primary=3)
    assert twin.index("username", b"v") != keys.index("username", b"v")


def test_a_successor_keeps_the_indexes_and_replaces_the_sealing_key(keys):
    old = keys._secrets[3]
    new = old.successor()
    assert new.lasting == old.lasting
    assert new.sealing != old.sealing
    assert TenantSecret.from_bytes(new.to_bytes()) == new


def test_a_derived_key_has_the_length_that_was_asked_for(keys):
    assert len(keys.derive("x", 64)) == 64
    assert keys.derive("x", 64)[:32] == keys.derive("x")
