"""A root key in a folder: made once and by one, and refused by name when it is not in order (P17)."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from console.core.errors import Conflict, Misconfigured
from console.vault.errors import KeyUnavailable
from console.vault.providers import FileProvider, WrappedKey, provider_from_url

CONTEXT = {"tenant": "t", "purpose": "p"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one root key."""
    FileProvider(tmp_path / "keys", create=True)
    return tmp_path / "keys"


def test_a_folder_without_create_is_neither_made_nor_filled(tmp_path):
    for folder in (tmp_path / "absent", tmp_path):
        with pytest.raises(Misconfigured, match="safekeep init"):
            FileProvider(folder)
    assert list(tmp_path.iterdir()) == []


def test_create_makes_one_key_that_only_its_owner_can_read(folder):
    assert [path.name for path in folder.iterdir()] == ["root-1.key"]
    assert (folder / "root-1.key").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    header, key = (folder / "root-1.key").read_text().splitlines()
    assert header == "safekeep root key, version 1"
    assert len(key) == 44


def test_create_leaves_an_existing_key_as_it_is(folder):
    before = (folder / "root-1.key").read_bytes()
    assert FileProvider(folder, create=True).fingerprint() == FileProvider(folder).fingerprint()
    assert (folder / "root-1.key").read_bytes() == before


@pytest.mark.parametrize(
    ("damage", "cause"),
    [
        (lambda path: path.unlink(), "no root key"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_bytes(path.read_bytes()[:50]), "holds .* bytes|base64"),
        (lambda path: path.write_bytes(path.read_bytes()[:20]), "cut short"),
        (lambda path: path.write_bytes(path.read_bytes()[:29]), "cut short"),
        (lambda path: path.write_bytes(os.urandom(32)), "cut short, or is not a root key"),
        (lambda path: path.write_text("safekeep root key, version 1\n" + "A" * 43 + "=\n"), "placeholder"),
        (lambda path: path.write_text("safekeep root key, version 1\n" + "AAECAw==\n"), "holds 4 bytes"),
        (lambda path: path.rename(path.with_name("root-2.key")), "not a root key of version 2"),
        (lambda path: path.chmod(0o644), "chmod 600"),
        (lambda path: path.chmod(0o640), "mode 0640"),
        (lambda path: path.chmod(0o602), "mode 0602"),
        (lambda path: path.parent.chmod(0o770), "chmod 700"),
        (lambda path: path.parent.chmod(0o707), "Other accounts can write"),
        (lambda path: (path.unlink(), path.mkdir()), "not a plain file"),
        (lambda path: (path.unlink(), path.symlink_to("/dev/zero")), "cannot be opened"),
        (lambda path: (path.unlink(), os.mkfifo(path, 0o600)), "not a plain file"),
    ],
)
def test_a_root_key_that_is_not_in_order_is_named_at_once_and_left_alone(folder, damage, cause):
    damage(folder / "root-1.key")
    before = {path.name: path.lstat().st_mtime_ns for path in folder.iterdir()}
    started = time.monotonic()
    with pytest.raises(Misconfigured, match=cause) as refusal:
        FileProvider(folder)
    assert time.monotonic() - started < 5
    assert str(folder) in str(refusal.value)
    assert {path.name: path.lstat().st_mtime_ns for path in folder.iterdir()} == before


def test_create_does_not_make_a_key_beside_a_damaged_one(folder):
    (folder / "root-1.key").write_bytes(b"")
    with pytest.raises(Misconfigured, match="is empty"):
        FileProvider(folder, create=True)
    assert (folder / "root-1.key").read_bytes() == b""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("name", ["root-1.key", "."])
def test_a_key_or_folder_of_another_account_is_refused(folder, name):
    os.chown(folder / name, 12345, 12345)
    with pytest.raises(Misconfigured, match="belongs to account 12345"):
        FileProvider(folder)


def test_of_many_processes_that_create_at_once_one_wins_and_all_agree(tmp_path):
    program = (
        "import sys; from pathlib import Path; from console.vault.providers import FileProvider\n"
        "sys.stdin.readline(); print(FileProvider(Path(sys.argv[1]), create=True).fingerprint())"
    )
    folder = tmp_path / "keys"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for _ in range(6)
    ]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = {process.communicate()[0].strip() for process in processes}
    assert answers == {FileProvider(folder).fingerprint()}
    assert [path.name for path in folder.iterdir()] == ["root-1.key"]


def test_a_link_that_lost_the_race_changes_nothing(folder):
    before = (folder / "root-1.key").read_bytes()
    assert FileProvider(folder)._create(1) is False
    assert (folder / "root-1.key").read_bytes() == before
    assert [path.name for path in folder.iterdir()] == ["root-1.key"]


def test_wrapping_binds_root_version_context_and_every_byte(folder):
    provider = FileProvider(folder)
    wrapped = provider.wrap(b"key", CONTEXT)
    assert provider.unwrap(wrapped, dict(reversed(CONTEXT.items()))) == b"key"
    changed = [bytes(c ^ (n == at) for n, c in enumerate(wrapped.wrapped)) for at in range(len(wrapped.wrapped))]
    for other in [*changed, wrapped.wrapped[:-1], b"", b"\x01"]:
        with pytest.raises(KeyUnavailable):
            provider.unwrap(WrappedKey("file", 1, other), CONTEXT)
    for context in ({}, {**CONTEXT, "tenant": "u"}, {"tenan": "tt", "purpose": "p"}, {**CONTEXT, "x": ""}):
        with pytest.raises(KeyUnavailable):
            provider.unwrap(wrapped, context)
    with pytest.raises(KeyUnavailable, match="version 2 is not available"):
        provider.unwrap(WrappedKey("file", 2, wrapped.wrapped), CONTEXT)


def test_rotation_is_seen_by_a_provider_that_was_open_already(folder):
    ours, theirs = FileProvider(folder), FileProvider(folder)
    old = ours.wrap(b"key", CONTEXT)
    assert theirs.rotate() == 2
    assert ours.wrap(b"key", CONTEXT).root_version == 2
    assert ours.versions() == [1, 2]
    new = ours.rewrap(old, CONTEXT)
    assert (new.root_version, theirs.unwrap(new, CONTEXT)) == (2, b"key")
    assert ours.fingerprint(1) != ours.fingerprint() == theirs.fingerprint(2)


def test_retiring_removes_the_old_key_and_says_which_it_was(folder):
    provider = FileProvider(folder)
    old, name = provider.wrap(b"key", CONTEXT), provider.fingerprint()
    with pytest.raises(Conflict):
        provider.retire(1)
    provider.rotate()
    evidence = provider.retire(1)
    assert (evidence.provider, evidence.version, evidence.fingerprint) == ("file", 1, name)
    assert [path.name for path in folder.iterdir()] == ["root-2.key"]
    with pytest.raises(KeyUnavailable):
        provider.unwrap(old, CONTEXT)


def test_health_tells_what_became_of_the_folder(folder):
    provider = FileProvider(folder)
    assert provider.health().ready
    (folder / "root-1.key").chmod(0o644)
    assert not provider.health().ready
    assert "chmod 600" in provider.health().detail


@pytest.mark.parametrize("url", ["", "file", "file:", "file://", "env:", "env:A-B", "kms:x", "/keys", "sqlite:///x"])
def test_an_address_of_no_known_form_is_refused(url):
    with pytest.raises(Misconfigured, match="SAFEKEEP_ROOT_KEY must be"):
        provider_from_url(url, create=True)


def test_both_forms_of_a_file_address_name_the_folder(folder):
    names = {provider_from_url(url).fingerprint() for url in (f"file:{folder}", f"file://{folder}")}
    assert len(names) == 1
