"""Every answer carries the headers that guard browsers: pages, refusals, failures and static files. From the URL map."""

import pytest

from blueprints.data.frame import FRAME_POLICY, INERT_POLICY, PAGE_POLICY
from blueprints.gate import public
from blueprints.headers import ALWAYS
from tests.doors import doors, half_signed_in, opened, token_of

SECURE = "https://console.acme.example"
KEPT_BY_CACHES = ("static",)
"""Endpoints whose answers a cache may keep: nothing of a person is in them."""

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "object-src": "'none'",
}
"""What the content security policy says at least; nowhere 'unsafe-…', a wildcard or another site."""


def planted(house):
    """The house with a page that fails."""

    @public
    def fail():
        raise RuntimeError("planted")

    house.app.add_url_rule("/planted/failure", "planted", fail)
    return house


@pytest.fixture(scope="module")
def house(stage, tmp_path_factory):
    with opened(stage, tmp_path_factory.mktemp("headers")) as house:
        yield planted(house)


@pytest.fixture(scope="module")
def secure_house(stage, tmp_path_factory):
    with opened(stage, tmp_path_factory.mktemp("secure"), base_url=SECURE, profile="development") as house:
        yield planted(house)


FRAMES = {
    "data.show_item": {"Content-Security-Policy": PAGE_POLICY},
    "data.show_part": {"Content-Security-Policy": PAGE_POLICY},
    "data.html": {
        "Content-Security-Policy": FRAME_POLICY,
        "X-Frame-Options": "SAMEORIGIN",
        "Referrer-Policy": "no-referrer",
    },
    **{f"data.{name}": {"Content-Security-Policy": INERT_POLICY} for name in ("raw", "download_part", "picture")},
}
"""Endpoints that show what strangers wrote: their own headers, which let the frame in or are stricter."""
FRAMES["data.part_html"], FRAMES["data.part_picture"] = FRAMES["data.html"], FRAMES["data.picture"]


def faults_of(answer, what, *, endpoint=None, secure=False):
    """What is wrong with the headers of that answer."""
    shows = answer.status_code == 200 and answer.request.method != "OPTIONS"
    wanted = {**ALWAYS, **(FRAMES.get(endpoint, {}) if shows else {})}
    found = [f"{what}: {name} missing" for name, value in wanted.items() if answer.headers.get(name) != value]
    found += [f"{what}: {name} twice" for name in ALWAYS if len(answer.headers.getlist(name)) != 1]
    if ("Strict-Transport-Security" in answer.headers) != secure:
        found.append(f"{what}: Strict-Transport-Security")
    stored = answer.headers.get("Cache-Control", "")
    if endpoint in KEPT_BY_CACHES and answer.status_code == 200:
        if "no-store" in stored or answer.headers.getlist("Set-Cookie"):
            found.append(f"{what}: {stored}, cookies {answer.headers.getlist('Set-Cookie')}")
    elif stored != "no-store":
        found.append(f"{what}: Cache-Control is {stored!r}, not no-store")
    return found


@pytest.mark.parametrize("who", ["nobody", "half", "owner", "agent"])
def test_every_page_has_them(house, who):
    made = {"nobody": house.visitor, "half": lambda: half_signed_in(house)}
    visitor = made.get(who, lambda: house.signed_in(who))()
    faults = []
    for door in doors(house.app, "GET", "HEAD", "OPTIONS"):
        answer = visitor.client.open(door.of(house, "acme"), method=door.method, buffered=True)
        faults += faults_of(answer, f"{door} as {who} ({answer.status_code})", endpoint=door.endpoint)
    assert not faults, "\n".join(faults)


def failures(house, base_url):
    """(expected status, answer) of every kind of refusal and failure."""
    visitor = house.visitor()
    client, where = visitor.client, {"base_url": base_url}
    large = {"username": "x" * (3 * 2**20)}
    yield 404, client.get("/nowhere", **where)
    yield 404, client.get("/static/nowhere.css", **where)
    yield 404, client.get("/static/../pyproject.toml", **where)
    yield 405, client.delete("/sign-in", **where)
    yield 405, client.post("/static/css/base.css", **where)
    yield 413, client.post("/sign-in", data=large, **where)
    yield 400, client.post("/sign-in", data={}, **where)
    yield 403, client.post("/sign-in", data={}, headers={"Sec-Fetch-Site": "cross-site"}, **where)
    yield 500, client.get("/planted/failure", **where)
    yield 400, client.get("/sign-in", base_url="http://other.example")
    yield 303, client.get("/users", **where)


def test_every_refusal_and_failure_has_them(house):
    faults = []
    for expected, answer in failures(house, "http://localhost"):
        what = f"{answer.request.method} {answer.request.path}"
        if answer.status_code != expected:
            faults.append(f"{what}: {answer.status_code}, not {expected}")
        faults += faults_of(answer, what)
    assert not faults, "\n".join(faults)


def test_under_tls_every_answer_also_demands_tls(secure_house):
    faults = []
    for expected, answer in failures(secure_house, SECURE):
        what = f"{answer.request.method} {answer.request.path}"
        if answer.status_code != expected:
            faults.append(f"{what}: {answer.status_code}, not {expected}")
        faults += faults_of(answer, what, secure=True)
    for door in doors(secure_house.app, "GET"):
        answer = (
            secure_house.visitor().client.get(door.of(secure_house, "acme"), base_url=SECURE, buffered=True)
            if not door.ids
            else None
        )
        if answer is not None:
            faults += faults_of(answer, str(door), endpoint=door.endpoint, secure=True)
    assert not faults, "\n".join(faults)
    demand = answer_of(secure_house).headers["Strict-Transport-Security"]
    assert int(demand.split("max-age=")[1].split(";")[0]) >= 31_536_000


def answer_of(house):
    return house.visitor().client.get("/sign-in", base_url=SECURE)


def test_answers_to_forms_have_them(house):
    owner = house.signed_in("owner")
    faults = []
    for door in doors(house.app, "POST"):
        url = door.unknown()
        if door.endpoint == "sign_in.sign_out":
            continue
        answer = owner.client.post(url, data={"csrf_token": token_of(owner)})
        faults += faults_of(answer, f"{door} ({answer.status_code})")
        if answer.status_code >= 500:
            faults.append(f"{door}: {answer.status_code}")
    assert not faults, "\n".join(faults)


def test_the_content_policy_lets_nothing_in_but_this_site():
    rules = dict(part.strip().split(" ", 1) for part in ALWAYS["Content-Security-Policy"].split(";"))
    assert POLICY.items() <= rules.items()
    sources = {source for value in rules.values() for source in value.split()}
    assert sources <= {"'none'", "'self'", "data:"}
    assert "data:" not in rules["script-src"] + rules["style-src"]


def test_no_answer_says_what_runs_here(house):
    answer = house.visitor().get("/sign-in")
    assert not {"Server", "X-Powered-By"} & set(answer.headers.keys())


def test_signing_out_has_the_browser_drop_what_it_kept(house):
    answer = house.signed_in("member").post("/sign-out")
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
