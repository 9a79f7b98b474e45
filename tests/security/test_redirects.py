"""Signing in leads to a page of this site, whatever was written into the address of the sign-in form."""

import itertools
from urllib.parse import urljoin, urlsplit

import pytest

from blueprints.next_page import LONGEST
from tests.cast import PASSWORD
from tests.doors import opened, token_of
from tests.house import said

HERE = "http://localhost"
HOSTS = (
    "evil.example",
    "localhost.evil.example",
    "localhost@evil.example",
    "evil.example:80",
    "[::1]",
    "0x7f000001",
    "evil。example",
)
STARTS = (
    "//", "///", "////", "/\\", "\\\\", "\\/", "/\t/", "/\n/", "/\r/", "\t//", " //", "\u00a0//", "/ /", "//\\",
    "http://", "https://", "HTTP://", "http:", "http:/", "http:///", "http:\\\\", "https:evil//", "ftp://", "//user:pw@",
    "/%2f", "/%2F%2f", "/%5c", "%2f%2f", "%5c%5c", "/%09/", "/%0d%0a/", "/./ /", "/.//", "/..//", "/;//", "/@", "@",
    "//%00", "\x00//", "/\x00/", "/\u2028/", "/\u2044/", "/\uff0f", "\uff0f\uff0f", "/\u3002/", "//\u200b", "/\ufeff/", ".//",
)  # fmt: skip
WHOLE = (
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd",
    "/\r\nLocation: http://evil.example", "/users\r\nSet-Cookie: a=b", "/users%0d%0aSet-Cookie:a=b", "//", "///", "//?", "//?a=b",
    "\\", "/\\", "?//evil.example", "#//evil.example", "/users#//evil.example", "/users?next=//evil.example", "/users?q=http://evil.example",
    ".evil.example", "evil.example", "-evil", "/sign-in?next=//evil.example", "/sign-out", "/sign-in", "x" * 10_000, "/" + "a" * LONGEST,
    "/users/../..//evil.example", "/é//evil.example", "/\u202emoc.live", "blob:http://evil.example/x", "http:evil.example", ":80", "::", "",
)  # fmt: skip
CORPUS = sorted(
    {*WHOLE, *(start + host + tail for start, host, tail in itertools.product(STARTS, HOSTS[:2], ("", "/users")))}
)
GOOD = ("/users", "/users?q=a&start=20", "/me", "/me/sessions", "/overview", "/users/new", "/me/")


@pytest.fixture(scope="module")
def house(stage, tmp_path_factory):
    with opened(stage, tmp_path_factory.mktemp("redirects")) as house:
        yield house


def leads_away(location):
    """Why a browser would leave the site, or fail, with that Location; nothing if it stays."""
    if any(ord(character) < 33 or ord(character) > 126 or character == "\\" for character in location):
        return "characters"
    if not location.startswith("/") or location.startswith("//"):
        return "not a path"
    target = urlsplit(urljoin(HERE + "/sign-in", location))
    return "" if (target.scheme, target.netloc) == ("http", "localhost") else "another site"


def test_there_are_more_than_two_hundred_forms_of_leading_away():
    assert len(CORPUS) > 200


def test_after_signing_in_everybody_stays_on_the_site(house):
    visitor, faults = house.visitor(), []
    token = token_of(visitor, "/sign-in")
    form = visitor.client.get_cookie("safekeep_form").value
    for wanted in CORPUS:
        fields = {"username": house["member"].email, "password": PASSWORD, "csrf_token": token, "next": wanted}
        answer = visitor.client.post("/sign-in", data=fields)
        if answer.status_code != 303 or leads_away(answer.location):
            faults.append(
                f"{wanted[:80]!r}: {answer.status_code} {answer.location!r} {leads_away(answer.location or '')}"
            )
        visitor.client.delete_cookie("safekeep_session")
        visitor.client.set_cookie("safekeep_form", form)
    assert not faults, "\n".join(faults)


def test_who_is_signed_in_already_stays_on_the_site(house):
    member, faults = house.signed_in("member"), []
    for wanted in CORPUS:
        answer = member.client.get("/sign-in", query_string={"next": wanted})
        if answer.status_code != 303 or leads_away(answer.location):
            faults.append(f"{wanted[:80]!r}: {answer.status_code} {answer.location!r}")
    assert not faults, "\n".join(faults)


def test_what_is_written_raw_into_the_address_leads_nowhere_else(house):
    member, faults = house.signed_in("member"), []
    for wanted in CORPUS:
        raw = "".join(c if 32 < ord(c) < 127 and c not in "#&" else "%" + c.encode().hex("%") for c in wanted)
        answer = member.client.get(f"/sign-in?next={raw}&next=//evil.example")
        if answer.status_code != 303 or leads_away(answer.location):
            faults.append(f"{wanted[:80]!r}: {answer.status_code} {answer.location!r}")
    assert not faults, "\n".join(faults)


def test_the_second_factor_keeps_everybody_on_the_site(house):
    for wanted in ("//evil.example", "/\\evil.example", "https://evil.example"):
        half = house.visitor()
        fields = {
            "username": house["agent"].email,
            "password": PASSWORD,
            "csrf_token": token_of(half, "/sign-in"),
            "next": wanted,
        }
        answer = half.client.post("/sign-in", data=fields)
        assert not leads_away(answer.location)
        assert "evil" not in answer.location
        code = {"code": house.totp_code("agent"), "csrf_token": token_of(half, "/sign-in/factor"), "next": wanted}
        answer = half.client.post("/sign-in/factor", data=code)
        assert (answer.status_code, answer.location) == (303, "/support/tenants")


def test_the_sign_in_form_repeats_an_address_as_text_only(house):
    page = house.visitor().client.get("/sign-in", query_string={"next": '"><script>alert(1)</script>'}).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_page_of_this_site_is_where_signing_in_leads(house):
    for wanted in GOOD:
        visitor = house.usual_browser("owner")
        fields = {
            "username": house["owner"].email,
            "password": PASSWORD,
            "csrf_token": token_of(visitor, "/sign-in"),
            "next": wanted,
        }
        assert visitor.client.post("/sign-in", data=fields).location == wanted


def test_who_is_sent_to_sign_in_comes_back_to_the_page(house):
    visitor = house.visitor()
    sent = visitor.get("/users?q=mika&start=0")
    page = visitor.get(sent.location).text
    assert 'name="next" value="/users?q=mika&amp;start=0"' in page


def test_the_host_header_does_not_decide_where_answers_lead(house):
    for host in ("evil.example", "localhost@evil.example", "localhost.evil.example", "evil.example:8080"):
        answer = house.visitor().client.get("/users", headers={"Host": host})
        assert answer.status_code == 400, host
        assert "evil" not in answer.headers.get("Location", "") + said(answer.text)
    forwarded = house.visitor().client.get("/users", headers={"X-Forwarded-Host": "evil.example"})
    assert not leads_away(forwarded.location)
    assert "evil" not in forwarded.location
