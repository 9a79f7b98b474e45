"""Blobs in a folder: the contract, and what only a folder can get wrong: modes, links, a full disk, a killed writer."""

import os
import stat
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from console.core import clock
from console.core.errors import Conflict, Misconfigured
from console.core.ids import new_id
from console.vault.blob_store import blob_name, blob_store_from_url, tenant_prefix
from console.vault.errors import StoreFull, StoreUnavailable
from console.vault.folder_store import UNFINISHED, FolderStore

from .store_contract import StoreContract, a_name


@pytest.fixture
def store(tmp_path) -> FolderStore:
    made = blob_store_from_url(str(tmp_path / "blobs"))
    made.prepare()
    return made


def unfinished(store: FolderStore) -> list[Path]:
    return list((store.root / UNFINISHED).iterdir())


class TestFolderStore(StoreContract):
    """The contract."""


def test_folders_and_files_are_closed_to_others_whatever_the_mask(store):
    before = os.umask(0)
    try:
        store.put(a_name(), [b"x"])
    finally:
        os.umask(before)
    paths = [store.root, *store.root.rglob("*")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_dir()} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_file()} == {0o600}


def test_nothing_is_left_of_a_finished_write_but_the_blob(store):
    name = a_name()
    store.put(name, [b"x"])
    assert unfinished(store) == []
    assert (store.root / name).stat().st_nlink == 1


@pytest.mark.parametrize("folder", ["", UNFINISHED])
def test_a_folder_that_others_can_enter_fails_the_check(store, folder):
    (store.root / folder).chmod(0o750)
    with pytest.raises(Misconfigured, match=r"can be entered by others \(mode 750\)\. Run: chmod 700"):
        store.check()


def test_a_folder_that_does_not_exist_fails_the_check(tmp_path):
    with pytest.raises(Misconfigured, match="does not exist"):
        FolderStore(tmp_path / "nowhere").check()


@pytest.mark.parametrize(
    "url", ["", "blobs", "./blobs", "file:blobs", "ftp://host/blobs", "s3://", "s3://bucket?colour=red"]
)
def test_an_address_that_names_no_store_is_refused(url):
    with pytest.raises(Misconfigured, match="SAFEKEEP_BLOBS"):
        blob_store_from_url(url)


@pytest.mark.parametrize("form", ["{}", "file:{}", "file://{}"])
def test_a_folder_is_named_in_three_ways(tmp_path, form):
    assert blob_store_from_url(form.format(tmp_path)).root == tmp_path


def test_of_two_who_write_one_name_at_once_one_is_refused(store):
    name, both, refused = a_name(), threading.Barrier(2), []

    def pieces(data: bytes):
        yield data
        both.wait(60)  # both have opened their files, and neither has its name yet

    def write(data: bytes) -> None:
        try:
            store.put(name, pieces(data))
        except Conflict:
            refused.append(data)

    writers = [threading.Thread(target=write, args=(data,)) for data in (b"one", b"two")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(refused) == 1
    assert {b"".join(store.stream(name)), *refused} == {b"one", b"two"}
    assert unfinished(store) == []


def test_a_link_in_place_of_a_blob_is_not_followed(store, tmp_path):
    name = a_name()
    store.put(name, [b"x"])
    (store.root / name).unlink()
    (tmp_path / "elsewhere").write_bytes(b"secret")
    (store.root / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreUnavailable):
        store.read(name, 0, 10)
    with pytest.raises(Conflict):
        store.put(name, [b"y"])
    store.delete(name)
    assert (tmp_path / "elsewhere").read_bytes() == b"secret"


def test_names_tell_of_everything_that_lies_there_and_of_no_unfinished_file(store):
    name = a_name()
    store.put(name, [b"x"])
    strange = store.root / name.split("/", maxsplit=1)[0] / "notes.txt"
    strange.write_text("left by somebody")
    (store.root / UNFINISHED / "half").write_text("h")
    assert set(store.names()) == {name, f"{name.split('/', maxsplit=1)[0]}/notes.txt"}


def test_only_what_is_old_enough_counts_as_left_by_a_dead_writer(store):
    old, young = store.root / UNFINISHED / "old", store.root / UNFINISHED / "young"
    for path in (old, young):
        path.write_text("half")
    a_day_ago = (clock.now() - timedelta(hours=25)).timestamp()
    os.utime(old, (a_day_ago, a_day_ago))
    assert store.remove_unfinished(clock.now() - timedelta(hours=24)) == 1
    assert unfinished(store) == [young]


def test_a_tenants_folder_that_was_removed_is_made_again(store):
    tenant_id = new_id()
    first, second = a_name(tenant_id), a_name(tenant_id)
    store.put(first, [b"x"])
    store.delete(first)
    for folder in sorted((store.root / tenant_id.hex).rglob("*"), reverse=True):
        folder.rmdir()
    (store.root / tenant_id.hex).rmdir()
    for name in (first, second):
        store.put(name, [b"y"])
        assert store.size(name) == 1


@pytest.fixture
def tiny(tmp_path):
    """A file system of one MiB."""
    place = tmp_path / "tiny"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=200,mode=0700", "tmpfs", place],
        check=False,
        capture_output=True,
        text=True,
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        store = FolderStore(place / "blobs")
        store.prepare()
        yield store
    finally:
        subprocess.run(["umount", place], check=True)


def test_a_full_disk_is_said_and_leaves_nothing(tiny):
    tenant_id = new_id()
    kept, refused = a_name(tenant_id), a_name(tenant_id)
    tiny.put(kept, [bytes(300_000)])
    before = tiny.free_bytes()
    with pytest.raises(StoreFull, match="no room left"):
        tiny.put(refused, [bytes(100_000)] * 20)
    assert unfinished(tiny) == []
    assert list(tiny.names(tenant_prefix(tenant_id))) == [kept]
    assert tiny.free_bytes() >= before - 2 * 4096, "at most the new folder took room"
    assert tiny.put(refused, [bytes(100_000)]) == 100_000, "there is room for a smaller one"


def test_not_even_room_for_an_empty_file_is_said_as_well(tiny):
    """A file takes an inode, and tmpfs counts those, too."""
    full = False
    while not full:
        try:
            (tiny.root / new_id().hex).touch()
        except OSError:
            full = True
    with pytest.raises(StoreFull):
        tiny.put(a_name(), [b"x"])
    assert unfinished(tiny) == []


CHILD = """
import os, sys, signal
from pathlib import Path
from console.vault.folder_store import FolderStore

root, name, die_at = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
calls = []

def watched(function):
    def call(*arguments, **options):
        if root.as_posix() in str(arguments) or function.__name__ in ("write", "fsync"):
            calls.append(function.__name__)
            if len(calls) == die_at:
                os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)
    return call

for each in ("open", "mkdir", "write", "fsync", "link", "unlink"):
    setattr(os, each, watched(getattr(os, each)))
FolderStore(root).put(name, [b"A" * 50_000, b"B" * 50_000])
print(" ".join(calls))
"""
"""Before the n-th call that reaches the disk, the child is killed as by a power cut: no handler, no clean-up."""

WHOLE = b"A" * 50_000 + b"B" * 50_000


def child(store: FolderStore, name: str, die_at: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", CHILD, str(store.root), name, str(die_at)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)


def test_a_writer_killed_at_any_step_leaves_all_or_nothing_under_the_name(store):
    """Every step: the calls are counted in the child, so that none is forgotten when the code changes."""
    outcomes, died = [], 0
    while True:
        tenant_id = new_id()
        name = a_name(tenant_id)
        done = child(store, name, died + 1)
        names = list(store.names(tenant_prefix(tenant_id)))
        assert names in ([], [name])
        if names:
            assert b"".join(store.stream(name)) == WHOLE
        outcomes.append(bool(names))
        if done.returncode == 0:
            break
        assert done.returncode == -9, done.stderr
        died += 1
    assert died >= 10, "so many steps there are at least"
    assert outcomes == sorted(outcomes), "once it has its name, no later step takes it away"
    assert outcomes[0] is False
    assert len(unfinished(store)) > 0, "which the sweep removes"
    assert store.remove_unfinished(clock.now() + timedelta(minutes=1)) > 0
    assert unfinished(store) == []


def test_the_name_is_given_only_after_the_content_is_on_the_disk_and_is_then_forced_there_as_well(store):
    calls = child(store, blob_name(new_id(), new_id()), 0).stdout.split()
    link = calls.index("link")
    assert "write" not in calls[link:]
    last_write = max(at for at, call in enumerate(calls) if call == "write")
    assert "fsync" in calls[last_write:link]
    assert calls[link + 1 :] == ["unlink", "open", "fsync"]
    assert calls.count("mkdir") == 2
    assert calls.index("write") > max(at for at, call in enumerate(calls) if call == "mkdir")
