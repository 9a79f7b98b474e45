"""Root keys in an environment variable."""

import base64
import os

import pytest

from console.core.errors import Conflict, Misconfigured
from console.vault.providers import EnvProvider, FileProvider, WrappedKey, provider_from_url

KEY = base64.b64encode(bytes(range(64, 96))).decode()
OTHER = base64.b64encode(bytes(range(32))).decode()
CONTEXT = {"tenant": "t", "purpose": "p"}


def provider(text: str) -> EnvProvider:
    return EnvProvider("ROOT", {"ROOT": text})


def test_the_wrapped_form_is_the_one_written_down():
    # computed without the product: HKDF and the layout by hand
    wrapped = bytes.fromhex("01000102030405060708090a0bb0799e1f2a4a7264837f0a1249f422424240b8223c")
    root = provider(f"2:{KEY}")
    assert root.unwrap(WrappedKey("env", 2, wrapped), CONTEXT) == b"plain"
    assert root.fingerprint() == "508c3fdf35596b8356a6e90ef14f0a05"


@pytest.mark.parametrize(
    "text", ["2:{0},1:{1}", "2:{0}\n1:{1}", " 2:{0} ,\n 1:{1}\n", "\n2:{0}\r\n1:{1}\r\n", "2:{0},1:{1},"]
)
def test_several_keys_stand_newest_first_in_any_of_the_forms(text):
    roots = provider(text.format(KEY, OTHER))
    assert roots.versions() == [1, 2]
    assert roots.current_version == 2
    assert roots.wrap(b"k", CONTEXT).root_version == 2


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "is empty"),
        (" ,\n", "is empty"),
        (KEY, "Entry 1 of ROOT is not of the form"),
        (f"0:{KEY}", "not of the form"),
        (f"01:{KEY}", "not of the form"),
        (f"x:{KEY}", "not of the form"),
        ("1:", "not of the form"),
        ("1:!!!!", "does not hold a base64 key"),
        (f"1:{KEY[:-4]}", "holds 30 bytes"),
        ("1:" + base64.b64encode(bytes(32)).decode(), "placeholder"),
        (f"1:{KEY},2:{OTHER}", "Entry 2 of ROOT has version 2, but versions must fall"),
        (f"1:{KEY},1:{OTHER}", "versions must fall"),
    ],
)
def test_a_variable_that_is_not_in_order_is_named_without_its_value(text, cause):
    with pytest.raises(Misconfigured, match=cause) as refusal:
        provider(text)
    assert KEY[:12] not in str(refusal.value)
    assert OTHER[:12] not in str(refusal.value)


def test_a_variable_that_is_not_set_is_named(monkeypatch):
    monkeypatch.delenv("SAFEKEEP_TEST_ROOT", raising=False)
    with pytest.raises(Misconfigured, match="SAFEKEEP_TEST_ROOT is not set"):
        provider_from_url("env:SAFEKEEP_TEST_ROOT", create=True)
    assert "SAFEKEEP_TEST_ROOT" not in os.environ


def test_an_address_names_the_variable(monkeypatch):
    monkeypatch.setenv("SAFEKEEP_TEST_ROOT", f"7:{KEY}")
    assert provider_from_url("env:SAFEKEEP_TEST_ROOT").current_version == 7


def test_only_whoever_sets_the_variable_rotates_and_retires():
    with pytest.raises(Conflict, match="Put `3:<new key>` first in ROOT"):
        provider(f"2:{KEY}").rotate()
    with pytest.raises(Conflict, match="Remove `1:"):
        provider(f"2:{KEY},1:{OTHER}").retire(1)


def test_the_same_root_key_moves_from_a_folder_to_the_environment(tmp_path):
    folder = FileProvider(tmp_path / "keys", create=True)
    line = (tmp_path / "keys" / "root-1.key").read_text().splitlines()[1]
    moved = provider(f"1:{line}")
    assert moved.fingerprint() == folder.fingerprint()
    assert moved.unwrap(folder.wrap(b"key", CONTEXT), CONTEXT) == b"key"
