"""Making the vault of a new installation, in the order in which nothing is made over existing keys."""

from console.core.errors import Conflict
from console.vault.keyring import Keyring
from console.vault.keystore import KeyStore
from console.vault.providers import provider_from_url


def create_vault(root_key_url: str, keystore_url: str) -> Keyring:
    """A new installation's root key, key store and platform key exist; the keyring is open.

    The store is looked at before a root key is made: where keys exist and the root key is lost, a new one
    would look like the lost one and open nothing.
    **Raises:** Conflict when there is an installation already; Misconfigured.
    """
    store = KeyStore(keystore_url)
    if store.has_installation():
        raise Conflict("This installation already has its keys. Nothing was changed.")
    return Keyring.create(provider_from_url(root_key_url, create=True), store)


def open_vault(root_key_url: str, keystore_url: str) -> Keyring:
    """The keyring of an existing installation; nothing is made. **Raises:** Misconfigured."""
    return Keyring.open(provider_from_url(root_key_url), KeyStore(keystore_url))
