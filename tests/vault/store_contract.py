"""What every store of blobs keeps. The folder and the bucket run the same tests."""

import threading
import time
from datetime import timedelta
from uuid import UUID

import pytest

from console.core import clock
from console.core.errors import Conflict
from console.core.ids import new_id
from console.vault.blob_store import blob_name, tenant_prefix
from console.vault.errors import BlobMissing

from .stored import content

LARGE = 20 * 1024 * 1024 + 17
"""Above two parts of a multipart upload."""


class Broken(Exception):
    """The fault of a source of pieces."""


def broken_after(pieces):
    yield from pieces
    raise Broken


def a_name(tenant_id: UUID | None = None) -> str:
    return blob_name(tenant_id or new_id(), new_id())


class StoreContract:
    """Each subclass has a fixture `store`."""

    @pytest.mark.parametrize("pieces", [[], [b""], [b"a"], [b"a", b"", b"bc" * 5000], [bytes(300_000)] * 3])
    def test_what_was_put_is_read(self, store, pieces):
        name, whole = a_name(), b"".join(pieces)
        assert store.put(name, iter(pieces)) == len(whole) == store.size(name)
        assert b"".join(store.stream(name)) == whole
        assert store.read(name, 0, len(whole) + 1) == whole

    def test_a_large_one_is_read_whole_and_in_ranges(self, store):
        name, whole = a_name(), content(LARGE)
        pieces = [whole[at : at + 700_001] for at in range(0, LARGE, 700_001)]
        assert store.put(name, pieces) == LARGE
        assert b"".join(store.stream(name)) == whole
        for start, length in ((0, 10), (8 * 1024 * 1024 - 5, 10), (LARGE - 3, 10), (LARGE - 3, 3), (5, 9_000_000)):
            assert store.read(name, start, length) == whole[start : start + length]

    def test_a_range_ends_where_the_blob_does(self, store):
        name = a_name()
        store.put(name, [b"abcdef"])
        asked = {(0, 0): b"", (0, 3): b"abc", (4, 9): b"ef", (6, 1): b"", (7, 1): b"", (1000, 1000): b""}
        for (start, length), expected in asked.items():
            assert store.read(name, start, length) == expected, (start, length)

    def test_written_once_means_once(self, store):
        name = a_name()
        store.put(name, [b"first"])
        with pytest.raises(Conflict, match="stored already"):
            store.put(name, [b"second, and longer"])
        assert b"".join(store.stream(name)) == b"first"

    def test_what_is_not_there_is_missing_and_can_be_deleted(self, store):
        name = a_name()
        for ask in (
            store.size,
            store.stored_at,
            lambda name: store.read(name, 0, 1),
            lambda name: list(store.stream(name)),
        ):
            with pytest.raises(BlobMissing):
                ask(name)
        store.delete(name)
        store.delete(name)

    def test_deleted_is_gone_and_others_stay(self, store):
        tenant_id = new_id()
        gone, kept = a_name(tenant_id), a_name(tenant_id)
        store.put(gone, [b"gone"])
        store.put(kept, [b"kept"])
        store.delete(gone)
        assert list(store.names(tenant_prefix(tenant_id))) == [kept]
        with pytest.raises(BlobMissing):
            store.size(gone)

    @pytest.mark.parametrize("before", [[], [bytes(100)], [bytes(1024 * 1024)] * 20])
    def test_a_source_that_breaks_leaves_nothing_and_its_error_is_passed_on(self, store, before):
        tenant_id = new_id()
        name = a_name(tenant_id)
        with pytest.raises(Broken):
            store.put(name, broken_after(before))
        assert list(store.names(tenant_prefix(tenant_id))) == []
        assert store.put(name, [b"now"]) == 3

    def test_names_are_those_under_the_prefix_and_come_one_by_one(self, store):
        one, two = new_id(), new_id()
        ours = {a_name(one) for _ in range(30)}
        theirs = a_name(two)
        for name in (*ours, theirs):
            store.put(name, [b"x"])
        found = store.names(tenant_prefix(one))
        assert iter(found) is found
        assert set(found) == ours
        assert {*ours, theirs} <= set(store.names())
        assert {one.hex, two.hex} <= set(store.folders())
        assert list(store.names(tenant_prefix(new_id()))) == []

    def test_it_says_when_something_was_stored(self, store):
        name = a_name()
        store.put(name, [b"x"])
        assert abs(store.stored_at(name) - clock.now()) < timedelta(minutes=5)
        assert store.stored_at(name).tzinfo is not None

    @pytest.mark.parametrize(
        "name",
        [
            "",
            "x",
            "../x",
            "/etc/passwd",
            f"{'0' * 32}/../{'0' * 32}",
            f"{'0' * 32}/00/{'0' * 31}\n",
            f"{'A' * 32}/aa/{'a' * 32}",
            f"{'0' * 32}/01/{'0' * 32}",
            f"{'0' * 32}/00/{'0' * 32}/",
            f".new/00/{'0' * 32}",
        ],
    )
    def test_a_name_that_no_blob_has_is_refused(self, store, name):
        for use in (store.size, store.delete, store.stored_at, lambda name: store.put(name, [b"x"])):
            with pytest.raises(ValueError, match="no name of a blob"):
                use(name)
        with pytest.raises(ValueError, match="no name of a blob"):
            store.read(name, 0, 1)
        with pytest.raises(ValueError, match="no name of a blob"):
            list(store.stream(name))

    def test_it_can_be_checked_and_the_check_leaves_nothing(self, store):
        before = set(store.names())
        store.check()
        assert set(store.names()) == before

    def test_several_threads_may_write_and_read_at_once(self, store):
        names, problems, start = [a_name() for _ in range(8)], [], threading.Barrier(8)

        def write(number: int) -> None:
            start.wait()
            data = content(50_000, number)
            store.put(names[number], [data])
            if b"".join(store.stream(names[number])) != data:
                problems.append(number)

        threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not problems
        assert [store.size(name) for name in names] == [50_000] * 8

    def test_nothing_is_seen_under_the_name_before_all_of_it_is_there(self, store):
        tenant_id = new_id()
        name, go_on, begun = a_name(tenant_id), threading.Event(), threading.Event()

        def slow():
            yield bytes(9 * 1024 * 1024)
            begun.set()
            go_on.wait(60)
            yield b"end"

        writer = threading.Thread(target=store.put, args=(name, slow()))
        writer.start()
        try:
            assert begun.wait(60)
            assert list(store.names(tenant_prefix(tenant_id))) == []
            with pytest.raises(BlobMissing):
                store.size(name)
        finally:
            go_on.set()
            writer.join()
        assert store.size(name) == 9 * 1024 * 1024 + 3

    def test_what_dead_writers_left_can_be_removed(self, store):
        name = a_name()
        store.put(name, [b"kept"])
        assert store.remove_unfinished(clock.now() + timedelta(days=1)) == 0
        assert store.size(name) == 4

    def test_free_room_is_a_number_or_unknown(self, store):
        free = store.free_bytes()
        assert free is None or free > 0


def wait_until(true, *, seconds: float = 60.0) -> None:
    """Poll until it is true. **Raises:** AssertionError when it never is."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.01)
