"""When something fails: nothing stays half done, strangers learn nothing of the inside, and an answer always comes."""

import re
import sqlite3
import threading
import time
from contextlib import contextmanager

import pytest
from jinja2 import FunctionLoader
from sqlalchemy import create_engine, text

from blueprints.errors import wait_words
from blueprints.gate import public, requires
from console.core import jobs
from console.core.db import db
from console.core.permissions import Permission
from tests import databases
from tests.cast import PASSWORD
from tests.doors import Ledger, changes, doors, expired, half_signed_in, opened, send, token_of, unconfirmed
from tests.house import said
from tests.security.inside import traces, visible

INSIDE = "SELECT secret FROM users -- /srv/safekeep/console/core/db.py"
"""What the planted exceptions say; nothing of it may reach the page."""
WAIT_SECONDS = 18
"""A lock is waited for 5 s, PostgreSQL cancels a statement after 15 s; the rest is for a busy machine. How soon a page
says that it cannot have its lock is measured in test_failures.py."""


def leaks(answer):
    return traces(answer.text, INSIDE)


@pytest.fixture(scope="module")
def house(stage, tmp_path_factory):
    """With pages that fail in the ways a page can."""
    with opened(stage, tmp_path_factory.mktemp("errors"), still=True) as house:

        @public
        def fail():
            jobs.enqueue("planted")
            db.session.flush()
            raise RuntimeError(INSIDE)

        @public
        def fail_at_commit():
            db.session.add(jobs.Job(kind="planted"))
            return "done"

        @public
        def fail_in_database():
            db.session.execute(text(INSIDE))

        @public
        def write():
            jobs.enqueue("planted")
            return "done"

        @requires(Permission.USERS_OWNERS_WRITE)
        def owners_only():
            return "done"

        app = house.app
        app.add_url_rule("/planted/view", "planted_view", fail, methods=["GET", "POST"])
        app.add_url_rule("/planted/commit", "planted_commit", fail_at_commit, methods=["GET", "POST"])
        app.add_url_rule("/planted/database", "planted_database", fail_in_database, methods=["GET", "POST"])
        app.add_url_rule("/planted/write", "planted_write", write, methods=["POST"])
        app.add_url_rule("/planted/owners", "planted_owners", owners_only, methods=["GET"])
        yield house


@contextmanager
def every_view_failing(app):
    """Each view writes a row, and then raises."""
    kept = dict(app.view_functions)

    def failing(view):
        def fail(**_values):
            jobs.enqueue("planted")
            db.session.flush()
            raise RuntimeError(INSIDE)

        fail.access = view.access
        return fail

    app.view_functions.update({name: failing(view) for name, view in kept.items() if name != "static"})
    try:
        yield
    finally:
        app.view_functions.update(kept)


def test_an_exception_in_any_view_gives_a_page_with_a_reference_and_undoes_the_work(house):
    owner, staff, half = house.signed_in("owner"), house.signed_in("platform_administrator"), half_signed_in(house)
    new, old = unconfirmed(house), expired(house)
    tokens = {id(visitor): token_of(visitor) for visitor in (owner, staff, half, new, old)}
    ledger, faults, references = Ledger(house), [], set()
    with every_view_failing(house.app):
        for door in doors(house.app):
            if door.endpoint == "static" or door.endpoint.startswith("planted"):
                continue
            stages = house.app.view_functions[door.endpoint].access.stages
            waiting = {"factor": half, "enrol": half, "confirm": new, "renew": old}.get(next(iter(stages), ""))
            visitor = waiting or (staff if door.endpoint.startswith("support.") else owner)
            url, data = door.of(house, "acme"), {"csrf_token": tokens[id(visitor)]}
            before = ledger.rows()
            headers = {"X-CSRFToken": tokens[id(visitor)]} if door.method == "PUT" else {}
            sent = data if door.method == "POST" else None
            answer = visitor.client.open(url, method=door.method, data=sent, headers=headers)
            found = re.search(r'id="reference">([A-Z2-7]{8})<', answer.text)
            if answer.status_code != 500 or not found or leaks(answer):
                faults.append(f"{door}: {answer.status_code}, reference {bool(found)}, {leaks(answer)}")
            references.add(found and found.group(1))
            faults += [f"{door}: {line}" for line in changes(before, ledger.rows())]
    assert not faults, "\n".join(faults)
    assert len(references) > 40


@pytest.mark.parametrize("path", ["/planted/view", "/planted/commit", "/planted/database"])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("who", ["owner", None])
def test_a_failure_undoes_the_work_and_the_log_has_the_reference(house, caplog, path, method, who):
    visitor = house.signed_in(who) if who else house.visitor()
    data = {"csrf_token": token_of(visitor)}
    ledger = Ledger(house)
    before = ledger.rows()
    answer = visitor.client.open(path, method=method, data=data if method == "POST" else None)
    assert answer.status_code == 500
    assert leaks(answer) == []
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Content-Security-Policy" in answer.headers
    reference = re.search(r'id="reference">([A-Z2-7]{8})<', answer.text).group(1)
    assert reference in caplog.text or path == "/planted/commit"
    assert any(record.exc_info for record in caplog.records)
    assert changes(before, ledger.rows()) == []
    assert visitor.get("/sign-in", follow_redirects=True).status_code == 200


def test_programs_get_the_same_as_json(house):
    answer = house.visitor().get("/planted/view", headers={"Accept": "application/json"})
    assert answer.status_code == 500
    assert set(answer.json) == {"status", "title", "message", "reference"}
    assert leaks(answer) == []


def test_control_a_page_that_succeeds_keeps_its_work(house):
    visitor, ledger = house.visitor(), Ledger(house)
    token = token_of(visitor)
    before = ledger.rows()
    assert visitor.client.post("/planted/write", data={"csrf_token": token}).status_code == 200
    assert [line[:6] for line in changes(before, ledger.rows())] == ["+ jobs"]


@contextmanager
def broken_templates(app, *names):
    """Templates of those names fail when they are rendered; all of them, if none is named."""
    kept = app.jinja_env.loader

    def source(name):
        if not names or name in names:
            raise RuntimeError(INSIDE)
        return kept.get_source(app.jinja_env, name)

    app.jinja_env.cache.clear()
    app.jinja_env.loader = FunctionLoader(source)
    try:
        yield
    finally:
        app.jinja_env.loader = kept
        app.jinja_env.cache.clear()


@pytest.mark.parametrize("names", [("error.html",), ("base.html", "public.html"), ()])
@pytest.mark.parametrize("who", ["owner", None])
def test_when_the_error_page_itself_fails_a_plain_text_page_still_comes(house, names, who):
    visitor = house.signed_in(who) if who else house.visitor()
    with broken_templates(house.app, *names):
        for path, status in (
            ("/planted/view", 500),
            ("/nowhere", 404),
            ("/planted/commit", 500),
            ("/static/no.css", 404),
        ):
            answer = visitor.get(path)
            assert answer.status_code == status, path
            assert answer.mimetype == "text/plain"
            assert re.search(r"Reference: [A-Z2-7]{8}\n", answer.text)
            assert leaks(answer) == []
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert visitor.get("/nowhere").mimetype == "text/html"


def test_when_a_request_fails_before_the_gate_an_answer_still_comes(house):
    """As when the key store cannot be read while the form cookie is opened."""
    kept = house.app.session_interface

    class Failing(type(kept)):
        def open_session(self, app, request):
            raise RuntimeError(INSIDE)

    visitor = house.visitor()
    house.app.session_interface = Failing()
    try:
        answer = visitor.get("/sign-in")
    finally:
        house.app.session_interface = kept
    assert answer.status_code == 500
    assert leaks(answer) == []
    assert "Content-Security-Policy" in answer.headers
    assert visitor.get("/sign-in").status_code == 200


@contextmanager
def locked_database(house):
    """Another process holds the database's write lock; on PostgreSQL, the locks of all tables."""
    from console.core.db import Base

    if not databases.POSTGRESQL:
        connection = sqlite3.connect(house.settings.instance / "safekeep.sqlite", isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")
            connection.close()
        return
    engine = create_engine(house.settings.database_owner_url)
    with engine.connect() as connection, connection.begin() as transaction:
        names = ", ".join(table.name for table in Base.metadata.sorted_tables)
        connection.execute(text(f"LOCK TABLE {names} IN EXCLUSIVE MODE"))
        yield
        transaction.rollback()
    engine.dispose()


def at_once(*acts):
    """The acts in threads of their own: [(seconds, answer)]."""
    done = [None] * len(acts)

    def run(number, act):
        start = time.monotonic()
        answer = act()
        done[number] = (time.monotonic() - start, answer)

    threads = [threading.Thread(target=run, args=item) for item in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert all(done), "a page did not answer"
    return done


def test_a_locked_database_gives_503_with_a_time_to_wait_and_nothing_is_half_written(house):
    keys = ("owner", "admin", "user_manager", "auditor")
    people = {key: house.signed_in(key) for key in keys}
    tokens = {key: token_of(visitor) for key, visitor in people.items()}
    stranger, member = house.visitor(), house.signed_in("member")
    token = token_of(stranger)
    new = {"given_name": "Nora", "family_name": "New", "email": "nora@acme.example", "role": "member"}
    suspend = f"/users/{house['other_member'].id}/suspend"
    ledger = Ledger(house)
    before = ledger.rows()
    acts = [
        lambda: people["owner"].client.post(suspend, data={"csrf_token": tokens["owner"]}),
        lambda: people["admin"].client.post("/users/new", data={"csrf_token": tokens["admin"], **new}),
        lambda: people["user_manager"].client.post("/sign-out", data={"csrf_token": tokens["user_manager"]}),
        lambda: people["auditor"].client.post(
            "/me", data={"csrf_token": tokens["auditor"], "given_name": "Ada", "family_name": "A"}
        ),
        lambda: stranger.client.post(
            "/sign-in", data={"csrf_token": token, "username": house["member"].email, "password": PASSWORD}
        ),
        lambda: member.get("/planted/owners"),  # a refusal that cannot be recorded
    ]
    with locked_database(house):
        answers = at_once(*acts)
    for number, (seconds, answer) in enumerate(answers):
        assert answer.status_code == 503, (number, answer.status_code)
        assert seconds < WAIT_SECONDS, (number, seconds)
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.headers["Cache-Control"] == "no-store"
        assert leaks(answer) == []
        assert 'id="reference"' in answer.text
    assert changes(before, ledger.rows()) == []
    assert acts[2]().status_code == 303, "the same form works as soon as the lock is gone"


def test_a_locked_database_still_shows_pages(house):
    owner = house.signed_in("owner")
    with locked_database(house):
        for seconds, answer in at_once(*[lambda path=path: owner.get(path) for path in ("/users", "/me", "/overview")]):
            assert answer.status_code == 200
            assert seconds < WAIT_SECONDS


def test_a_session_that_cannot_be_noted_as_used_costs_nobody_a_page(house):
    import time_machine

    owner = house.signed_in("owner")
    with time_machine.travel(time.time() + 300), locked_database(house):
        [(seconds, answer)] = at_once(lambda: owner.get("/me"))
    assert answer.status_code == 200
    assert seconds < WAIT_SECONDS


def test_a_page_by_another_method_says_which_ones_there_are(house):
    owner, faults = house.signed_in("owner"), []
    methods = {}
    for door in doors(house.app, "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        methods.setdefault(door.rule.rule, [door, set()])[1].add(door.method)
    for door, offered in methods.values():
        url = door.of(house, "acme")
        for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE"} - offered:
            answer = send(owner, type(door)(door.endpoint, method, door.rule), url)
            allowed = {name.strip() for name in answer.headers.get("Allow", "").split(",")}
            if answer.status_code != 405 or allowed != offered:
                faults.append(f"{method} {url}: {answer.status_code}, Allow {sorted(allowed)}, not {sorted(offered)}")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("who", "way"),
    [("member", "/me"), ("user_manager", "/overview"), ("auditor", "/overview"), ("agent", "/support/tenants")],
)
def test_a_refusal_offers_a_way_out_that_the_person_may_really_open(house, who, way):
    visitor = house.signed_in(who)
    refused = visitor.get("/users/new" if who != "user_manager" else "/audit")
    assert refused.status_code == 403
    ways = re.findall(r'<a class="button[^"]*" href="([^"]+)"', refused.text.partition("<dialog")[0])
    assert ways[0] == way
    assert {visitor.get(found).status_code for found in ways} == {200}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "1 second"), (1, "1 second"), (59, "59 seconds"), (60, "1 minute"), (61, "2 minutes"), (3600, "1 hour")],
)
def test_a_time_to_wait_is_said_in_words_and_never_too_short(seconds, words):
    assert wait_words(seconds) == words


def test_too_many_attempts_say_how_long_to_wait(house):
    visitor = house.visitor()
    for _try in range(40):
        answer = visitor.sign_in("nobody@waits.example", "wrong")
        if answer.status_code == 429:
            break
    assert answer.status_code == 429
    assert re.search(r"[Tt]ry again in \d+ (second|minute|hour)", visible(answer.text))


def test_a_body_that_is_no_form_is_refused_before_anything_looks_at_it(house):
    """What decides whether a fresh proof is needed reads the form; nothing may act on another reading of the body."""
    owner = house.signed_in("owner")
    token = owner.token("/me")
    for url, body in (
        (f"/users/{house['member'].id}/edit", {"role": "owner", "version": "1"}),
        ("/sign-in", {"username": "\ud800", "password": "x"}),
        ("/password/forgot", {"username": "x"}),
    ):
        answer = owner.client.post(url, json=body, headers={"X-CSRFToken": token})
        assert answer.status_code == 415, url
    assert (
        "Owner"
        not in said(owner.get(f"/users?q={house['member'].email}").text)
        .partition("<tbody")[2]
        .partition("Mika")[2][:400]
    )


@pytest.mark.parametrize("number", ["9" * 30, "-1", "1e3", "٣"])
def test_a_number_in_an_address_that_no_version_has_is_answered(house, number):
    manager = house.signed_in("security_manager")
    assert manager.get(f"/security/settings/history/{number}").status_code == 404
    for page in ("/security/settings/history", "/security/ip-ranges/versions"):
        assert manager.get(page, query_string={"before": number}).status_code == 200
    assert (
        manager.get("/security/ip-ranges/refusals", query_string={"before": "0001-01-01T00:00:00+23:59"}).status_code
        == 200
    )
