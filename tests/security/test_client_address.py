"""The client's address comes from the socket, or from the right of a trusted proxy's header. Promise: P06."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from blueprints.client_address import client_address
from console.app import create_app
from console.audit.models import EntryFilter, entries
from console.core.db import db
from tests.house import House, said

PEER = "198.51.100.7"
LIE = "203.0.113.99"
FORGED = [
    *(
        {name: value}
        for name in ("X-Forwarded-For", "X-Real-IP", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP", "Client-IP")
        for value in (LIE, f"{LIE}, 127.0.0.1", f"127.0.0.1, {LIE}", f"[::ffff:{LIE}]:443")
    ),
    *({"Forwarded": f"{key}={LIE}"} for key in ("for", "For", "by", "host")),
    {"Forwarded": f'for="[2001:db8::1]:1234", for={LIE}'},
    {"X-Cluster-Client-IP": LIE},
    {"Fastly-Client-IP": LIE},
    {"X-Originating-IP": LIE},
    {"X-Remote-IP": LIE},
    {"X-Remote-Addr": LIE},
    {"X-Forwarded-For": ", ".join([LIE] * 200)},
    {"X-Forwarded-For": "127.0.0.1"},
    {"X-Forwarded-For": "::1"},
    {"X-Forwarded-For": "10.0.0.1, 10.0.0.2"},
    {"X-Forwarded-For": "unknown"},
    {"X-Forwarded-For": "' OR 1=1 --"},
    {"X-Forwarded-For": ""},
    {"X-Forwarded-Host": "evil.example"},
    {"X-Forwarded-Proto": "https"},
    {"X-Forwarded-Port": "1"},
    {"X-Forwarded-Prefix": "/evil"},
    {"X-Original-URL": "/overview"},
    {"X-Rewrite-URL": "/overview"},
    {"X-HTTP-Method-Override": "DELETE"},
]


def _addresses(house):
    with house.inside(house["member"].tenant_id):
        return [
            entry.details["address"] for entry in entries(EntryFilter(tags=("security:access:refused",)), limit=200)
        ]


@pytest.mark.promise("P06")
def test_no_forged_header_of_an_untrusted_peer_changes_the_recorded_address_or_the_answer(house):
    visitor = house.signed_in("member", address=PEER)
    plain = visitor.get("/users")
    assert plain.status_code == 403
    for headers in FORGED:
        answer = visitor.get("/users", headers=headers)
        assert (answer.status_code, len(answer.data)) == (403, len(plain.data)), headers
        assert "evil" not in said(answer.text)
    assert len(FORGED) >= 40
    assert _addresses(house) == [PEER], "one entry for a person, page and address"


def test_forged_addresses_do_not_refill_the_tries_of_an_address(house):
    visitor = house.visitor(address=PEER)
    token = visitor.token("/sign-in")
    statuses = [
        visitor.client.post(
            "/sign-in",
            data={"username": f"nobody{number}@acme.example", "password": "wrong-password", "csrf_token": token},
            headers={"X-Forwarded-For": f"203.0.113.{number}", "X-Real-IP": f"203.0.113.{number}"},
        ).status_code
        for number in range(12)
    ]
    assert statuses == [422] * 10 + [429] * 2


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "evil.example:8080", "localhost@evil.example"]
)
def test_another_host_is_refused_and_never_gets_into_a_link(house, host):
    visitor = house.visitor()
    token = visitor.token("/sign-in")
    data = {"username": house["member"].email, "csrf_token": token}
    answer = visitor.client.post("/password/forgot", data=data, headers={"Host": host})
    assert answer.status_code == 400
    assert "evil" not in said(answer.text)
    visitor.client.post("/password/forgot", data=data, headers={"X-Forwarded-Host": host})
    mail = house.mails(house["member"].email)[-1].get_body(("plain",)).get_content()
    assert "evil." not in mail
    assert "http://localhost:8080/password/reset/" in mail


TRUSTED = tuple(map(ip_network, ("10.0.0.0/8", "2001:db8:1::/48")))
WALKS = {
    "no header": ("10.0.0.1", [], "10.0.0.1"),
    "one client": ("10.0.0.1", ["203.0.113.5"], "203.0.113.5"),
    "the client lied before": ("10.0.0.1", ["1.2.3.4, 203.0.113.5"], "203.0.113.5"),
    "two proxies": ("10.0.0.1", ["1.2.3.4, 203.0.113.5, 10.9.9.9"], "203.0.113.5"),
    "ten proxies": ("10.0.0.1", [", ".join(["203.0.113.5", *(f"10.0.1.{n}" for n in range(10))])], "203.0.113.5"),
    "only proxies": ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
    "several headers are one list": ("10.0.0.1", ["1.2.3.4", "203.0.113.5", "10.0.0.2"], "203.0.113.5"),
    "the client claims to be a proxy": ("10.0.0.1", ["10.6.6.6, 203.0.113.5"], "203.0.113.5"),
    "with a port": ("10.0.0.1", ["203.0.113.5:4711"], "203.0.113.5"),
    "IPv6": ("10.0.0.1", ["2001:db8:9::5"], "2001:db8:9::5"),
    "IPv6 with port": ("10.0.0.1", ["[2001:db8:9::5]:443"], "2001:db8:9::5"),
    "IPv6 in another spelling": ("10.0.0.1", ["2001:0DB8:9:0:0::5"], "2001:db8:9::5"),
    "an IPv6 proxy": ("2001:db8:1::1", ["203.0.113.5"], "203.0.113.5"),
    "a mapped peer": ("::ffff:10.0.0.1", ["203.0.113.5"], "203.0.113.5"),
    "a mapped client": ("10.0.0.1", ["::ffff:203.0.113.5"], "203.0.113.5"),
    "a zone": ("10.0.0.1", ["fe80::1%eth0"], "fe80::1"),
    "quotes": ("10.0.0.1", ['"203.0.113.5"'], "203.0.113.5"),
    "garbage next to the proxy": ("10.0.0.1", ["203.0.113.5, garbage"], "10.0.0.1"),
    "garbage further left": ("10.0.0.1", ["garbage, 203.0.113.5"], "203.0.113.5"),
    "an empty hop": ("10.0.0.1", ["203.0.113.5, "], "10.0.0.1"),
    "an octal address": ("10.0.0.1", ["0203.0.113.5"], "10.0.0.1"),
    "a short address": ("10.0.0.1", ["203.5"], "10.0.0.1"),
    "a number": ("10.0.0.1", ["3405803781"], "10.0.0.1"),
    "an untrusted peer": ("192.0.2.1", ["203.0.113.5"], "192.0.2.1"),
    "an untrusted peer with a proxy's name": ("192.0.2.1", ["10.0.0.1"], "192.0.2.1"),
    "just outside the range": ("11.0.0.0", ["203.0.113.5"], "11.0.0.0"),
    "the last of the range": ("10.255.255.255", ["203.0.113.5"], "203.0.113.5"),
    "no peer": ("", ["203.0.113.5"], "unknown"),
    "a socket file": ("unix:", ["203.0.113.5"], "unknown"),
}


@pytest.mark.parametrize("name", WALKS)
def test_the_walk_from_the_right_believes(name):
    peer, headers, expected = WALKS[name]
    assert client_address(peer, headers, TRUSTED) == expected


def test_behind_a_trusted_proxy_the_reported_client_counts(house):
    settings = replace(house.settings, trusted_proxies=TRUSTED)
    app = create_app(settings)
    proxied = House(app, settings, house.people)
    visitor = proxied.visitor(address="10.0.0.1")
    proxied.make_usual(visitor, house["member"])
    visitor.client.environ_base["HTTP_X_FORWARDED_FOR"] = f"{LIE}, 203.0.113.5"
    assert visitor.sign_in(house["member"].email).status_code == 303
    assert visitor.get("/users").status_code == 403
    assert _addresses(house) == ["203.0.113.5"]
    with app.app_context():
        db.engine.dispose()
