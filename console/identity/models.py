"""What proves an identity: a password's hash, second factors, a recognised browser. Each is sealed or hashed."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, Select, String, UniqueConstraint, and_, select
from sqlalchemy.orm import Mapped, mapped_column

from console.core.db import Base, TenantOwned, db, tenant_reference
from console.core.lookups import digest_of
from console.users.models import User
from console.vault.access import tenant_keys

KEPT_PASSWORDS = 24
"""As many earlier passwords as a Customer can have refused (`Choices.password_history`)."""


class Credential(TenantOwned, Base):
    """A person's password, as an Argon2id hash, sealed once more so that a database alone cannot be guessed at."""

    __tablename__ = "credentials"
    __table_args__ = (tenant_reference("user_id", "users"), UniqueConstraint("tenant_id", "user_id"))

    user_id: Mapped[UUID]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    changed_at: Mapped[datetime]

    @property
    def password_hash(self) -> str:
        """The Argon2id hash in PHC string form. **Raises:** Unreadable."""
        return str(tenant_keys().open(self.__tablename__, self.id, self.sealed)["hash"])

    @password_hash.setter
    def password_hash(self, value: str) -> None:
        self._keep(value, self.earlier_hashes)

    @property
    def earlier_hashes(self) -> list[str]:
        """The hashes of the passwords before, the latest first. **Raises:** Unreadable."""
        if self.sealed is None:
            return []
        return list(tenant_keys().open(self.__tablename__, self.id, self.sealed).get("before", []))

    def replace_hash(self, value: str) -> None:
        """Another password: the present hash becomes the first of the earlier ones."""
        before = [self.password_hash, *self.earlier_hashes] if self.sealed is not None else []
        self._keep(value, before[:KEPT_PASSWORDS])

    def _keep(self, value: str, before: list[str]) -> None:
        self.sealed = tenant_keys().seal(self.__tablename__, self.id, {"hash": value, "before": before})


class TotpFactor(TenantOwned, Base):
    """An authenticator app. `last_step` is the newest 30-second step that was accepted: no step counts twice."""

    __tablename__ = "totp_factors"
    __table_args__ = (tenant_reference("user_id", "users"), UniqueConstraint("tenant_id", "user_id"))

    user_id: Mapped[UUID]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    last_step: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]

    @property
    def secret(self) -> str:
        """The shared secret in base32. **Raises:** Unreadable."""
        return str(tenant_keys().open(self.__tablename__, self.id, self.sealed)["secret"])

    @secret.setter
    def secret(self, value: str) -> None:
        self.sealed = tenant_keys().seal(self.__tablename__, self.id, {"secret": value})

    @property
    def name(self) -> str:
        """What the person calls it. **Raises:** Unreadable."""
        return str(tenant_keys().open(self.__tablename__, self.id, self.sealed).get("name") or "Authenticator app")

    @name.setter
    def name(self, value: str) -> None:
        self.sealed = tenant_keys().seal(self.__tablename__, self.id, {"secret": self.secret, "name": value})


class Passkey(TenantOwned, Base):
    """A passkey (WebAuthn credential): its public key, under the digest of its id."""

    __tablename__ = "passkeys"
    __table_args__ = (
        tenant_reference("user_id", "users"),
        Index("ix_passkeys_user", "tenant_id", "user_id"),
        UniqueConstraint("tenant_id", "digest"),
    )

    user_id: Mapped[UUID]
    digest: Mapped[bytes] = mapped_column(LargeBinary(16))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    """How often it was used, as it says itself. Many authenticators always say 0."""
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    doubted_at: Mapped[datetime | None]
    """When its count last went back, which a copy of it would cause."""

    @property
    def content(self) -> dict[str, Any]:
        """`name`, `credential_id`, `public_key` (both base64url) and `transports`. **Raises:** Unreadable."""
        return tenant_keys().open(self.__tablename__, self.id, self.sealed)

    @content.setter
    def content(self, value: dict[str, Any]) -> None:
        self.sealed = tenant_keys().seal(self.__tablename__, self.id, value)

    @property
    def name(self) -> str:
        """What the person calls it. **Raises:** Unreadable."""
        return str(self.content["name"])

    @name.setter
    def name(self, value: str) -> None:
        self.content = {**self.content, "name": value}


class RecoveryCode(TenantOwned, Base):
    """One of a person's recovery codes, as the tenant's keyed hash; a database alone cannot be guessed at."""

    __tablename__ = "recovery_codes"
    __table_args__ = (tenant_reference("user_id", "users"), UniqueConstraint("tenant_id", "user_id", "digest"))

    user_id: Mapped[UUID]
    digest: Mapped[bytes] = mapped_column(LargeBinary(16))
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Challenge(TenantOwned, Base):
    """What a passkey was asked to sign, for one session and one purpose. It is gone once it was answered."""

    __tablename__ = "passkey_challenges"
    __table_args__ = (
        tenant_reference("user_id", "users"),
        Index("ix_passkey_challenges_session", "tenant_id", "session_id"),
        CheckConstraint("purpose IN ('add','prove')", name="purpose"),
    )

    user_id: Mapped[UUID]
    session_id: Mapped[UUID]
    purpose: Mapped[str] = mapped_column(String(8))
    nonce: Mapped[bytes] = mapped_column(LargeBinary(32))
    expires_at: Mapped[datetime]


class Browser(TenantOwned, Base):
    """A browser that a person has signed in with: the hash of its cookie's secret, never bound to an address (P10)."""

    __tablename__ = "browsers"
    __table_args__ = (
        tenant_reference("user_id", "users"),
        Index("ix_browsers_user", "tenant_id", "user_id"),
        UniqueConstraint("tenant_id", "digest"),
    )

    user_id: Mapped[UUID]
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    epoch: Mapped[int]
    """The person's `sign_in_epoch` at that time: what ends all sessions of a person also makes browsers unknown."""
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    """When the person last confirmed in it who it is."""
    remembered_until: Mapped[datetime | None]
    """Until when that was to count, as the Customer had it then; empty where browsers are not remembered."""
    sealed: Mapped[bytes] = mapped_column(LargeBinary)

    @property
    def seen(self) -> dict[str, Any]:
        """Browser and address as last seen. **Raises:** Unreadable."""
        return tenant_keys().open(self.__tablename__, self.id, self.sealed)

    @seen.setter
    def seen(self, value: dict[str, Any]) -> None:
        self.sealed = tenant_keys().seal(self.__tablename__, self.id, value)


def credential_of(user_id: UUID) -> Credential | None:
    """The password of that person, if one was chosen."""
    return db.session.execute(select(Credential).where(Credential.user_id == user_id)).scalar_one_or_none()


def totp_of(user_id: UUID) -> TotpFactor | None:
    """The authenticator app of that person, confirmed or not."""
    return db.session.execute(select(TotpFactor).where(TotpFactor.user_id == user_id)).scalar_one_or_none()


def passkeys_of(user_id: UUID) -> list[Passkey]:
    """The passkeys of that person, oldest first."""
    query = select(Passkey).where(Passkey.user_id == user_id).order_by(Passkey.id)
    return list(db.session.execute(query).scalars())


def recognised_browser(user_id: UUID, tokens: list[str]) -> Browser | None:
    """The browser of that person that one of the cookie's secrets belongs to."""
    digests = [digest_of(token) for token in tokens]
    query = _browsers(user_id).where(Browser.digest.in_(digests)).order_by(Browser.last_seen_at.desc()).limit(1)
    return db.session.execute(query).scalar_one_or_none()


def browsers_of(user_id: UUID) -> list[Browser]:
    """The browsers of that person, the latest first."""
    return list(db.session.execute(_browsers(user_id).order_by(Browser.last_seen_at.desc())).scalars())


def _browsers(user_id: UUID) -> Select[Browser]:
    """Those that count: what was known before the person was suspended, or changed role or password, is forgotten."""
    same = and_(User.tenant_id == Browser.tenant_id, User.id == Browser.user_id)
    return select(Browser).join(User, same).where(Browser.user_id == user_id, Browser.epoch == User.sign_in_epoch)
