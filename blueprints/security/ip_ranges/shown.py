"""What all pages about IP ranges show: the list that is edited, its draft, the tabs, an entry in words."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import request, url_for

from blueprints.client_address import Path, explain
from console.core import clock
from console.core.db import settings
from console.core.errors import NotFound
from console.ip_ranges.changes import MODE_TEXTS, changes, scope_text
from console.ip_ranges.entries import Entry, RangeList
from console.ip_ranges.models import RangeDraft, draft, list_of
from console.ip_ranges.overlaps import overlapping
from console.policies.models import InForce, in_force
from console.users.models import names_of

STATE_BADGES = {
    "active": ("Counts", "good"),
    "off": ("Off", "neutral"),
    "scheduled": ("Scheduled", "info"),
    "expired": ("Expired", "warn"),
}
MODE_BADGES = {"off": "neutral", "report": "info", "enforce": "good"}
HOW_TEXTS = {"duplicate": "The same as", "inside": "Lies in", "holds": "Holds", "overlap": "Overlaps"}


@dataclass(frozen=True)
class Working:
    """The list that people edit: the draft, or where there is none the list in force."""

    ranges: RangeList
    policy: InForce
    live: RangeList
    draft: RangeDraft | None
    editor: str = ""

    @property
    def changed(self) -> int:
        """How many entries and switches the draft changes."""
        if self.draft is None:
            return 0
        switches = (self.ranges.mode != self.live.mode) + (self.ranges.every_request != self.live.every_request)
        return len(changes(self.live, self.ranges)) + switches

    @property
    def begun(self) -> bool:
        """Whether there is anything yet."""
        return bool(self.ranges.entries or self.draft or self.policy.latest)


def working() -> Working:
    """What this tenant has."""
    policy, found = in_force("ip_ranges"), draft()
    live = list_of(policy)
    if found is None:
        return Working(live, policy, live, None)
    names = names_of({found.edited_by} if found.edited_by else set())
    return Working(found.ranges, policy, live, found, next(iter(names.values()), "somebody"))


def entry_of(ranges: RangeList, range_id: UUID) -> Entry:
    """That entry of the list. **Raises:** NotFound."""
    found = ranges.by_id.get(str(range_id))
    if found is None:
        raise NotFound
    return found


def overlaps_of(ranges: RangeList) -> dict[str, tuple[str, str]]:
    """Which entries overlap; found once for each list."""
    kept: dict[str, tuple[str, str]] | None = ranges.__dict__.get("overlaps")
    if kept is None:
        kept = ranges.__dict__["overlaps"] = overlapping(ranges.entries)
    return kept


def tabs(active: str, at: Working | None = None) -> list[dict[str, Any]]:
    """The views of the area."""
    count = f"{at.changed:,}" if at is not None and at.draft is not None else None
    views = (
        ("list", "Ranges", "ip_ranges.list_ranges", None),
        ("review", "Review and save", "ip_ranges.review", count),
        ("refusals", "Refusals", "ip_ranges.list_refusals", None),
        ("versions", "Versions", "ip_ranges.list_versions", None),
        ("check", "Check an address", "ip_ranges.check", None),
    )
    return [
        {"label": label, "url": url_for(endpoint), "active": name == active, "count": shown}
        for name, label, endpoint, shown in views
    ]


def row(entry: Entry, ranges: RangeList, live: RangeList, now: datetime) -> dict[str, Any]:
    """One entry, as lists show it."""
    how, other = overlaps_of(ranges).get(entry.id, ("", ""))
    before = live.by_id.get(entry.id)
    notes = [*entry.warnings]
    if other:
        notes.append(f"{HOW_TEXTS[how]} {ranges.by_id[other].range}.")
    return {
        "entry": entry,
        "id": entry.id,
        "range": entry.range,
        "state": STATE_BADGES[entry.state(now)],
        "scope": scope_text(entry),
        "notes": notes,
        "mark": "New" if before is None else "Changed" if before != entry else "",
    }


def seen_from() -> Path:
    """The visitor's own address, and why it is believed."""
    return explain(request.remote_addr, request.headers.getlist("X-Forwarded-For"), settings().trusted_proxies)


def common(active: str, at: Working) -> dict[str, Any]:
    """What each page's template needs besides its own."""
    return {"tabs": tabs(active, at), "at": at, "mode_texts": MODE_TEXTS, "mode_tones": MODE_BADGES, "now": clock.now()}
