"""The guard's view over all time says the same as asking the compiled list at each moment; and costs little at any size."""

import random
import time
from datetime import UTC, datetime, timedelta

import pytest

from console.ip_ranges import foresight
from console.ip_ranges.entries import MOST_ENTRIES, RangeList, new_entry
from console.ip_ranges.foresight import first_shut
from console.ip_ranges.guard import Administrator, able, lock_out
from console.ip_ranges.rules import Compiled, moments_of, tightens

NOW = datetime(2027, 5, 1, 12, 0, tzinfo=UTC)
CASES = 3_000
TEXTS = ("198.51.100.0/25", "198.51.100.7", "198.51.100.128/25", "203.0.113.0/24", "2001:db8::/48", "0.0.0.0/0")
ADDRESSES = ("198.51.100.7", "198.51.100.200", "203.0.113.9", "2001:db8::7", "192.0.2.1", "nonsense")
CPU_SECONDS = 5.0
"""What may be spent on a list of the largest size, of processor time; it was 19 and 24 seconds before."""


def drawn_list(draw):
    def moment():
        return NOW + timedelta(hours=draw.randrange(-3, 9)) if draw.random() < 0.6 else None

    entries = []
    for _each in range(draw.randrange(6)):
        start, end = moment(), moment()
        if start is not None and end is not None and end <= start:
            end = None
        entries.append(
            new_entry(
                draw.choice(TEXTS),
                strength=draw.choice(("allowed", "allowed", "trusted")),
                on=draw.random() < 0.9,
                roles=draw.choice(((), (), ("owner",), ("administrator", "member"))),
                starts_at=start,
                ends_at=end,
            )
        )
    return RangeList(draw.choice(("enforce", "enforce", "enforce", "report", "off")), entries=tuple(entries))


def drawn_people(draw):
    return [
        Administrator("x", draw.choice(("owner", "administrator")), tuple(draw.sample(ADDRESSES, draw.randrange(3))))
        for _each in range(draw.randrange(1, 4))
    ]


def both(seed):
    """What the one pass answers, and what asking at each moment answers."""
    draw = random.Random(seed)
    ranges, people = drawn_list(draw), drawn_people(draw)
    moments, ready = [NOW, *moments_of(ranges, after=NOW)], Compiled(ranges)
    asked = next((at for at in moments if not able(ready, people, at)), None)
    return first_shut(ranges, [(one.role, one.addresses) for one in people], moments), asked


def test_one_pass_answers_what_asking_at_each_moment_answers():
    found = [both(seed) for seed in range(CASES)]
    assert [pair for pair in found if pair[0] != pair[1]] == []
    assert len({asked for _one, asked in found}) > 5, "the cases are too much alike"


@pytest.mark.parametrize("fault", ["ends count on", "starts are not looked at", "roles are not looked at"])
def test_control_a_pass_that_leaves_something_out_is_noticed(monkeypatch, fault):
    """The planted faults."""
    real = foresight._open

    def wrong(ranges, role, addresses, *, anywhere):
        if fault == "roles are not looked at":
            ranges = ranges.changed(entries=tuple(foresight_entry(entry, roles=()) for entry in ranges.entries))
        times = real(ranges, role, addresses, anywhere=anywhere)
        if fault == "ends count on":
            return [(start, foresight.LAST_MOMENT) for start, _end in times]
        return [(foresight.FIRST_MOMENT, end) for _start, end in times] if "starts" in fault else times

    monkeypatch.setattr(foresight, "_open", wrong)
    found = [both(seed) for seed in range(CASES)]
    assert [pair for pair in found if pair[0] != pair[1]]


def foresight_entry(entry, **changed):
    from dataclasses import replace

    return replace(entry, **changed)


def largest(moments):
    draw = random.Random(7)
    entries = [new_entry("198.51.100.0/24")]
    for number in range(MOST_ENTRIES - 1):
        start = NOW + timedelta(hours=1 + draw.randrange(moments // 2)) if number % 3 else None
        end = start + timedelta(days=400) if start else None
        text = f"{draw.randrange(1, 190)}.{draw.randrange(256)}.{number % 256}.0/28"
        entries.append(new_entry(text, starts_at=start, ends_at=end))
    return RangeList("enforce", entries=tuple(entries))


@pytest.mark.parametrize("moments", [48, 5_000])
def test_the_guard_and_the_comparison_of_two_lists_of_ten_thousand_scheduled_entries_cost_little(moments):
    new = largest(moments)
    old = new.changed(entries=new.entries[:-1])
    people = [Administrator("x", "owner", ("198.51.100.7",)), Administrator("y", "administrator")]
    began = time.process_time()
    verdict = lock_out(new, role="owner", address="198.51.100.7", administrators=people, now=NOW)
    tighter = tightens(old, new, NOW)
    assert time.process_time() - began < CPU_SECONDS
    assert verdict is None
    assert tighter is (moments > 50), "beyond fifty moments a changed schedule counts as tighter"
