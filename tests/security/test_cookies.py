"""What the cookies are and what is in them: random secrets, nothing about anybody. P09, P10, P11."""

import base64
import hashlib
import re
from http.cookies import SimpleCookie

import pytest

from blueprints.gate import Access
from tests.cast import PASSWORD
from tests.doors import Ledger, doors, half_signed_in, opened, token_of

SECURE = "https://console.acme.example"
NAMES = {"session", "browser", "form"}
OWN = {"safekeep_theme"}
"""Set by the page's own script when somebody chooses light or dark; never by the server."""


@pytest.fixture(scope="module")
def house(stage, tmp_path_factory):
    with opened(stage, tmp_path_factory.mktemp("cookies")) as house:
        yield house


@pytest.fixture(scope="module")
def secure_house(stage, tmp_path_factory):
    with opened(stage, tmp_path_factory.mktemp("secure"), base_url=SECURE, profile="development") as house:
        yield house


def cookies_of(*answers):
    """The cookies that those answers set, by name; the latest of each."""
    return {
        name: morsel
        for answer in answers
        for header in answer.headers.getlist("Set-Cookie")
        for name, morsel in SimpleCookie(header).items()
    }


def sign_in(house, key="member", visitor=None, **where):
    """(visitor, the answers of opening and sending the sign-in form, and the one for the code that is asked for)."""
    visitor = visitor or house.visitor()
    page = visitor.client.get("/sign-in", **where)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text).group(1)
    fields = {"username": house[key].email, "password": PASSWORD, "csrf_token": token}
    headers = {"Referer": where["base_url"] + "/sign-in"} if where else {}
    answer = visitor.client.post("/sign-in", data=fields, headers=headers, **where)
    assert answer.status_code == 303, answer.text
    answers = [page, answer]
    if answer.location.startswith("/sign-in/confirm"):
        form = visitor.client.get("/sign-in/confirm", **where)
        token = re.search(r'name="csrf_token" value="([^"]+)"', form.text).group(1)
        fields = {"code": house.code_mailed(house[key].email), "remember": "y", "csrf_token": token}
        answers += [form, visitor.client.post("/sign-in/confirm", data=fields, headers=headers, **where)]
        assert answers[-1].status_code == 303, answers[-1].text
    after = visitor.client.get("/me", **where)
    assert after.status_code == 200
    return visitor, [*answers, after]


@pytest.mark.promise("P09")
def test_there_are_three_cookies_hidden_from_scripts_and_other_sites(house):
    _visitor, answers = sign_in(house)
    found = cookies_of(*answers)
    assert set(found) == {f"safekeep_{name}" for name in NAMES}
    for name, cookie in found.items():
        assert cookie["httponly"], name
        assert cookie["samesite"] == "Lax", name
        assert cookie["path"] == "/", name
        assert not cookie["domain"], name
        assert not cookie["secure"], name


@pytest.mark.promise("P09")
def test_under_tls_browsers_guard_them_by_their_names(secure_house):
    _visitor, answers = sign_in(secure_house, base_url=SECURE)
    found = cookies_of(*answers)
    assert set(found) == {f"__Host-safekeep-{name}" for name in NAMES}
    for name, cookie in found.items():
        assert cookie["secure"], name
        assert cookie["httponly"], name
        assert cookie["samesite"] == "Lax", name
        assert cookie["path"] == "/", name
        assert not cookie["domain"], name


def test_under_tls_a_cookie_without_the_guarded_name_counts_for_nothing(secure_house):
    visitor, _answers = sign_in(secure_house, base_url=SECURE)
    token = visitor.client.get_cookie("__Host-safekeep-session", domain="console.acme.example").value
    other = secure_house.visitor()
    other.client.set_cookie("safekeep_session", token, domain="console.acme.example")
    assert other.client.get("/me", base_url=SECURE).status_code == 303


@pytest.mark.promise("P09")
def test_the_session_ends_with_the_browser_and_only_the_browsers_mark_stays(house):
    _visitor, answers = sign_in(house)
    found = cookies_of(*answers)
    for name in ("safekeep_session", "safekeep_form"):
        assert not found[name]["max-age"], name
        assert not found[name]["expires"], name
    assert found["safekeep_browser"]["max-age"] == str(400 * 24 * 3600)


@pytest.mark.promise("P10")
def test_the_browsers_mark_holds_nothing_about_the_account(house):
    person = house["member"]
    marks = []
    for _browser in range(2):
        visitor, _answers = sign_in(house)
        marks.append(visitor.client.get_cookie("safekeep_browser").value)
    for mark in marks:
        assert re.fullmatch(r"[A-Za-z0-9_-]{43}(\.[A-Za-z0-9_-]{43}){0,4}", mark)
        raw = b"".join(base64.urlsafe_b64decode(part + "=") for part in mark.split("."))
        assert len(raw) % 32 == 0
        for secret in (person.id.bytes, person.tenant_id.bytes, person.email.encode(), person.given_name.encode()):
            assert secret not in raw
        for digest in (hashlib.sha256, hashlib.sha1, hashlib.md5):
            for known in (person.email, str(person.id)):
                assert digest(known.encode()).digest() not in raw
    assert marks[0] != marks[1]


def test_the_browsers_mark_is_stored_as_its_digest_only(house):
    visitor, _answers = sign_in(house)
    mark = visitor.client.get_cookie("safekeep_browser").value
    rows = Ledger(house).rows()
    assert hashlib.sha256(mark.encode()).digest() in {row["digest"] for row in rows["browsers"].values()}
    assert mark not in repr(rows)
    assert base64.urlsafe_b64decode(mark + "=") not in _everything(house)


@pytest.mark.promise("P10")
def test_signing_out_keeps_the_browsers_mark_and_nothing_else_of_the_person(house):
    visitor, _answers = sign_in(house)
    visitor.post("/sign-out")
    left = {cookie.key: cookie.value for cookie in visitor.client._cookies.values()}
    assert set(left) == {"safekeep_browser", "safekeep_form"}
    assert house["member"].email not in visitor.get("/sign-in").text


def test_a_browser_that_two_people_use_keeps_a_secret_for_each_and_no_more_than_five(house):
    visitor, seen = house.visitor(), []
    for key in ("member", "owner", "admin", "auditor", "user_manager", "security_manager", "other_member"):
        sign_in(house, key, visitor)
        seen.append(visitor.client.get_cookie("safekeep_browser").value.split("."))
        visitor.post("/sign-out")
    assert [len(parts) for parts in seen] == [1, 2, 3, 4, 5, 5, 5]
    assert len({part for parts in seen for part in parts}) == 7


def test_a_browsers_mark_that_was_planted_is_never_adopted(house):
    visitor = house.visitor()
    planted = "p" * 43
    visitor.client.set_cookie("safekeep_browser", planted)
    sign_in(house, "member", visitor)
    rows = Ledger(house).rows()
    digests = {row["digest"] for row in rows["browsers"].values()}
    assert hashlib.sha256(planted.encode()).digest() not in digests


def test_the_form_cookie_cannot_be_read(house):
    visitor = house.visitor()
    token = token_of(visitor, "/sign-in")
    value = visitor.client.get_cookie("safekeep_form").value
    raw = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    assert token.encode() not in raw
    assert b"csrf" not in raw
    sign_out = house.signed_in("member")
    sign_out.post("/sign-out")
    flashed = sign_out.client.get_cookie("safekeep_form").value
    assert b"signed out" not in base64.urlsafe_b64decode(flashed + "=" * (-len(flashed) % 4))
    assert "You are signed out." in sign_out.get("/sign-in").text


def test_a_form_cookie_that_was_changed_counts_as_none(house):
    visitor = house.visitor()
    token = token_of(visitor, "/sign-in")
    value = visitor.client.get_cookie("safekeep_form").value
    fields = {"username": house["member"].email, "password": PASSWORD, "csrf_token": token}
    for position in (0, 1, 5, len(value) // 2, len(value) - 3):
        letter = "A" if value[position] != "A" else "B"
        for forged in (value[:position] + letter + value[position + 1 :], value[:position], "é", "=" * 50, "A" * 4000):
            visitor.client.set_cookie("safekeep_form", forged)
            assert visitor.client.post("/sign-in", data=fields).status_code == 400, forged
    visitor.client.set_cookie("safekeep_form", value)
    assert visitor.client.post("/sign-in", data=fields).status_code == 303


@pytest.mark.promise("P09")
def test_the_session_token_is_nowhere_in_what_is_stored(house):
    visitor, _answers = sign_in(house)
    token = visitor.client.get_cookie("safekeep_session").value
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", token)
    rows = Ledger(house).rows()
    assert hashlib.sha256(token.encode()).digest() in {row["digest"] for row in rows["sessions"].values()}
    assert token not in repr(rows)
    everything = _everything(house)
    assert token.encode() not in everything
    assert base64.urlsafe_b64decode(token + "=") not in everything


def _everything(house):
    """All files of the installation, and all rows."""
    files = b"".join(path.read_bytes() for path in sorted(house.settings.instance.rglob("*")) if path.is_file())
    return files + repr(Ledger(house).rows()).encode()


def test_two_hundred_tokens_are_all_different():
    from console.core.lookups import new_token

    assert len({new_token() for _token in range(200)}) == 200


@pytest.mark.promise("P11")
def test_without_cookies_the_public_pages_can_be_read(house):
    client = house.app.test_client(use_cookies=False)
    for path in ("/sign-in", "/password/forgot", "/healthz", "/static/css/base.css"):
        assert client.get(path, buffered=True).status_code == 200, path
    assert client.get("/").location == "/sign-in"
    assert client.get("/users").location.startswith("/sign-in?next=")
    public = [door for door in doors(house.app, "GET") if house.app.view_functions[door.endpoint].access == Access()]
    for door in public:
        assert client.get(door.url(), buffered=True).status_code in (200, 303, 404), str(door)


@pytest.mark.promise("P11")
def test_without_cookies_signing_in_says_plainly_why_it_does_not_work(house):
    client = house.app.test_client(use_cookies=False)
    page = client.get("/sign-in").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page).group(1)
    fields = {"username": house["member"].email, "password": PASSWORD, "csrf_token": token}
    answer = client.post("/sign-in", data=fields)
    assert answer.status_code == 400
    assert "Your browser did not send our cookie" in answer.text
    assert "Allow" in answer.text
    assert 'href="/sign-in"' in answer.text


def test_an_old_form_of_a_browser_with_cookies_says_that_it_is_out_of_date(house):
    visitor = house.visitor()
    token_of(visitor, "/sign-in")
    answer = visitor.client.post("/sign-in", data={"username": "a", "password": "b", "csrf_token": "old"})
    assert answer.status_code == 400
    assert "The form is out of date" in answer.text
    assert "cookie" not in answer.text.split("<body")[1]


def test_only_answers_that_need_one_set_a_cookie(house):
    half = half_signed_in(house)
    token_of(half, "/sign-in/factor")
    for visitor in (house.visitor(), half):
        for path in ("/healthz", "/readyz", "/static/css/base.css", "/nowhere"):
            answer = visitor.client.get(path, buffered=True)
            assert not answer.headers.getlist("Set-Cookie"), path


def test_the_server_reads_no_other_cookies_than_these():
    from pathlib import Path

    import blueprints

    source = "\n".join(path.read_text() for path in Path(blueprints.__file__).parent.rglob("*.py"))
    read = set(re.findall(r'request\.cookies\.get\((?:cookie_name\()?"([^"]+)"', source))
    assert read == NAMES | OWN
