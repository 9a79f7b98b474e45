"""What differs between two lists, in words that people read."""

from dataclasses import dataclass

from console.core.permissions import role_label
from console.ip_ranges.entries import Entry, RangeList

MODE_TEXTS = {"off": "Off", "report": "Report only", "enforce": "Enforced"}


@dataclass(frozen=True)
class Change:
    """One entry that was added, removed or changed; `old` and `new` are what it says."""

    kind: str
    old: Entry | None
    new: Entry | None

    @property
    def entry(self) -> Entry:
        """The entry as it is, or as it was last."""
        found = self.new or self.old
        assert found is not None  # noqa: S101 (one of them is there)
        return found

    @property
    def lines(self) -> list[tuple[str, str, str]]:
        """What changed in it: field, before, after."""
        if self.old is None or self.new is None:
            return []
        then, now = words(self.old), words(self.new)
        return [(name, then[name], now[name]) for name in now if then[name] != now[name]]


def words(entry: Entry) -> dict[str, str]:
    """What an entry says, field by field."""
    return {
        "Range": entry.range,
        "Strength": entry.strength.capitalize(),
        "Description": entry.description,
        "Switch": "On" if entry.on else "Off",
        "For": scope_text(entry),
        "Starts": f"{entry.starts_at:%Y-%m-%d %H:%M} UTC" if entry.starts_at else "",
        "Ends": f"{entry.ends_at:%Y-%m-%d %H:%M} UTC" if entry.ends_at else "",
    }


def scope_text(entry: Entry) -> str:
    """For whom an entry counts."""
    return ", ".join(role_label(role) for role in entry.roles) or "Everybody"


def changes(old: RangeList, new: RangeList) -> list[Change]:
    """The entries that differ: removed first, then changed, then added."""
    removed = [Change("removed", entry, None) for entry in old.entries if entry.id not in new.by_id]
    changed = [
        Change("changed", old.by_id[entry.id], entry)
        for entry in new.entries
        if entry.id in old.by_id and old.by_id[entry.id] != entry
    ]
    added = [Change("added", None, entry) for entry in new.entries if entry.id not in old.by_id]
    return [*removed, *changed, *added]


def switches(old: RangeList, new: RangeList) -> list[dict[str, str]]:
    """What differs in the switches of the whole list, as rows of a diff."""
    rows = []
    if old.mode != new.mode:
        rows.append({"field": "Allowed ranges", "old": MODE_TEXTS[old.mode], "new": MODE_TEXTS[new.mode]})
    if old.every_request != new.every_request:
        texts = {True: "At sign-in and on every request", False: "At sign-in only"}
        rows.append({"field": "Checked", "old": texts[old.every_request], "new": texts[new.every_request]})
    return rows
