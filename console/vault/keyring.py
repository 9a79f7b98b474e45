"""The keyring: every tenant's keys, unwrapped when they are asked for and for a few minutes only."""

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Self
from uuid import UUID

from console.core import clock
from console.core.errors import Misconfigured
from console.core.ids import PLATFORM_TENANT_ID, new_id
from console.vault import schema
from console.vault.cache import ExpiringCache
from console.vault.errors import KeyUnavailable
from console.vault.keystore import Installation, KeyStore, OlderRoot, StoredKey
from console.vault.selftest import check_known_answers
from console.vault.tenant_keys import TenantKeys
from console.vault.tenant_secret import TenantSecret
from console.vault.wrapping import KeyProvider, WrappedKey

CACHED_TENANTS = 1000
"""About 10 kB each: a busy installation stays at 10 MB, and a tenant asked for again costs one unwrap."""

CACHED_SECONDS = 300.0
"""The longest that a process goes on using a key after another process destroyed or replaced it."""

FIRST_VERSION = 1
_CANARY = b"This installation's root key opens this text."


class Keyring:
    """The keys of one installation. Safe to share between threads, and to carry over a fork."""

    def __init__(
        self,
        provider: KeyProvider,
        store: KeyStore,
        installation: Installation,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.provider = provider
        self.store = store
        self.installation_id = installation.id
        self._opened: ExpiringCache[UUID, TenantKeys] = ExpiringCache(CACHED_TENANTS, CACHED_SECONDS, monotonic)

    @classmethod
    def create(cls, provider: KeyProvider, store: KeyStore) -> Self:
        """The store belongs to a new installation, whose platform key exists; the keyring is open.

        **Raises:** Conflict when the store belongs to an installation, which is left as it is; Misconfigured.
        """
        check_known_answers()
        store.create()
        installation_id = new_id()
        canary = provider.wrap(_CANARY, _canary_context(str(installation_id)))
        platform = _stored(provider, str(installation_id), PLATFORM_TENANT_ID, FIRST_VERSION, TenantSecret.new())
        store.add_installation(installation_id, canary, provider.fingerprint(canary.root_version), platform)
        return cls.open(provider, store)

    @classmethod
    def open(cls, provider: KeyProvider, store: KeyStore, *, monotonic: Callable[[], float] = time.monotonic) -> Self:
        """The keyring, after proof that cryptography, root key and store fit together.

        **Raises:** Misconfigured, naming the cause, what was expected and found, and the remedy: a
        wrong key is found here, at the start, and not by the first Customer. **Source:** P17.
        """
        check_known_answers()
        installation = store.installation()
        _check_roots(provider, installation, store.stored_keys())
        _check_canary(provider, installation)
        return cls(provider, store, installation, monotonic=monotonic)

    def create_tenant_key(self, tenant_id: UUID) -> None:
        """The tenant has a key. **Raises:** Conflict when it has or ever had one."""
        self.store_secret(tenant_id, FIRST_VERSION, TenantSecret.new())

    def keys(self, tenant_id: UUID) -> TenantKeys:
        """The tenant's keys. **Raises:** KeyUnavailable: never made, destroyed, or not to be unwrapped."""
        return self._opened.get(tenant_id, lambda: self._load(tenant_id))

    def platform(self) -> TenantKeys:
        """The keys of the host itself: staff, cookies, signatures, indexes over all tenants."""
        return self.keys(PLATFORM_TENANT_ID)

    def drop(self, tenant_id: UUID) -> None:
        """The tenant's opened keys are forgotten in this process, and read again when next asked for."""
        self._opened.drop(tenant_id)

    def status(self) -> list[dict[str, Any]]:
        """Every key version of every tenant, without the keys.

        **Shape:** tenant_id, version, state, fingerprint, root_version, created_at; by tenant and version.
        """
        names = ("tenant_id", "version", "state", "fingerprint", "root_version", "created_at")
        return [{name: getattr(key, name) for name in names} for key in self.store.stored_keys()]

    def check(self, tenant_ids: Iterable[UUID]) -> list[UUID]:
        """Those of the tenants whose keys could not be used now. Reads the store, not the cache."""
        failing = []
        for tenant_id in tenant_ids:
            try:
                self._load(tenant_id)
            except KeyUnavailable:
                failing.append(tenant_id)
        return failing

    def store_secret(self, tenant_id: UUID, version: int, secret: TenantSecret) -> None:
        """The secret is wrapped and stored as the tenant's primary. **Raises:** Conflict if it exists."""
        key = _stored(self.provider, self.installation_id, tenant_id, version, secret)
        try:
            self.store.add_key(key, self.provider.fingerprint(key.root_version))
        except OlderRoot:  # the root was replaced between wrapping and storing
            key = _stored(self.provider, self.installation_id, tenant_id, version, secret)
            self.store.add_key(key, self.provider.fingerprint(key.root_version))
        self.drop(tenant_id)

    def unwrap(self, key: StoredKey) -> TenantSecret:
        """The secret of a stored key version. **Raises:** KeyUnavailable."""
        if not key.usable:
            raise KeyUnavailable("This key was destroyed. What it sealed cannot be read any more.")
        return TenantSecret.from_bytes(self.provider.unwrap(key.as_wrapped(), self.context(key)))

    def rewrap(self, key: StoredKey) -> WrappedKey:
        """A stored key version under the current root version. **Raises:** KeyUnavailable."""
        return self.provider.rewrap(key.as_wrapped(), self.context(key))

    def rewrap_canary(self) -> None:
        """The canary is wrapped under the current root version."""
        canary = self.provider.wrap(_CANARY, _canary_context(self.installation_id))
        self.store.replace_canary(canary, self.provider.fingerprint(canary.root_version))

    def context(self, key: StoredKey) -> dict[str, str]:
        """What a wrapped key is bound to."""
        return _key_context(self.installation_id, key.tenant_id, key.version)

    def _learned(self, tenant_id: UUID, version: int) -> TenantKeys | None:
        """The tenant's keys if that version exists by now: another process made it since they were opened here."""
        if version not in {key.version for key in self.store.stored_keys([tenant_id]) if key.usable}:
            return None
        self.drop(tenant_id)
        return self.keys(tenant_id)

    def _load(self, tenant_id: UUID) -> TenantKeys:
        try:
            return self._read(tenant_id)
        except KeyUnavailable:  # perhaps read before it was wrapped anew, and unwrapped after its root was retired
            return self._read(tenant_id)

    def _read(self, tenant_id: UUID) -> TenantKeys:
        stored = self.store.stored_keys([tenant_id])
        secrets = {key.version: self.unwrap(key) for key in stored if key.usable}
        primary = [key.version for key in stored if key.state == schema.PRIMARY]
        if not primary:
            raise KeyUnavailable(
                "This data was destroyed: its key no longer exists." if stored else "There is no key for this data.",
                tenant_id=tenant_id,
            )
        learn = partial(self._learned, tenant_id)
        return TenantKeys(self.installation_id, tenant_id, secrets, primary=primary[0], learn=learn)


def _stored(
    provider: KeyProvider, installation_id: str, tenant_id: UUID, version: int, secret: TenantSecret
) -> StoredKey:
    wrapped = provider.wrap(secret.to_bytes(), _key_context(installation_id, tenant_id, version))
    return StoredKey(
        tenant_id=tenant_id,
        version=version,
        state=schema.PRIMARY,
        provider=wrapped.provider,
        root_version=wrapped.root_version,
        wrapped=wrapped.wrapped,
        fingerprint=secret.fingerprint,
        created_at=clock.now(),
    )


def _key_context(installation_id: str, tenant_id: UUID, version: int) -> dict[str, str]:
    """A wrapped key copied to another tenant's row, version or installation does not unwrap."""
    return {"installation": installation_id, "tenant": str(tenant_id), "purpose": "tenant key", "version": str(version)}


def _canary_context(installation_id: str) -> dict[str, str]:
    return {"installation": installation_id, "purpose": "canary"}


def _check_roots(provider: KeyProvider, installation: Installation, keys: list[StoredKey]) -> None:
    """Every root version here is the recorded one, and every one that something is wrapped under is here."""
    here = {version: provider.fingerprint(version) for version in provider.versions()}
    needed = {installation.canary.root_version} | {key.root_version for key in keys if key.usable}
    for version, expected in sorted(installation.roots.items()):
        if version in here and here[version] != expected:
            raise Misconfigured(
                f"This is not the root key that the data was encrypted with. Version {version}: expected "
                f"fingerprint {expected}, found {here[version]}. Restore the right root key from your copy."
            )
        if version in needed and version not in here:
            found = ", ".join(f"version {other} ({name})" for other, name in here.items())
            raise Misconfigured(
                f"The root key is missing. Expected version {version} with fingerprint {expected}, found "
                f"only {found}. Restore version {version} from your copy."
            )


def _check_canary(provider: KeyProvider, installation: Installation) -> None:
    try:
        opened = provider.unwrap(installation.canary, _canary_context(installation.id))
    except KeyUnavailable:
        opened = b""
    if opened != _CANARY:
        version = installation.canary.root_version
        raise Misconfigured(
            f"The key store's test text does not open under root key version {version} (fingerprint "
            f"{provider.fingerprint(version)}), though that is the expected root key. The key store is "
            "damaged or was put together from several: restore it from its backup."
        )
