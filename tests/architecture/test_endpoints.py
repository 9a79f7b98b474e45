"""Every endpoint says whom it is for, or the application does not start."""

from contextlib import contextmanager

import pytest
from flask import Blueprint, Flask, url_for

import blueprints
from blueprints.gate import Access, public, requires, seal
from console.app import bare_app
from console.core.db import db
from console.core.errors import Misconfigured
from console.core.permissions import Permission
from console.install import initialise
from tests import databases

PUBLIC = {
    "confirm.denial": "from a mail; the link is the secret",
    "confirm.deny": "from a mail; the link is the secret",
    "dev_mail.list_mails": "the demo's mailbox; only in the demo profile",
    "dev_mail.show": "the demo's mailbox; only in the demo profile",
    "health.alive": "for load balancers; says nothing about the inside",
    "health.ready": "for load balancers; says nothing about the inside",
    "me.confirm": "from a mail; the link is the secret",
    "me.confirm_page": "from a mail; the link is the secret",
    "me.stop": "from a mail; the link is the secret",
    "me.stop_page": "from a mail; the link is the secret",
    "password.accept": "from a mail; the link is the secret",
    "password.forgot": "for who cannot sign in",
    "password.invitation": "from a mail; the link is the secret",
    "password.reset": "from a mail; the link is the secret",
    "password.submit_forgot": "for who cannot sign in",
    "password.submit_reset": "from a mail; the link is the secret",
    "sign_in.form": "for who is not signed in",
    "sign_in.sign_out": "a session that has ended can be left as well",
    "sign_in.start": "leads on, and shows nothing",
    "sign_in.submit": "for who is not signed in",
    "static": "styles, scripts and pictures of the product; nothing of anybody",
}
"""Every endpoint that strangers reach, and why. Think twice before adding one."""

SIGNING_IN = {"confirm", "factor", "renew", "enrol"}
HALF = {
    "confirm.form",
    "confirm.send_again",
    "confirm.submit",
    "renew.form",
    "renew.submit",
    "sign_in_factor.ask_passkey",
    "sign_in_factor.show",
    "sign_in_factor.start_app",
    "sign_in_factor.submit",
}
"""What a session reaches that has shown its password only."""

DEMO_ONLY = {"dev_mail.list_mails", "dev_mail.show"}


def access(app):
    return {name: view.access for name, view in app.view_functions.items()}


def test_every_endpoint_declares_whom_it_is_for(app):
    assert all(isinstance(declared, Access) for declared in access(app).values())
    assert {rule.endpoint for rule in app.url_map.iter_rules()} == set(app.view_functions)


def test_the_public_endpoints_are_exactly_these(app):
    found = {name for name, declared in access(app).items() if declared == Access()}
    assert found == set(PUBLIC), f"not in PUBLIC: {found - set(PUBLIC)}; gone: {set(PUBLIC) - found}"


def test_a_half_signed_in_session_has_exactly_these(app):
    assert {name for name, declared in access(app).items() if declared.stages & SIGNING_IN} == HALF


def test_every_other_endpoint_needs_a_full_session_and_a_permission(app):
    rest = {name: declared for name, declared in access(app).items() if name not in {*PUBLIC, *HALF}}
    assert len(rest) > 25
    for name, declared in rest.items():
        assert declared.stages == {"full"}, name
        assert isinstance(declared.permission, Permission), name


def test_what_only_reads_needs_no_permission_to_write_and_what_writes_does(app):
    """By the permission's verb; forms and confirm pages need the permission of the act they lead to."""
    for rule in app.url_map.iter_rules():
        declared = app.view_functions[rule.endpoint].access
        if declared.permission and rule.methods & {"POST", "PUT", "PATCH", "DELETE"}:
            assert not declared.permission.endswith(":read"), rule.endpoint


def fresh(app):
    """An application with the same pages, before its door is closed."""
    copy = Flask("planted")
    copy.view_functions.update(app.view_functions)
    return copy


def test_a_forgotten_endpoint_is_named_and_stops_the_boot(app):
    copy = fresh(app)
    copy.add_url_rule("/forgotten", "planted.forgotten", lambda: "open to all")
    copy.add_url_rule("/forgotten-too", "planted.another", lambda: "open to all")
    with pytest.raises(Misconfigured, match=r"planted\.another, planted\.forgotten"):
        seal(copy)


@contextmanager
def another_installation(tmp_path, **overrides):
    """A second application, without its pages yet."""
    with databases.new_database() as database:
        settings = databases.settings_for(tmp_path, database, **overrides)
        keyring, _new = initialise(settings)
        other = bare_app(settings, keyring)
        with other.app_context():
            yield other
            db.engine.dispose()


def test_a_forgotten_endpoint_of_a_blueprint_stops_the_boot_of_the_product(app, tmp_path, monkeypatch):
    """A page is added to the product's own blueprints, and they refuse to be registered."""
    planted = Blueprint("planted", __name__)
    planted.add_url_rule("/planted", "forgotten", lambda: "open to all")

    class Module:
        blueprint = planted

    monkeypatch.setattr(blueprints, "support", Module)
    with another_installation(tmp_path) as other, pytest.raises(Misconfigured, match=r"planted\.forgotten"):
        blueprints.register(other)


def test_control_endpoints_that_declare_something_pass(app):
    copy = fresh(app)
    copy.add_url_rule("/public", "planted.public", public(lambda: ""))
    copy.add_url_rule("/owners", "planted.owners", requires(Permission.USERS_OWNERS_WRITE)(lambda: ""))
    seal(copy)


def test_the_demos_mailbox_is_in_no_other_profile(app, tmp_path):
    with another_installation(tmp_path, profile="development") as other:
        blueprints.register(other)
        assert set(app.view_functions) - set(other.view_functions) == DEMO_ONLY


def test_public_pages_answer_to_strangers_and_all_others_send_them_to_sign_in(app, client):
    """Through pytest-flask's client."""
    for rule in app.url_map.iter_rules():
        if "GET" not in rule.methods or rule.arguments:
            continue
        answer = client.get(rule.rule)
        if rule.endpoint in PUBLIC:
            assert answer.status_code in (200, 303), rule.endpoint
        else:
            assert answer.status_code == 303, rule.endpoint
            assert answer.location.startswith("/sign-in"), rule.endpoint


def test_addresses_are_made_from_endpoints(client):
    assert url_for("users.list_users") == "/users"
    assert client.get(url_for("health.alive")).json == {"status": "ok"}


def test_every_permission_has_words_and_is_granted_to_somebody():
    from console.core.permissions import PERMISSION_TEXTS, ROLE_PERMISSIONS

    assert set(PERMISSION_TEXTS) == set(Permission)
    assert {permission for granted in ROLE_PERMISSIONS.values() for permission in granted} == set(Permission)
