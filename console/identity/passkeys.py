"""Passkeys (WebAuthn): what a browser is asked, and whether its answer proves anything.

Origin and RP id come from the configured address alone. A challenge belongs to one session, one person and one
purpose, lives five minutes, and is gone with the first answer, right or wrong. **Source:** W3C WebAuthn Level 3,
sections 7.1 and 7.2.
"""

import json
import secrets
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import delete, or_, select
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from console.audit.actions import record
from console.audit.tags import Tag
from console.core import clock
from console.core.actor import Actor
from console.core.db import bound_tenant, db, settings
from console.core.errors import Invalid
from console.core.ids import new_id
from console.identity.models import Challenge, Passkey, passkeys_of
from console.identity.totp import Proof
from console.users.models import User
from console.vault.access import tenant_keys

Purpose = Literal["add", "prove"]
CHALLENGE_MINUTES = 5
NONCE_BYTES = 32
ANSWER_CHARACTERS = 20_000
MOST = 20
"""Passkeys a person can have."""
_FAULTS = (WebAuthnException, ValueError, TypeError, KeyError, AttributeError)
"""What the library raises on answers that are wrong or are no answers at all."""


def origin() -> str:
    """The origin that a browser must have answered from."""
    parts = urlsplit(settings().base_url)
    return f"{parts.scheme}://{parts.netloc}"


def rp_id() -> str:
    """The host name that passkeys are bound to."""
    return urlsplit(settings().base_url).hostname or "localhost"


def ask_new(person: User, *, session_id: UUID) -> str:
    """What to hand to `navigator.credentials.create`, as JSON, with a fresh challenge. **Raises:** Invalid."""
    present = passkeys_of(person.id)
    if len(present) >= MOST:
        raise Invalid(f"You have {MOST} passkeys already. Remove one that you do not use, then add this one.")
    options = generate_registration_options(
        rp_id=rp_id(),
        rp_name=settings().company,
        user_id=person.id.bytes,
        user_name=person.details.email,
        user_display_name=person.details.name,
        challenge=_new_challenge(person, session_id, "add"),
        timeout=CHALLENGE_MINUTES * 60_000,
        exclude_credentials=[_descriptor(key) for key in present],
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.PREFERRED
        ),
    )
    return options_to_json(options)


def ask_proof(person: User, *, session_id: UUID) -> str:
    """What to hand to `navigator.credentials.get`, as JSON, with a fresh challenge."""
    options = generate_authentication_options(
        rp_id=rp_id(),
        challenge=_new_challenge(person, session_id, "prove"),
        timeout=CHALLENGE_MINUTES * 60_000,
        allow_credentials=[_descriptor(key) for key in passkeys_of(person.id)],
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    return options_to_json(options)


def add(person: User, name: str, answer: str, *, session_id: UUID) -> Passkey | None:
    """The passkey that the answer describes, added; None where the answer proves nothing."""
    nonce = _use_challenge(person, session_id, "add")
    parsed = _parsed(answer)
    if nonce is None or parsed is None:
        return None
    try:
        made = verify_registration_response(
            credential=parsed, expected_challenge=nonce, expected_rp_id=rp_id(), expected_origin=origin()
        )
    except _FAULTS:
        return None
    digest = _digest(made.credential_id)
    if db.session.execute(select(Passkey.id).where(Passkey.digest == digest)).first():
        return None
    key = Passkey(
        id=new_id(),
        tenant_id=bound_tenant(),
        user_id=person.id,
        digest=digest,
        sign_count=made.sign_count,
        created_at=clock.now(),
    )
    key.content = {
        "name": name,
        "credential_id": bytes_to_base64url(made.credential_id),
        "public_key": bytes_to_base64url(made.credential_public_key),
        "transports": _transports(parsed),
    }
    db.session.add(key)
    db.session.flush()
    return key


def prove(person: User, answer: str, *, session_id: UUID, by: Actor) -> Proof:
    """Check the answer of one of the person's passkeys. A count that went back is noted, for the person and the record.

    **Records:** identity:factor:refused where it proves nothing, identity:passkey:doubted.
    """
    nonce = _use_challenge(person, session_id, "prove")
    parsed = _parsed(answer)
    key = _named(person.id, parsed) if parsed else None
    count = _verified_count(key, parsed, nonce) if nonce and parsed and key else None
    if key is None or count is None:
        record(Tag.FACTOR_REFUSED, by=by, subject=("user", person.id), kind="passkey")
        return Proof(right=False)
    doubtful = (key.sign_count or count) and count <= key.sign_count
    key.sign_count, key.last_used_at = max(count, key.sign_count), clock.now()
    if doubtful:
        key.doubted_at = clock.now()
    db.session.flush()
    if doubtful:
        record(Tag.PASSKEY_DOUBTED, by=by, subject=("user", person.id), name=key.name)
    return Proof(right=True)


def _verified_count(key: Passkey, answer: dict[str, Any], nonce: bytes) -> int | None:
    """The count of uses that a right answer carries; None for a wrong one."""
    try:
        found = verify_authentication_response(
            credential=answer,
            expected_challenge=nonce,
            expected_rp_id=rp_id(),
            expected_origin=origin(),
            credential_public_key=base64url_to_bytes(key.content["public_key"]),
            credential_current_sign_count=0,  # the count is judged by `prove`, which notes and does not refuse
        )
    except _FAULTS:
        return None
    return found.new_sign_count


def _named(user_id: UUID, answer: dict[str, Any]) -> Passkey | None:
    """The passkey of that person which the answer names. Somebody else's is as unknown as one that never was."""
    try:
        digest = _digest(base64url_to_bytes(answer["rawId"]))
    except _FAULTS:
        return None
    query = select(Passkey).where(Passkey.user_id == user_id, Passkey.digest == digest).with_for_update()
    return db.session.execute(query).scalar_one_or_none()


def _new_challenge(person: User, session_id: UUID, purpose: Purpose) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    db.session.execute(
        delete(Challenge)
        .where(
            Challenge.user_id == person.id, or_(Challenge.session_id == session_id, Challenge.expires_at < clock.now())
        )
        .execution_options(synchronize_session=False)
    )
    db.session.add(
        Challenge(
            id=new_id(),
            tenant_id=bound_tenant(),
            user_id=person.id,
            session_id=session_id,
            purpose=purpose,
            nonce=nonce,
            expires_at=clock.now() + timedelta(minutes=CHALLENGE_MINUTES),
        )
    )
    db.session.flush()
    return nonce


def _use_challenge(person: User, session_id: UUID, purpose: Purpose) -> bytes | None:
    """The challenge that this session was given for that purpose; it is gone. One caller gets it, whoever is fastest."""
    query = select(Challenge.id, Challenge.nonce).where(
        Challenge.user_id == person.id,
        Challenge.session_id == session_id,
        Challenge.purpose == purpose,
        Challenge.expires_at > clock.now(),
    )
    found = db.session.execute(query.limit(1)).one_or_none()
    if found is None:
        return None
    gone = db.session.execute(
        delete(Challenge).where(Challenge.id == found.id).execution_options(synchronize_session=False)
    )
    return bytes(found.nonce) if gone.rowcount else None  # type: ignore[attr-defined]


def _parsed(answer: str) -> dict[str, Any] | None:
    if len(answer) > ANSWER_CHARACTERS:
        return None
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _transports(answer: dict[str, Any]) -> list[str]:
    """How the browser says the passkey can be reached; a hint for the next time, nothing more."""
    known = {str(item.value) for item in AuthenticatorTransport}
    response = answer.get("response")
    given = response.get("transports") if isinstance(response, dict) else None
    return [item for item in given if item in known] if isinstance(given, list) else []


def _descriptor(key: Passkey) -> PublicKeyCredentialDescriptor:
    content = key.content
    return PublicKeyCredentialDescriptor(
        id=base64url_to_bytes(content["credential_id"]),
        transports=[AuthenticatorTransport(item) for item in content["transports"]] or None,
    )


def _digest(credential_id: bytes) -> bytes:
    return tenant_keys().index("passkey", credential_id)
