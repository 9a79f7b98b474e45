"""A sealed value opens where it was sealed, and nowhere else (P14, P17, P18)."""

import threading
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.core.errors import ConsoleError, Invalid
from console.core.ids import new_id
from console.vault.errors import Unreadable
from console.vault.tenant_keys import TenantKeys
from console.vault.tenant_secret import TenantSecret

from .conftest import INSTALLATION, ROW, TENANT

PERSON = {"given_name": "Zoë", "number": 7}
# Both computed without the product: HKDF and the layout by hand, nonce 00…0b.
RECORD = bytes.fromhex(
    "0100000003000102030405060708090a0b26bca9031db382037cd1befd33921eef6cd1420d68e53a5253af154d2ba1357f"
    "9844ec21193f5372b818417a892d405d"
)
BYTES = bytes.fromhex(
    "0200000003000102030405060708090a0bb8ff4cd8787bc8bed818a6cb65677703cf5758aff3f9f000cefe2f0327010dc1"
    "28a607c855c07fd705ec511d061bef2a"
)
SECRETS = {version: TenantSecret(bytes([version]) * 16 + bytes(16), bytes(31) + b"l") for version in (1, 2)}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.dictionaries(st.text(), VALUES, max_size=5)


def both_versions(*, primary: int) -> TenantKeys:
    return TenantKeys(INSTALLATION, TENANT, SECRETS, primary=primary)


def test_the_record_format_is_the_one_written_down(keys):
    assert keys.open("users", ROW, RECORD) == PERSON
    assert keys.open_many("users", [(ROW, RECORD)] * 3) == [PERSON] * 3


def test_the_bytes_format_is_the_one_written_down(keys):
    assert keys.open_bytes("users", ROW, BYTES) == b"secret\x00\x80"


def test_a_sealed_value_begins_with_format_and_key_version(keys):
    assert keys.seal("users", ROW, PERSON)[:5] == b"\x01\0\0\0\x03"
    assert keys.seal_bytes("users", ROW, b"")[:5] == b"\x02\0\0\0\x03"


@given(FIELDS)
def test_every_record_opens_as_it_was_sealed(keys, fields):
    sealed = keys.seal("users", ROW, fields)
    assert keys.open("users", ROW, sealed) == fields
    assert keys.open_many("users", [(ROW, sealed), (ROW, RECORD)]) == [fields, PERSON]


@given(st.binary(max_size=100) | st.binary(max_size=40).map(lambda data: data + b"\x80\0\0"))
def test_every_byte_string_opens_as_it_was_sealed(keys, data):
    assert keys.open_bytes("totp", ROW, keys.seal_bytes("totp", ROW, data)) == data


@given(FIELDS, st.data())
def test_a_flipped_bit_anywhere_is_refused(keys, fields, data):
    sealed = keys.seal("users", ROW, fields)
    bit = data.draw(st.integers(0, 8 * len(sealed) - 1))
    changed = bytearray(sealed)
    changed[bit // 8] ^= 1 << bit % 8
    refused(keys, "users", ROW, bytes(changed))


@pytest.mark.parametrize(
    "position", [0, 1, 4, 5, 16, 17, 48, 49, 64], ids=["format", "version", "", "nonce", "", "text", "", "tag", ""]
)
def test_a_change_in_each_part_of_a_record_is_refused(keys, position):
    for bit in range(8):
        changed = bytearray(RECORD)
        changed[position] ^= 1 << bit
        refused(keys, "users", ROW, bytes(changed))


def test_a_record_cut_short_or_prolonged_at_any_place_is_refused(keys):
    for length in range(len(RECORD)):
        refused(keys, "users", ROW, RECORD[:length])
    refused(keys, "users", ROW, RECORD + b"\0")
    refused(keys, "users", ROW, b"\0" + RECORD)


@given(st.binary(max_size=120))
def test_bytes_that_nobody_sealed_are_refused(keys, sealed):
    refused(keys, "users", ROW, sealed)
    refused(keys, "users", ROW, b"\x01\0\0\0\x03" + sealed)


@given(st.uuids())
def test_a_record_moved_to_another_row_is_refused(keys, row_id):
    if row_id != ROW:
        refused(keys, "users", row_id, RECORD)


@given(st.text(max_size=12))
def test_a_record_moved_to_another_table_is_refused(keys, table):
    fresh = TenantKeys(INSTALLATION, TENANT, keys._secrets, primary=3)
    if table != "users":
        refused(fresh, table, ROW, RECORD)


@given(st.uuids())
def test_a_record_moved_to_another_tenant_is_refused_even_under_the_same_key(keys, tenant_id):
    if tenant_id != TENANT:
        refused(TenantKeys(INSTALLATION, tenant_id, keys._secrets, primary=3), "users", ROW, RECORD)


def test_a_record_moved_to_another_installation_is_refused_even_under_the_same_key(keys):
    refused(TenantKeys(str(UUID(int=1)), TENANT, keys._secrets, primary=3), "users", ROW, RECORD)


def test_two_rows_that_swap_their_records_are_both_refused(keys):
    rows = [new_id(), new_id()]
    records = [keys.seal("users", row, {"n": n}) for n, row in enumerate(rows)]
    refused(keys, "users", rows[0], records[1])
    refused(keys, "users", rows[1], records[0])


def test_a_record_relabelled_with_another_key_version_is_refused():
    sealed = both_versions(primary=1).seal("users", ROW, PERSON)
    refused(both_versions(primary=1), "users", ROW, sealed[:4] + b"\x02" + sealed[5:])


def test_a_record_relabelled_with_another_version_of_the_same_key_is_refused():
    twins = TenantKeys(INSTALLATION, TENANT, {1: SECRETS[1], 2: SECRETS[1]}, primary=1)
    sealed = twins.seal("users", ROW, PERSON)
    refused(twins, "users", ROW, sealed[:4] + b"\x02" + sealed[5:])


def test_the_version_in_the_header_selects_the_key_and_no_other_is_tried():
    sealed = both_versions(primary=1).seal("users", ROW, PERSON)
    assert both_versions(primary=2).open("users", ROW, sealed) == PERSON
    refused(TenantKeys(INSTALLATION, TENANT, {2: SECRETS[2]}, primary=2), "users", ROW, sealed)


def test_a_record_and_a_byte_string_are_not_taken_for_each_other(keys):
    refused(keys, "users", ROW, BYTES)
    refused(keys, "users", ROW, b"\x01" + BYTES[1:])
    with pytest.raises(Unreadable):
        keys.open_bytes("users", ROW, RECORD)
    with pytest.raises(Unreadable):
        keys.open_bytes("users", ROW, b"\x02" + RECORD[1:])


def test_one_bad_record_among_many_refuses_them_all(keys):
    good = [(ROW, RECORD)] * 1500
    with pytest.raises(Unreadable):
        keys.open_many("users", [*good, (ROW, RECORD[:-1] + b"\0")])


def test_many_records_come_back_in_their_order(keys):
    rows = [(new_id(), n) for n in range(2500)]
    sealed = [(row, keys.seal("users", row, {"n": n})) for row, n in rows]
    assert [fields["n"] for fields in keys.open_many("users", iter(sealed))] == list(range(2500))
    assert keys.open_many("users", []) == []


def test_every_refusal_is_the_same_error_with_the_same_text_and_no_cause(keys):
    refusals = [refused(keys, "users", ROW, sealed) for sealed in (b"", RECORD[:-1], b"\x09" + RECORD[1:])]
    assert len({str(refusal) for refusal in refusals}) == 1
    for refusal in refusals:
        assert refusal.facts == {}
        assert refusal.__cause__ is None
        assert refusal.__suppress_context__


@given(st.text(max_size=60))
def test_lengths_are_told_in_steps_of_32_bytes(keys, text):
    assert (len(keys.seal("users", ROW, {"t": text})) - 33) % 32 == 0
    assert (len(keys.seal_bytes("users", ROW, text.encode())) - 33) % 32 == 0


def test_text_that_is_not_unicode_is_refused_before_sealing(keys):
    with pytest.raises(Invalid, match="not valid text"):
        keys.seal("users", ROW, {"name": "\ud800"})


def test_a_hundred_thousand_seals_use_as_many_nonces(keys):
    nonces = {keys.seal("users", ROW, {})[5:17] for _ in range(100_000)}
    assert len(nonces) == 100_000


def test_threads_share_keys_without_disturbing_each_other(keys):
    wrong = []

    def work(number: int) -> None:
        fresh = TenantKeys(INSTALLATION, TENANT, keys._secrets, primary=3)
        for n in range(2000):
            fields = {"n": n, "who": number}
            if keys.open("shared", ROW, fresh.seal("shared", ROW, fields)) != fields:
                wrong.append(n)
            if keys.index(f"i{n % 7}", b"value") != fresh.index(f"i{n % 7}", b"value"):
                wrong.append(n)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_keys_do_not_show_in_what_python_prints(keys):
    shown = repr(keys) + repr(keys._secrets) + repr(SECRETS[1])
    assert "\\x" not in shown


def refused(keys: TenantKeys, table: str, row_id: UUID, sealed: bytes) -> ConsoleError:
    """Refused alone and among many."""
    with pytest.raises(Unreadable):
        keys.open_many(table, [(row_id, sealed)])
    with pytest.raises(Unreadable) as caught:
        keys.open(table, row_id, sealed)
    return caught.value
