"""A real vault in a folder of its own, and keys made of known bytes for what needs no store."""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest

from console.core.ids import new_id
from console.vault.keyring import Keyring
from console.vault.setup import create_vault
from console.vault.tenant_keys import TenantKeys
from console.vault.tenant_secret import TenantSecret

INSTALLATION = "01890000-0000-7000-8000-00000000000a"
TENANT = UUID("01890000-0000-7000-8000-00000000000b")
ROW = UUID("01890000-0000-7000-8000-00000000000c")


@dataclass
class Place:
    """Where a vault is: its root key folder, its key store, and the addresses of both."""

    keys: Path
    store: Path

    @property
    def root_url(self) -> str:
        return f"file:{self.keys}"

    @property
    def store_url(self) -> str:
        return f"sqlite:///{self.store}"

    def files(self) -> dict[str, bytes]:
        """Every file in both places with its content, SQLite's shared-memory index apart."""
        found = [*self.keys.glob("*"), *self.keys.glob(".*"), *self.store.parent.glob(f"*{self.store.name}*")]
        return {str(path): path.read_bytes() for path in found if path.is_file() and path.suffix != ".sqlite-shm"}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "keys", tmp_path / "keys.sqlite")


@pytest.fixture
def keyring(place: Place) -> Keyring:
    return create_vault(place.root_url, place.store_url)


@pytest.fixture
def tenant_id(keyring: Keyring) -> UUID:
    """A tenant that has a key."""
    tenant_id = new_id()
    keyring.create_tenant_key(tenant_id)
    return tenant_id


@pytest.fixture(scope="session")
def keys() -> TenantKeys:
    """Keys made of known bytes, version 3 alone."""
    secret = TenantSecret(bytes(range(32)), bytes(range(32, 64)))
    return TenantKeys(INSTALLATION, TENANT, {3: secret}, primary=3)
