"""The decision equals an independent oracle: the standard library's networks, asked one after the other."""

import ipaddress
import random
from datetime import UTC, datetime, timedelta

import pytest

from console.core.errors import Invalid
from console.ip_ranges.addresses import parse_span, warnings_of
from console.ip_ranges.entries import ROLES, RangeList, new_entry
from console.ip_ranges.rules import Compiled, Decision, decide, passes, tightens

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
CASES = 100_000
LISTS = 250


def ends_of(text):
    """First and last address of what was typed, by the standard library alone; v4-mapped folded."""
    if "/" in text:
        network = ipaddress.ip_network(text, strict=False)
        return fold(network.network_address), fold(network.broadcast_address)
    first, _dash, last = text.partition("-")
    return fold(ipaddress.ip_address(first)), fold(ipaddress.ip_address(last or first))


def fold(address):
    return (address.ipv4_mapped if address.version == 6 else None) or address


def oracle(entries, mode, address, role, now):
    """(refused, trusted) by asking every entry."""
    address = fold(ipaddress.ip_address(address))
    restricted = inside = trusted = False
    for entry, first, last in entries:
        if not entry.on or (entry.roles and role not in entry.roles):
            continue
        started = entry.starts_at is None or entry.starts_at <= now
        over = entry.ends_at is not None and entry.ends_at <= now
        holds = first.version == last.version == address.version and first <= address <= last
        if entry.strength == "allowed":
            restricted |= started
            inside |= started and not over and holds
        else:
            width = int(last) - int(first) + 1
            narrow = width <= (2**24 if first.version == 4 else 2**96)
            trusted |= started and not over and holds and narrow
    refused = mode == "enforce" and restricted and not inside
    outside = mode != "off" and restricted and not inside
    return refused, trusted and not outside


def typed_range(draw):  # noqa: PLR0911 (one line for each way to write a range)
    """A range as somebody may type it, near a few bases so that boundaries meet."""
    kind = draw.randrange(7)
    v4 = ipaddress.IPv4Address(int(ipaddress.IPv4Address("198.51.100.0")) + draw.randrange(-600, 600))
    v6 = ipaddress.IPv6Address(int(ipaddress.IPv6Address("2001:db8::")) + draw.randrange(-600, 600))
    if kind == 0:
        return str(v4)
    if kind == 1:
        return f"{v4}/{draw.choice((7, 8, 9, 20, 24, 28, 31, 32))}"
    if kind == 2:
        return f"{v4}-{v4 + draw.randrange(300)}"
    if kind == 3:
        return f"::ffff:{v4}"
    if kind == 4:
        return f"{v6}/{draw.choice((0, 31, 32, 33, 64, 120, 127, 128))}"
    if kind == 5:
        return f"{v6}-{v6 + draw.randrange(300)}"
    return f"::ffff:{v4}/{draw.choice((104, 120, 127, 128))}"


def an_address(draw, bounds):
    """An address at, beside or far from a boundary; some as IPv4 written in IPv6."""
    if bounds and draw.random() < 0.7:
        base = draw.choice(bounds)
        most = 2**32 if base.version == 4 else 2**128
        found = type(base)(min(max(int(base) + draw.choice((-1, 0, 0, 1)), 0), most - 1))
    elif draw.random() < 0.6:
        found = ipaddress.IPv4Address(draw.randrange(2**32))
    else:
        found = ipaddress.IPv6Address(draw.randrange(2**128))
    return f"::ffff:{found}" if found.version == 4 and draw.random() < 0.3 else str(found)


def a_list(draw):
    entries = []
    for _ in range(draw.randrange(12)):
        text = typed_range(draw)
        entry = new_entry(
            text,
            strength=draw.choice(("allowed", "allowed", "trusted")),
            on=draw.random() < 0.9,
            roles=draw.sample(ROLES, draw.randrange(3)),
            starts_at=NOW + timedelta(hours=draw.randrange(-3, 3)) if draw.random() < 0.2 else None,
            ends_at=NOW + timedelta(hours=draw.randrange(4, 9)) if draw.random() < 0.2 else None,
        )
        entries.append((entry, *ends_of(text)))
    return entries, draw.choice(("off", "report", "enforce", "enforce"))


@pytest.mark.promise("P06")
def test_the_decision_equals_an_independent_oracle_on_100_000_cases():
    draw, faults, refused, trusted = random.Random(20261124), [], 0, 0
    for _ in range(LISTS):
        entries, mode = a_list(draw)
        compiled = Compiled(RangeList(mode, entries=tuple(entry for entry, _first, _last in entries)))
        bounds = [bound for _entry, first, last in entries for bound in (first, last)]
        for _case in range(CASES // LISTS):
            address, role = an_address(draw, bounds), draw.choice(ROLES)
            now = NOW + timedelta(hours=draw.randrange(-4, 10))
            found = decide(compiled, address, role, now)
            expected = oracle(entries, mode, address, role, now)
            refused, trusted = refused + found.refused, trusted + found.trusted
            if (found.refused, found.trusted) != expected or passes(compiled, address, role, now) is found.refused:
                faults.append((address, role, now, found, expected))
    assert not faults, faults[:3]
    assert refused > CASES / 10, "the cases hardly refuse anybody"
    assert trusted > CASES / 200, "the cases hardly trust anybody"


def test_control_the_comparison_sees_a_boundary_that_is_off_by_one():
    entries = [(new_entry("198.51.100.0/24"), *ends_of("198.51.100.0-198.51.100.254"))]
    compiled = Compiled(RangeList("enforce", entries=(entries[0][0],)))
    edge = "198.51.100.255"
    assert decide(compiled, edge, "member", NOW).refused is not oracle(entries, "enforce", edge, "member", NOW)[0]


def test_an_address_that_cannot_be_read_is_outside_and_never_trusted():
    everything = (new_entry("0.0.0.0/0"), new_entry("::/0"), new_entry("192.0.2.0/24", strength="trusted"))
    compiled = Compiled(RangeList("enforce", entries=everything))
    for text in ("unknown", "", "192.0.2.1, 203.0.113.9", "192.0.2.1:80", "192.0.2.256", "fe80::1%eth0x"):
        found = decide(compiled, text, "member", NOW)
        assert found == Decision(refused=True, outside=True, trusted=False), text


def test_a_rule_that_has_ended_lets_nobody_in_whom_it_kept_out():
    entry = new_entry("198.51.100.0/24", ends_at=NOW)
    compiled = Compiled(RangeList("enforce", entries=(entry,)))
    assert not passes(compiled, "203.0.113.1", "member", NOW - timedelta(seconds=1))
    assert passes(compiled, "198.51.100.1", "member", NOW - timedelta(seconds=1))
    assert not passes(compiled, "198.51.100.1", "member", NOW)


def test_a_range_that_is_yet_to_start_restricts_nobody():
    compiled = Compiled(RangeList("enforce", entries=(new_entry("198.51.100.0/24", starts_at=NOW),)))
    assert passes(compiled, "203.0.113.1", "member", NOW - timedelta(seconds=1))
    assert not passes(compiled, "203.0.113.1", "member", NOW)


def test_a_range_for_some_roles_restricts_those_alone():
    compiled = Compiled(RangeList("enforce", entries=(new_entry("198.51.100.0/24", roles=["owner"]),)))
    assert not passes(compiled, "203.0.113.1", "owner", NOW)
    assert passes(compiled, "203.0.113.1", "member", NOW)


def test_a_trusted_range_lets_nobody_in_and_an_over_wide_one_trusts_nobody():
    allowed, trusted = new_entry("198.51.100.0/24"), new_entry("203.0.113.0/24", strength="trusted")
    compiled = Compiled(RangeList("enforce", entries=(allowed, trusted)))
    assert decide(compiled, "203.0.113.1", "member", NOW) == Decision(refused=True, outside=True, trusted=False)
    for text, counts in (
        ("192.0.0.0/8", True),
        ("192.0.0.0/7", False),
        ("2001:db8::/32", True),
        ("2001:db8::/31", False),
    ):
        wide = Compiled(RangeList("off", entries=(new_entry(text, strength="trusted"),)))
        inside = "192.0.2.1" if "." in text else "2001:db8::1"
        assert decide(wide, inside, "member", NOW).trusted is counts, text


READ = {
    " 203.0.113.7 ": "203.0.113.7",
    "203.0.113.7/24": "203.0.113.0/24",
    "203.0.113.0-203.0.113.255": "203.0.113.0/24",
    "203.0.113.10 - 203.0.113.20": "203.0.113.10-203.0.113.20",
    "203.0.113.10–203.0.113.11": "203.0.113.10/31",
    "::ffff:203.0.113.7": "203.0.113.7",
    "::ffff:cb00:7107": "203.0.113.7",
    "::FFFF:203.0.113.0/120": "203.0.113.0/24",
    "::ffff:0:0/96": "0.0.0.0/0",
    "2001:DB8:0:0::1": "2001:db8::1",
    "2001:db8::/32": "2001:db8::/32",
    "::ffff:203.0.113.1-203.0.113.9": "203.0.113.1-203.0.113.9",
}
REFUSED = {
    "": "no address",
    "010.0.0.1": "octal",
    "203.0.113": "four numbers",
    "203.0.113.256": "four numbers",
    "203.0.113.*": "asterisks",
    "203.0.113.7:443": "port",
    "[2001:db8::1]": "brackets",
    "fe80::1%eth0": "zone",
    "203.0.113.0/33": "0 to 32",
    "2001:db8::/129": "0 to 128",
    "203.0.113.0/255.255.255.0": "whole number",
    "203.0.113.0/0.0.0.255": "whole number",
    "203.0.113.0/-1": "whole number",
    "203.0.113.9-203.0.113.1": "before it starts",
    "203.0.113.9-2001:db8::1": "one kind",
    "203.0.113.9-": "not an address",
    "1-2-3": "more than one dash",
    "example.com": "not an address",
    "٢٠٣.0.113.7": "not an address",
    "1" * 200: "too long",
}


@pytest.mark.parametrize("text", READ)
def test_what_is_typed_is_read_in_one_form(text):
    assert parse_span(text)[0].text == READ[text]


@pytest.mark.parametrize("text", REFUSED)
def test_what_cannot_be_read_is_refused_with_the_reason(text):
    with pytest.raises(Invalid, match=REFUSED[text]):
        parse_span(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("10.1.0.0/16", "private"),
        ("192.168.1.1", "private"),
        ("100.64.0.1", "providers share"),
        ("127.0.0.1", "server itself"),
        ("fd00::/64", "private"),
        ("fe80::1", "one cable"),
        ("8.0.0.0/7", "Over-wide"),
        ("2001:db8::/31", "Over-wide"),
        ("::/0", "straddles"),
        ("::fffe:ffff:ffff-::ffff:0:1", "straddles"),
    ],
)
def test_odd_ranges_are_warned_about_with_the_reason(text, said):
    assert any(said in warning for warning in warnings_of(parse_span(text)[0], trusted=False))


def test_ordinary_ranges_are_not_warned_about():
    for text in ("203.0.113.0/24", "198.0.0.0/8", "2001:db8::/32", "::ffff:203.0.113.0/120"):
        assert warnings_of(parse_span(text)[0], trusted=True) == []


def test_a_change_counts_as_tighter_when_somebody_may_be_refused_who_came_in_before():
    office, home = new_entry("198.51.100.0/24"), new_entry("203.0.113.0/25")
    wider, later = new_entry("203.0.113.0/24"), new_entry("192.0.2.0/24", starts_at=NOW + timedelta(days=1))
    both = RangeList("enforce", entries=(office, home))
    one = RangeList("enforce", entries=(office,))
    assert tightens(RangeList(), one, NOW)
    assert tightens(both, one, NOW)
    assert tightens(RangeList("enforce"), RangeList("enforce", entries=(later,)), NOW), "the scheduled start counts"
    assert tightens(one.changed(every_request=False), one, NOW)
    assert not tightens(one, both, NOW)
    assert not tightens(both, RangeList("enforce", entries=(office, wider)), NOW)
    assert not tightens(both, one.changed(mode="report"), NOW)
    assert not tightens(one, one.with_entries([new_entry("192.0.2.0/24", strength="trusted")]), NOW)


def test_a_version_is_compiled_once_a_process_and_a_schedule_only_where_it_changes(house):
    from console.ip_ranges.models import compiled, standing
    from console.policies.actions import save
    from console.policies.models import in_force
    from tests.cast import BY

    owner = house["owner"]
    entry = new_entry("198.51.100.0/24").as_dict()
    with house.inside(owner.tenant_id):
        save("ip_ranges", {"mode": "enforce", "entries": [entry]}, based_on=0, reason="test", by=BY)
    with house.inside(owner.tenant_id, write=False):
        first = compiled(in_force("ip_ranges"))
    with house.inside(owner.tenant_id, write=False):
        again = compiled(in_force("ip_ranges"))
        assert standing("203.0.113.1", "member").decision.refused
    assert first is again
    assert first.table("member", NOW) is first.table("member", NOW + timedelta(days=9))
    with house.inside(owner.tenant_id):
        save("ip_ranges", {"mode": "off", "entries": []}, based_on=1, reason="test", by=BY)
    with house.inside(owner.tenant_id, write=False):
        assert compiled(in_force("ip_ranges")) is not first
