"""When something breaks: a page without a word about the inside, nothing half done, and a way out."""

import time

import pytest
from jinja2 import DictLoader

from console.core.db import db
from console.users.models import User
from tests.doors import expired, unconfirmed, unknown_id
from tests.security.at_once import database_held
from tests.security.inside import traces

INSIDE = "SELECT secret FROM /srv/safekeep/console/vault.py"


def _clean(text):
    return not traces(text, INSIDE)


def _address(rule):
    values = {name: unknown_id(rule, name) for name in rule.arguments}
    values |= {"filename": "css/base.css"} if rule.endpoint == "static" else {}
    return rule.build(values, append_unknown=False)[1]


def _broken(endpoint_access):
    def view(**_kwargs):
        raise ZeroDivisionError(INSIDE)

    view.access = endpoint_access
    return view


@pytest.fixture
def broken(house):
    """Every endpoint raises; a signed-in visitor, and the rules."""
    house.app.config["PROPAGATE_EXCEPTIONS"] = False
    visitors = {
        None: house.visitor(),
        "full": house.signed_in("owner"),
        "staff": house.signed_in("platform_administrator"),
    }
    tokens = {key: visitor.token("/password/forgot" if key is None else "/me") for key, visitor in visitors.items()}
    half = house.visitor()
    half.sign_in(house["agent"].email)
    visitors["factor"], tokens["factor"] = half, half.token("/sign-in/factor")
    new = unconfirmed(house)
    old = expired(house)
    visitors["renew"], tokens["renew"] = old, old.token("/sign-in/new-password")
    visitors["confirm"], tokens["confirm"] = new, new.token("/sign-in/confirm")
    for name, view in house.app.view_functions.items():
        if name != "static":
            house.app.view_functions[name] = _broken(view.access)
    return house, visitors, tokens


def _who(access):
    if (access.permission or "").startswith("support:"):
        return "staff"
    return next(iter(access.stages - {"enrol"}), None)


def _every_answer(house, visitors, tokens):
    for rule in house.app.url_map.iter_rules():
        if rule.endpoint == "static":
            continue
        who = _who(house.app.view_functions[rule.endpoint].access)
        client = visitors[who].client
        method = next(one for one in ("POST", "PUT", "GET") if one in rule.methods)
        sent = {"data": {"csrf_token": tokens[who]}} if method == "POST" else {}
        headers = {"X-CSRFToken": tokens[who]} if method == "PUT" else {}
        yield rule, client.open(_address(rule), method=method, headers=headers, **sent)


def test_an_exception_in_any_handler_is_a_page_that_tells_nothing_of_the_inside(broken):
    count = 0
    for rule, answer in _every_answer(*broken):
        assert answer.status_code == 500, (rule, answer.status_code)
        assert _clean(answer.text), rule
        assert "Something went wrong" in answer.text
        assert answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
        count += 1
    assert count > 30


def test_when_the_error_page_fails_as_well_there_is_still_an_answer(broken):
    house = broken[0]
    house.app.jinja_env.loader = DictLoader({"error.html": "{{ nothing.of.this.exists }}"})
    house.app.jinja_env.cache.clear()
    for rule, answer in _every_answer(*broken):
        assert answer.status_code == 500, rule
        assert _clean(answer.text), (rule, answer.text)
        assert "Reference" in answer.text
        assert answer.headers["Content-Security-Policy"]


def test_an_error_asked_for_as_json_tells_no_more(broken):
    answer = broken[1][None].client.get("/sign-in", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json["status"]) == (500, 500)
    assert _clean(answer.text)


@pytest.mark.parametrize(
    "path", ["/nothing", "/users/not-an-id", "/users/%00", "/static/../pyproject.toml", "/.env", "/%ff"]
)
def test_an_unknown_address_tells_nothing_of_the_inside(house, path):
    answer = house.visitor().get(path)
    assert answer.status_code in (303, 400, 404)
    assert _clean(answer.text)


@pytest.mark.parametrize("tables", [("users",), ("sessions", "audit_entries")])
def test_a_database_without_its_tables_is_an_error_page_and_no_more(house, tables):
    from sqlalchemy import create_engine, make_url, text
    from sqlalchemy.pool import NullPool

    from tests import databases

    house.app.config["PROPAGATE_EXCEPTIONS"] = False
    visitor = house.signed_in("owner")
    url = house.settings.database_url
    with create_engine(
        databases.superuser_url(make_url(url).database) if databases.POSTGRESQL else url, poolclass=NullPool
    ).begin() as c:
        for table in tables:
            c.execute(text(f"ALTER TABLE {table} RENAME TO {table}_away"))
    for path in ("/users", "/overview", f"/users/{house['member'].id}", "/sign-in"):
        answer = visitor.get(path)
        assert answer.status_code in (500, 503), path
        assert _clean(answer.text)


def test_a_locked_database_is_said_within_six_seconds_and_nothing_is_half_done(house):
    visitor = house.signed_in("owner")
    person = house["member"]
    token = visitor.token("/me")
    waits = []
    with database_held(house, person.tenant_id):
        for _try in range(3):  # a machine that is busy for two seconds is not so three times in a row
            started = time.monotonic()
            answer = visitor.client.post(f"/users/{person.id}/suspend", data={"csrf_token": token})
            waits.append(time.monotonic() - started)
            assert answer.status_code == 503, answer.text
            assert int(answer.headers["Retry-After"]) > 0
            assert _clean(answer.text)
            if waits[-1] < 6.5:
                break
        assert visitor.get("/users").status_code == 200, "reading goes on"
    assert 4 < min(waits) < 6.5, waits
    with house.inside(person.tenant_id):
        assert db.session.query(User).filter(User.id == person.id).one().state == "active"
    assert visitor.client.post(f"/users/{person.id}/suspend", data={"csrf_token": token}).status_code == 303
