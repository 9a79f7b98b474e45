"""Where sealed blobs lie: a folder or an S3 bucket, behind the same few functions. Neither knows what it holds.

A name is made of two ids and nothing else, so that no store, listing or backup tells anything about a Customer but how
much there is and since when.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit
from uuid import UUID

from console.core.errors import Misconfigured

_NAME = re.compile(r"([0-9a-f]{32})/([0-9a-f]{2})/([0-9a-f]{32})")


def blob_name(tenant_id: UUID, blob_id: UUID) -> str:
    """`<tenant>/<last two digits of the blob>/<blob>`: the last digits are random, so folders fill evenly."""
    return f"{tenant_id.hex}/{blob_id.hex[-2:]}/{blob_id.hex}"


def tenant_prefix(tenant_id: UUID) -> str:
    """What the names of all blobs of a tenant begin with."""
    return f"{tenant_id.hex}/"


def ids_of(name: str) -> tuple[UUID, UUID] | None:
    """(tenant, blob) of a name that `blob_name` could have made, else None."""
    found = _NAME.fullmatch(name)
    if found is None or found[3][-2:] != found[2]:
        return None
    return UUID(found[1]), UUID(found[3])


def checked(name: str) -> str:
    """The name, if `blob_name` could have made it. **Raises:** ValueError, so that no path leads elsewhere."""
    if ids_of(name) is None:
        raise ValueError(f"{name!r} is no name of a blob")
    return name


class BlobStore(Protocol):
    """A store of sealed blobs. All of it may be called from several threads and processes at once.

    **Raises**, everywhere: StoreUnavailable when the store does not answer or refuses; ValueError for a bad name.
    """

    def put(self, name: str, pieces: Iterable[bytes]) -> int:
        """The pieces lie under `name`, complete and on the disk. Answers how many bytes they take.

        Written once: a name that exists is refused. Whatever happens in between, power loss included, the name either
        does not exist or holds everything. An error in `pieces` is passed on, and nothing is left behind.
        **Raises:** Conflict when the name exists; StoreFull.
        """

    def read(self, name: str, start: int, length: int) -> bytes:
        """`length` bytes from `start`, fewer where it ends earlier. **Raises:** BlobMissing."""

    def stream(self, name: str) -> Iterator[bytes]:
        """All bytes, in pieces. **Raises:** BlobMissing."""

    def size(self, name: str) -> int:
        """How many bytes it takes. **Raises:** BlobMissing."""

    def stored_at(self, name: str) -> datetime:
        """When it was stored, by the store's own clock. **Raises:** BlobMissing."""

    def delete(self, name: str) -> None:
        """There is nothing of that name. Nothing happens when there was nothing."""

    def names(self, prefix: str = "") -> Iterator[str]:
        """What is stored under the prefix (`tenant_prefix`, or nothing for all), in no order.

        That includes what is no blob's name. What comes or goes meanwhile may or may not be among them.
        """

    def folders(self) -> Iterator[str]:
        """The first part of every name, each once: the tenants that have something here."""

    def remove_unfinished(self, before: datetime) -> int:
        """What writers that died before then left half-written is gone. Answers how many."""

    def free_bytes(self) -> int | None:
        """How much room is left, None where the store does not say."""

    def prepare(self) -> None:
        """The store can be used, if making it is in our power (a folder is made; a bucket is not)."""

    def check(self) -> None:
        """Nothing happens if it can be written, read, emptied, and not entered by others. **Raises:** Misconfigured."""


def blob_store_from_url(url: str) -> BlobStore:
    """The store that a `SAFEKEEP_BLOBS` setting names. Nothing is opened or made yet.

    **Shape:** a folder (`/srv/blobs` or `file:/srv/blobs`), or `s3://bucket/prefix?endpoint=https://…&region=…`, with
    access key and secret as `s3://KEY:SECRET@bucket` or in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
    **Raises:** Misconfigured.
    """
    scheme = urlsplit(url).scheme
    if scheme == "s3":
        from console.vault.s3_store import S3Store

        return S3Store.from_url(url)
    if scheme in ("", "file"):
        from console.vault.folder_store import FolderStore

        return FolderStore.from_path(url.removeprefix("file://").removeprefix("file:"))
    raise Misconfigured(
        f"SAFEKEEP_BLOBS begins with {scheme}:, which is no kind of store. Give a folder, or s3://bucket/prefix."
    )
