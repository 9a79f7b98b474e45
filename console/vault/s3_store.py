"""Blobs in a bucket of S3, or of a server that speaks S3. Access keys come from the address or the environment.

Written once does not rest on conditional requests, which not every server knows: names are random, and one that exists is
refused after a look. A writer that dies leaves at most an unfinished multipart upload, which no reader ever sees and no
listing shows; give the bucket a life-cycle rule that ends those after a day.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

import obstore
from obstore import store as _stores
from obstore.exceptions import BaseError

from console.core.errors import Conflict, Misconfigured
from console.core.ids import new_id
from console.vault.blob_store import blob_name, checked
from console.vault.errors import BlobMissing, StoreFull, StoreUnavailable

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

PART_BYTES = 8 * 1024 * 1024
"""Up to this size a blob is one request; above, parts of this size. S3 allows 10,000 parts: 78 GiB a blob."""

PARTS_AT_A_TIME = 2
STREAM_BYTES = 1024 * 1024
RETRIES: "RetryConfig" = {"max_retries": 3, "retry_timeout": timedelta(seconds=30)}
"""The library's own would try a request that the server does not know ten times, for up to three minutes."""

TIMES: "ClientConfig" = {"connect_timeout": timedelta(seconds=5), "timeout": timedelta(seconds=60)}
_KNOWN = {"endpoint", "region"}
_FULL = ("507 Insufficient Storage", "<Code>QuotaExceeded", "<Code>XMinioStorageFull")


class S3Store:
    """A `BlobStore` on a bucket."""

    def __init__(self, bucket: str, prefix: str, config: dict[str, Any]) -> None:
        self.place = f"s3://{bucket}/{prefix}"
        """For messages: without keys."""
        plain = str(config.get("endpoint", "")).startswith("http://")
        self._store = _stores.S3Store(
            bucket,
            prefix=prefix or None,
            config=config,  # type: ignore[arg-type]
            client_options={**TIMES, "allow_http": plain},
            retry_config=RETRIES,
        )

    @classmethod
    def from_url(cls, url: str) -> Self:
        """The store that the address names. **Raises:** Misconfigured."""
        parts = urlsplit(url)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if not parts.hostname or set(query) - _KNOWN:
            raise Misconfigured(
                "SAFEKEEP_BLOBS must be like s3://bucket/prefix?endpoint=https://host&region=name; what follows the"
                " question mark may be left out for Amazon's own."
            )
        config = {"region": "us-east-1", **query}
        if parts.username:
            config["access_key_id"] = unquote(parts.username)
            config["secret_access_key"] = unquote(parts.password or "")
        return cls(parts.hostname, parts.path.strip("/"), config)

    def put(self, name: str, pieces: Iterable[bytes]) -> int:
        """See `BlobStore.put`."""
        checked(name)
        self._refuse_existing(name)
        parts = _Parts(pieces)
        first = next(parts)
        try:
            with _told():
                if len(first) < PART_BYTES:
                    obstore.put(self._store, name, first, use_multipart=False)
                else:
                    obstore.put(
                        self._store,
                        name,
                        chain([first], parts),
                        use_multipart=True,
                        chunk_size=PART_BYTES,
                        max_concurrency=PARTS_AT_A_TIME,
                    )
        except Exception:
            if parts.error is not None:
                raise parts.error from None
            raise
        return parts.size

    def read(self, name: str, start: int, length: int) -> bytes:
        """See `BlobStore.read`."""
        checked(name)
        if not length:
            return b""
        try:
            with _told():
                return bytes(obstore.get_range(self._store, name, start=start, length=length))
        except StoreUnavailable:
            if self.size(name) <= start:  # beyond the end, which servers refuse each in their own way
                return b""
            raise

    def stream(self, name: str) -> Iterator[bytes]:
        """See `BlobStore.stream`."""
        checked(name)
        with _told():
            pieces = iter(obstore.get(self._store, name).stream(min_chunk_size=STREAM_BYTES))
        while True:
            with _told():
                piece = next(pieces, None)
            if piece is None:
                return
            yield bytes(piece)

    def size(self, name: str) -> int:
        """See `BlobStore.size`."""
        checked(name)
        with _told():
            return obstore.head(self._store, name)["size"]

    def stored_at(self, name: str) -> datetime:
        """See `BlobStore.stored_at`."""
        checked(name)
        with _told():
            return obstore.head(self._store, name)["last_modified"].astimezone(UTC)

    def delete(self, name: str) -> None:
        """See `BlobStore.delete`."""
        checked(name)
        try:
            with _told():
                obstore.delete(self._store, name)
        except BlobMissing:
            return

    def names(self, prefix: str = "") -> Iterator[str]:
        """See `BlobStore.names`."""
        with _told():
            for some in obstore.list(self._store, prefix.rstrip("/") or None, chunk_size=1000):
                yield from (one["path"] for one in some)

    def folders(self) -> Iterator[str]:
        """See `BlobStore.folders`."""
        with _told():
            found = obstore.list_with_delimiter(self._store)
        yield from (str(prefix).strip("/") for prefix in found["common_prefixes"])
        yield from (one["path"] for one in found["objects"])

    def remove_unfinished(self, before: datetime) -> int:  # noqa: ARG002 (the bucket's life-cycle rule does it)
        """See `BlobStore.remove_unfinished`."""
        return 0

    def free_bytes(self) -> int | None:
        """See `BlobStore.free_bytes`."""
        return None

    def prepare(self) -> None:
        """See `BlobStore.prepare`."""

    def check(self) -> None:
        """See `BlobStore.check`."""
        probe, content = blob_name(new_id(), new_id()), b"A test whether blobs can be stored."
        try:
            self.put(probe, [content])
            whole = self.read(probe, 0, len(content)) == content
            self.delete(probe)
        except (StoreUnavailable, StoreFull, BlobMissing) as error:
            said = str(error.facts.get("said", "")).strip().splitlines() or [error.message]
            raise Misconfigured(
                f"The bucket of the blobs, {self.place}, cannot be used. Check its name, endpoint, region and access keys,"
                f" and that these may read, write, list and delete. The server said: {said[0][:300]}"
            ) from error
        if not whole:
            raise Misconfigured(f"The bucket of the blobs, {self.place}, answers with other bytes than were stored.")

    def _refuse_existing(self, name: str) -> None:
        try:
            self.size(name)
        except BlobMissing:
            return
        raise Conflict("A blob of this name is stored already. Nothing was changed.")


class _Parts(Iterator[bytes]):
    """The pieces, gathered into parts; keeps the error of their source, which the library would wrap."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._ended = False
        self.size = 0
        self.error: Exception | None = None

    def __next__(self) -> bytes:
        """At least `PART_BYTES`, less at the end; an empty source gives one empty part."""
        if self._ended:
            raise StopIteration
        gathered = bytearray()
        try:
            for piece in self._pieces:
                gathered += piece
                if len(gathered) >= PART_BYTES:
                    break
            else:
                self._ended = True
        except Exception as error:
            self.error = error
            raise
        self.size += len(gathered)
        return bytes(gathered)


@contextmanager
def _told() -> Iterator[None]:
    """What the server refuses becomes ours: missing, full, or that it does not answer."""
    try:
        yield
    except FileNotFoundError as error:
        if "NoSuchBucket" in str(error):
            raise StoreUnavailable(str(error)) from error
        raise BlobMissing from None
    except (BaseError, OSError) as error:
        if any(word in str(error) for word in _FULL):
            raise StoreFull from error
        raise StoreUnavailable(str(error)) from error
