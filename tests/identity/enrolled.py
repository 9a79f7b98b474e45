"""People with second factors: an app set up through the real pages, and an authenticator that makes passkeys."""

import hashlib
import html
import json
import re
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode

import cbor2
import pyotp
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from console.core.db import db
from console.identity.models import TotpFactor, totp_of
from tests.house import House, Visitor

SECRET = re.compile(r'id="totp-secret">([A-Z2-7]{32})<')
CODE = re.compile(r"<li><code>([a-z0-9-]{14})</code>")


def secret_on(page) -> str:
    return SECRET.search(page.text).group(1)


def codes_on(page) -> list[str]:
    return CODE.findall(page.text)


def app_code(house: House, key: str) -> str:
    """The code that the person's app shows now, as if no code of it had been used yet."""
    with house.inside(house[key].tenant_id):
        app = totp_of(house[key].id)
        app.last_step = 0
        return pyotp.TOTP(app.secret).at(int(time.time()))


def add_app(house: House, visitor: Visitor) -> list[str]:
    """An app is set up on one's own page; answers the recovery codes that were shown."""
    assert visitor.post("/me/factors/app").location == "/me/factors/app"
    code = pyotp.TOTP(secret_on(visitor.get("/me/factors/app"))).at(int(time.time()))
    answer = visitor.post("/me/factors/app/confirm", {"code": code})
    assert answer.status_code in (200, 303), answer.text
    return codes_on(answer)


def sign_in_with_app(house: House, key: str, **kwargs) -> Visitor:
    visitor = house.visitor(**kwargs)
    assert visitor.sign_in(house[key].email).location.startswith("/sign-in/factor")
    answer = visitor.post("/sign-in/factor", {"code": app_code(house, key)}, form="/sign-in/factor")
    assert answer.status_code == 303, answer.text
    return visitor


def require_factor(house: House, whom: str, tenant: str = "owner") -> None:
    from console.core.actor import system
    from console.policies.actions import save

    with house.inside(house[tenant].tenant_id):
        save("settings", {"factor_required": whom}, based_on=0, reason="", by=system("test"))


def grow_stale(house: House, key: str) -> None:
    """The person's sessions go on, and the last proof of who it is lies eleven minutes back."""
    from datetime import timedelta

    from sqlalchemy import select

    from console.sessions.models import Session

    with house.inside(house[key].tenant_id):
        for session in db.session.execute(select(Session).where(Session.user_id == house[key].id)).scalars():
            session.authenticated_at -= timedelta(minutes=11)


def unconfirmed_app(house: House, key: str) -> TotpFactor | None:
    with house.inside(house[key].tenant_id):
        return totp_of(house[key].id)


def encode(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Authenticator:
    """One passkey, as a security key keeps it. It signs whatever it is asked to, for any origin it is told."""

    def __init__(self, origin: str, rp_id: str = "localhost"):
        self.origin, self.rp_id, self.count = origin, rp_id, 0
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = secrets.token_bytes(32)

    def made(self, options: dict, **changes: str) -> str:
        """The answer to `navigator.credentials.create`."""
        public = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: public.x.to_bytes(32), -3: public.y.to_bytes(32)}
        credential = bytes(16) + len(self.id).to_bytes(2) + self.id + cbor2.dumps(cose)
        attestation = {"fmt": "none", "attStmt": {}, "authData": self._data(0x45) + credential}
        client = self._client("webauthn.create", options, changes)
        response = {"clientDataJSON": encode(client), "attestationObject": encode(cbor2.dumps(attestation))}
        return self._answer({**response, "transports": ["usb", "<b>"]})

    def proof(self, options: dict, **changes: str) -> str:
        """The answer to `navigator.credentials.get`."""
        self.count += 1
        client, data = self._client("webauthn.get", options, changes), self._data(0x05)
        signed = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        parts = {"clientDataJSON": client, "authenticatorData": data, "signature": signed}
        return self._answer({name: encode(value) for name, value in parts.items()})

    def _client(self, kind: str, options: dict, changes: dict) -> bytes:
        return json.dumps({"type": kind, "challenge": options["challenge"], "origin": self.origin, **changes}).encode()

    def _data(self, flags: int) -> bytes:
        return hashlib.sha256(self.rp_id.encode()).digest() + bytes((flags,)) + self.count.to_bytes(4)

    def _answer(self, response: dict) -> str:
        return json.dumps({"id": encode(self.id), "rawId": encode(self.id), "type": "public-key", "response": response})


def ask(visitor: Visitor, url: str, form: str = "/me") -> dict:
    """What the script is told to hand to the browser."""
    answer = visitor.client.post(url, headers={"X-CSRFToken": html.unescape(visitor.token(form))})
    assert answer.status_code == 200, answer.text
    return answer.json


def add_passkey(house: House, visitor: Visitor, name: str = "Key") -> Authenticator:
    key = Authenticator(house.settings.base_url)
    options = ask(visitor, "/me/factors/passkeys/options")
    answer = visitor.post("/me/factors/passkeys", {"name": name, "credential": key.made(options)})
    assert answer.status_code in (200, 303), answer.text
    return key


def half(house: House, key: str) -> Visitor:
    """A browser in which that person has shown the password only."""
    visitor = house.usual_browser(key)
    assert visitor.sign_in(house[key].email).location.startswith("/sign-in/factor")
    return visitor


def prove_passkey(visitor: Visitor, answer: str):
    return visitor.post("/sign-in/factor", {"assertion": answer}, form="/sign-in/factor")


def ask_at_sign_in(visitor: Visitor) -> dict:
    return ask(visitor, "/sign-in/factor/passkey", "/sign-in/factor")
