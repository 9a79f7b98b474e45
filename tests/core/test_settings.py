"""Settings: from the environment, from the file, or the default; and clear words for what cannot be understood."""

import pytest

from console.core.errors import Misconfigured
from console.core.settings import load_settings


def test_the_environment_counts_more_than_the_file_and_the_file_more_than_the_default(tmp_path):
    (tmp_path / "safekeep.toml").write_text('company = "From the file"\nsession_idle_minutes = 7\n')
    environ = {"SAFEKEEP_INSTANCE": str(tmp_path), "SAFEKEEP_SESSION_IDLE_MINUTES": "9"}
    settings = load_settings(environ)
    assert (settings.company, settings.session_idle_minutes, settings.restore_days) == ("From the file", 9, 30)


def test_a_bare_postgresql_address_means_the_driver_that_is_installed():
    for url in ("postgres://u@h/d", "postgresql://u@h/d"):
        settings = load_settings({"SAFEKEEP_DATABASE_URL": url, "SAFEKEEP_KEYSTORE_URL": url})
        assert settings.database_url == settings.keystore_url == "postgresql+psycopg://u@h/d"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PROFILE", "staging", "must be one of: demo, development, production"),
        ("RESTORE_DAYS", "0", "a whole number above 0"),
        ("RESTORE_DAYS", "-3", "a whole number above 0"),
        ("INVITATION_DAYS", "a week", "a whole number above 0"),
        ("ARGON2_PASSES", "2.5", "a whole number above 0"),
        ("TRUSTED_PROXIES", "10.0.0.0/33", "SAFEKEEP_TRUSTED_PROXIES"),
        ("TRUSTED_PROXIES", "the proxy", "Write CIDRs"),
    ],
)
def test_a_setting_that_cannot_be_understood_stops_the_start_and_is_named(tmp_path, name, value, words):
    with pytest.raises(Misconfigured, match=words) as caught:
        load_settings({"SAFEKEEP_INSTANCE": str(tmp_path), f"SAFEKEEP_{name}": value})
    assert f"SAFEKEEP_{name}" in str(caught.value)


@pytest.mark.parametrize("content", [b"company = ", b"\xff\xfe", b"= 1"])
def test_a_broken_settings_file_stops_the_start_and_is_named(tmp_path, content):
    (tmp_path / "safekeep.toml").write_bytes(content)
    with pytest.raises(Misconfigured, match=r"safekeep\.toml is not valid TOML"):
        load_settings({"SAFEKEEP_INSTANCE": str(tmp_path)})


def test_lists_of_proxies_are_read_with_commas_or_spaces(tmp_path):
    for text in ("10.0.0.0/8,::1/128", "10.0.0.0/8 ::1/128", " 10.0.0.0/8 , ::1/128 "):
        found = load_settings({"SAFEKEEP_INSTANCE": str(tmp_path), "SAFEKEEP_TRUSTED_PROXIES": text})
        assert [str(network) for network in found.trusted_proxies] == ["10.0.0.0/8", "::1/128"]


@pytest.mark.parametrize(("url", "secure"), [("https://console.example/", True), ("http://localhost:8080", False)])
def test_tls_is_known_from_the_base_address(tmp_path, url, secure):
    settings = load_settings({"SAFEKEEP_INSTANCE": str(tmp_path), "SAFEKEEP_BASE_URL": url})
    assert settings.secure is secure
    assert not settings.base_url.endswith("/")
