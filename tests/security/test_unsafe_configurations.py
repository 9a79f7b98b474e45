"""An installation that is not safe does not start, says why, and says so at once."""

import time
from dataclasses import replace
from ipaddress import ip_network

import pytest

from console.app import create_app
from console.core.db import db
from console.core.errors import Misconfigured
from console.core.settings import load_settings
from tests import databases

SAFE = {
    "profile": "production",
    "base_url": "https://console.customer.net",
    "mail_url": "smtp://127.0.0.1:25",
    "mail_from": "Console <console@customer.net>",
    "argon2_memory_kib": 19_456,
    "argon2_passes": 2,
    "argon2_lanes": 1,
}


@pytest.fixture
def safe(house):
    house.settings.instance.chmod(0o700)
    return replace(house.settings, **SAFE)


def _refused(settings, words):
    started = time.monotonic()
    with pytest.raises(Misconfigured, match=words):
        create_app(settings)
    assert time.monotonic() - started < 5


def test_a_safe_production_installation_starts(safe):
    app = create_app(safe)
    assert app.config["TRUSTED_HOSTS"] == ["console.customer.net"]
    with app.app_context():
        db.engine.dispose()


UNSAFE = {
    "no TLS": ({"base_url": "http://console.customer.net"}, "must start with https"),
    "an address without a host": ({"base_url": "https://"}, "SAFEKEEP_BASE_URL"),
    "an address with a path": ({"base_url": "https://console.customer.net/x"}, "SAFEKEEP_BASE_URL"),
    "an address with a user": ({"base_url": "https://a:b@console.customer.net"}, "SAFEKEEP_BASE_URL"),
    "mail into a folder": ({"mail_url": "file:/tmp/mail"}, "SAFEKEEP_MAIL_URL"),
    "the sample sender": ({"mail_from": "Safekeep <no-reply@safekeep.invalid>"}, "SAFEKEEP_MAIL_FROM"),
    "cheap passwords": ({"argon2_memory_kib": 64, "argon2_passes": 1}, "SAFEKEEP_ARGON2"),
    "everybody a proxy": ({"trusted_proxies": (ip_network("0.0.0.0/0"),)}, "SAFEKEEP_TRUSTED_PROXIES"),
    "everybody a proxy by IPv6": ({"trusted_proxies": (ip_network("::/0"),)}, "SAFEKEEP_TRUSTED_PROXIES"),
    "half of all a proxy": ({"trusted_proxies": (ip_network("128.0.0.0/1"),)}, "SAFEKEEP_TRUSTED_PROXIES"),
    "endless tries for an account": ({"sign_ins_per_account": 100_000}, "SIGN_INS_PER_ACCOUNT"),
    "endless tries from an address": ({"sign_ins_per_address": 100_000}, "SIGN_INS_PER_ADDRESS"),
    "an idle end that never comes": ({"session_idle_minutes": 100_000}, "SESSION_IDLE_MINUTES"),
    "the demo for everybody": ({"profile": "demo"}, "localhost only"),
}


@pytest.mark.parametrize("fault", UNSAFE)
def test_it_does_not_start_with(safe, fault):
    changes, words = UNSAFE[fault]
    _refused(replace(safe, **changes), words)


def test_it_does_not_start_with_keys_beside_the_data(safe):
    _refused(replace(safe, keystore_url=safe.database_url), "SAFEKEEP_KEYSTORE_URL are the same")


def test_it_does_not_start_with_debugging(safe, monkeypatch):
    monkeypatch.setenv("FLASK_DEBUG", "1")
    _refused(safe, "FLASK_DEBUG")


@pytest.mark.parametrize("mode", [0o777, 0o755, 0o770])
def test_it_does_not_start_in_a_folder_that_others_can_enter(safe, mode):
    safe.instance.chmod(mode)
    _refused(safe, "chmod 700")


def test_it_does_not_start_without_its_root_key(safe, tmp_path):
    _refused(replace(safe, root_key=f"file:{tmp_path}/nothing"), "key")
    assert not (tmp_path / "nothing").exists()


def test_it_does_not_start_without_its_key_store(safe, tmp_path):
    _refused(replace(safe, keystore_url=f"sqlite:///{tmp_path}/nothing.sqlite"), "key")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_it_does_not_start_with_a_root_key_that_others_can_read(safe, mode):
    for path in (safe.instance / "keys").iterdir():
        path.chmod(mode)
    _refused(safe, "(?i)mode|permission|chmod|others")


def test_it_does_not_start_on_an_empty_database(safe, tmp_path):
    with databases.new_database() as name:
        url = databases._url("SAFEKEEP_TEST_APP_URL", name) if name else f"sqlite:///{tmp_path}/empty.sqlite"
        _refused(replace(safe, database_url=url), "safekeep init")


@pytest.mark.parametrize(
    "environment",
    [
        {"SAFEKEEP_PROFILE": "prod"},
        {"SAFEKEEP_TRUSTED_PROXIES": "10.0.0.1/8"},
        {"SAFEKEEP_TRUSTED_PROXIES": "everybody"},
        {"SAFEKEEP_SESSION_IDLE_MINUTES": "-5"},
        {"SAFEKEEP_SESSION_ABSOLUTE_HOURS": "forever"},
    ],
)
def test_a_setting_that_is_not_understood_is_named(environment, tmp_path):
    with pytest.raises(Misconfigured, match=next(iter(environment))):
        load_settings({"SAFEKEEP_INSTANCE": str(tmp_path), **environment})
