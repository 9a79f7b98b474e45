"""`safekeep tenant`, `user`, `staff`, `keys`, `audit`, `doctor` as an operator or a program runs them."""

import json
import re
from uuid import UUID

import pytest
from sqlalchemy import event
from sqlalchemy.pool import Pool

from tests import databases
from tests.commands.processes import answer_of, environment, here, refused, safekeep
from tests.users.acts import NEW_PASSWORD, history

SECRET = "nine-Copper-kettles-4"


def database_of(settings):
    return settings.database_url.rsplit("/", 1)[1] if databases.POSTGRESQL else None


@pytest.fixture
def env(house):
    return environment(house.settings.instance, database_of(house.settings))


def add_user(*more, tenant="Acme Corporation", email="nia@acme.example", role="member", given="Nia"):
    return ("user", "add", tenant, email, "--given-name", given, "--family-name", "Newcomb", "--role", role, *more)


def test_a_customer_is_added_and_listed_with_its_id_and_term(house, env):
    answer = answer_of(env, "tenant", "add", "Cedar & Co", "--term-days", "45")
    assert UUID(answer["id"])
    listed = {row["id"]: row for row in answer_of(env, "tenant", "list")}
    assert listed[answer["id"]] == {
        "id": answer["id"],
        "name": "Cedar & Co",
        "state": "active",
        "users": 0,
        "term_days": 45,
    }
    assert listed[str(house["admin"].tenant_id)]["users"] == 9
    shown = safekeep(env, "tenant", "list").stdout
    assert "Cedar & Co" in shown
    assert "Safekeep" not in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("",), "1 to 120 printable characters"),
        (("x" * 121,), "1 to 120 printable characters"),
        (("Ce\u202edar",), "printable"),
        (("Cedar", "--term-days", "0"), "1 to 3650"),
        (("Cedar", "--term-days", "4000"), "1 to 3650"),
    ],
)
def test_a_customer_that_cannot_be_is_refused_in_one_line(env, arguments, words):
    refused(here(env, "tenant", "add", *arguments), words)


def test_a_person_is_added_with_a_link_that_works_once(house, env):
    answer = answer_of(env, *add_user(tenant=str(house["admin"].tenant_id)))
    assert set(answer) == {"id", "activation_link", "expires_at"}
    path = "/" + answer["activation_link"].split("/", 3)[3]
    fields = {"password": NEW_PASSWORD, "password_again": NEW_PASSWORD}
    assert house.visitor().post(path, fields, form=path).status_code == 303
    assert house.visitor().sign_in("nia@acme.example", NEW_PASSWORD).status_code == 303
    assert house.visitor().get(path).status_code == 410
    tag, details = history(house, house["admin"].tenant_id, UUID(answer["id"]))[-1]
    assert tag == "users:user:added"
    assert "command line" in details["actor"]


def test_without_json_the_link_stands_on_a_line_of_its_own(env):
    done = safekeep(env, *add_user(tenant="acme"))
    assert done.returncode == 0
    assert re.search(r"^http://localhost:8080/invitations/\S{43}$", done.stdout, re.MULTILINE)


def test_with_a_password_on_standard_input_the_person_signs_in_at_once_and_it_is_shown_nowhere(house, env):
    done = safekeep(env, *add_user("--password-stdin", "--json"), typed=f"{SECRET}\n")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["activation_link"] is None
    assert SECRET not in done.stdout + done.stderr
    assert house.visitor().sign_in("nia@acme.example", SECRET).status_code == 303


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "standard input holds no password"),
        ("\n", "standard input holds no password"),
        ("short\n", "at least 12 characters"),
        (b"\xff\xfe-not-utf8-at-all\n", "not UTF-8"),
    ],
)
def test_a_password_that_will_not_do_is_refused_in_one_line_and_adds_nobody(house, env, typed, words):
    refused(here(env, *add_user("--password-stdin"), typed=typed), words)
    assert not [tag for tag, _details in history(house, house["admin"].tenant_id) if "nia" in str(_details)]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tenant": "Nobody Ltd"}, "there is no Customer 'Nobody Ltd'"),
        ({"tenant": "01890000-0000-7000-8000-00000000000a"}, "there is no Customer"),
        ({"tenant": "i"}, "fits 2 Customers; give the id"),
        ({"email": "nonsense"}, "This is not an e-mail address"),
        ({"email": "member@acme.example"}, "is the username of Mika Member already"),
        ({"email": "birch.member@birch.example"}, "cannot be used as a username here"),
    ],
)
def test_each_refusal_is_one_clear_line_with_status_1(env, changes, words):
    refused(here(env, *add_user(**changes)), words)


def test_a_refusal_of_a_real_process_is_one_clear_line_too(env):
    refused(safekeep(env, *add_user(tenant="i")), "fits 2 Customers; give the id")
    refused(safekeep(env, *add_user(given="\udcff")), "cannot be shown")


def test_wrong_usage_is_status_2_and_shows_how(env):
    for arguments in (
        add_user(role="emperor"),
        ("user", "add", "acme"),
        ("nonsense",),
        ("run", "--port", "70000"),
        ("staff", "add", "sam2@host.example", "--name", "Sam", "--role", "agent"),
        ("audit", "verify", "--checkpoint", "/does/not/exist"),
    ):
        done = here(env, *arguments)
        assert done.returncode == 2, arguments
        assert "Usage: " in done.stderr
        assert "Traceback" not in done.stderr


def test_staff_are_added_and_must_set_up_their_second_factor(house, env):
    arguments = ("staff", "add", "lee@host.example", "--name", "Lee Van Support", "--role", "agent", "--password-stdin")
    answer_of(env, *arguments, typed=SECRET)
    visitor = house.visitor()
    assert visitor.sign_in("lee@host.example", SECRET).location.startswith("/sign-in/confirm")
    assert house.confirm(visitor, "lee@host.example").location.startswith("/sign-in/factor")
    assert "Set up a second factor" in visitor.get("/sign-in/factor").text
    assert visitor.get("/support/tenants").location.startswith("/sign-in/factor")


def test_key_versions_are_listed_without_showing_any_key(house, env):
    rows = answer_of(env, "keys", "status")
    assert {row["tenant_id"] for row in rows} >= {str(house["admin"].tenant_id), str(house["birch_admin"].tenant_id)}
    mine = answer_of(env, "keys", "status", "birch")
    assert {row["tenant_id"] for row in mine} == {str(house["birch_admin"].tenant_id)}
    assert not [value for row in rows for name, value in row.items() if "secret" in name or "wrapped" in name]
    refused(here(env, "keys", "status", "nobody"), "there is no Customer")


def test_the_audit_record_of_one_or_all_is_verified(house, env):
    rows = answer_of(env, "audit", "verify")
    assert len(rows) == 3
    assert all(row["sound"] for row in rows)
    assert answer_of(env, "audit", "verify", "acme")[0]["tenant"] == str(house["admin"].tenant_id)


def test_the_doctor_finds_a_sound_installation_safe(env):
    answer = answer_of(env, "doctor")
    assert answer["safe"]
    assert [check["check"] for check in answer["checks"]] == [
        "settings",
        "keys",
        "blob store",
        "pages",
        "tenants' keys",
    ]


def test_the_doctor_names_what_is_not_safe(house, env):
    wrong = {**env, "SAFEKEEP_PROFILE": "production"}
    done = safekeep(wrong, "doctor", "--json")
    assert done.returncode == 1
    assert "must start with https://" in json.loads(done.stdout)["checks"][-1]["problem"]
    (house.settings.instance / "blobs").chmod(0o755)
    done = safekeep(env, "doctor")
    assert done.returncode == 1
    assert "BAD blob store: " in done.stdout
    assert "can be entered by others (mode 755)" in done.stdout
    next((house.settings.instance / "keys").glob("*")).chmod(0o644)
    done = safekeep(env, "doctor")
    assert done.returncode == 1
    assert "BAD keys" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("demo",),
        ("init",),
        ("run",),
        ("worker",),
        ("tenant", "add"),
        ("tenant", "list"),
        ("user", "add"),
        ("staff", "add"),
        ("keys", "status"),
        ("audit", "verify"),
        ("audit", "checkpoint"),
        ("doctor",),
    ],
)
def test_every_command_explains_itself_with_an_example(arguments):
    done = here({}, *arguments, "--help")
    assert done.returncode == 0
    if arguments:
        assert (
            f"Example: {'SAFEKEEP_INSTANCE=/srv/safekeep ' if arguments == ('init',) else ''}safekeep {arguments[0]}"
            in done.stdout
        )
    else:
        for name in ("demo", "init", "run", "worker", "tenant", "user", "staff", "keys", "audit", "doctor"):
            assert re.search(rf"^  {name} ", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("arguments", [("doctor",), ("tenant", "list"), ("keys", "status"), ("audit", "verify")])
def test_a_command_leaves_no_connection_to_the_database_open(env, arguments):
    opened, closed = [], []
    listeners = (
        (Pool, "connect", lambda connection, _record: opened.append(connection)),
        (Pool, "close", lambda connection, _record: closed.append(connection)),
    )
    for listener in listeners:
        event.listen(*listener)
    try:
        assert here(env, *arguments).returncode == 0
    finally:
        for listener in listeners:
            event.remove(*listener)
    assert opened
    assert [connection for connection in opened if connection not in closed] == []
