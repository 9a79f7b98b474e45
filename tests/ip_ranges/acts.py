"""What the tests about IP ranges share: lists made and saved through the pages, as their people do."""

import re

from console.policies.models import in_force
from tests.house import House, Visitor
from tests.users.acts import form_of

OFFICE = "198.51.100.7"
"""Where every visitor of the tests comes from unless told otherwise."""
ELSEWHERE = "203.0.113.50"
HERE = "/security/ip-ranges"


def draft(visitor: Visitor, *lines: str, mode: str = "enforce", every_request: bool = True, strength: str = "allowed"):
    """The draft has these lines besides, and the switches."""
    if lines:
        fields = {"text": "\n".join(lines), "strength": strength, "how": "add", "confirmed": "yes"}
        answer = visitor.post(f"{HERE}/many", fields, form=f"{HERE}/many")
        assert answer.status_code == 303, answer.text
    return visitor.post(f"{HERE}/switches", {"mode": mode, "every_request": "yes" if every_request else "no"})


def review_form(visitor: Visitor) -> dict[str, str]:
    """The form that saves, as the review shows it."""
    return form_of(visitor.get(f"{HERE}/review"), f"{HERE}/save")


def save(visitor: Visitor, reason: str = "Only from the office"):
    """Review the draft and save it."""
    return visitor.client.post(f"{HERE}/save", data={**review_form(visitor), "reason": reason})


def number_on_trial(visitor: Visitor) -> str:
    """The version that the banner asks to confirm."""
    found = re.search(
        r'action="/security/ip-ranges/keep">.*?name="number" value="(\d+)"', visitor.get("/me").text, re.DOTALL
    )
    assert found, "nothing is on trial"
    return found.group(1)


def keep(visitor: Visitor, number: str | None = None):
    """Confirm the list on trial."""
    return visitor.post(f"{HERE}/keep", {"number": number or number_on_trial(visitor)})


def enforce(house: House, *lines: str, who: str = "owner", **switches) -> Visitor:
    """A list with these allowed ranges is in force, for good. Answers the browser that saved it."""
    visitor = house.signed_in(who)
    draft(visitor, *(lines or (f"{OFFICE}/32",)), **switches)
    answer = save(visitor)
    assert answer.status_code == 303, answer.text
    if switches.get("mode", "enforce") == "enforce":
        assert keep(visitor).status_code == 303
    return visitor


def policy(house: House, key: str = "owner"):
    """The version in force."""
    with house.inside(house[key].tenant_id, write=False):
        return in_force("ip_ranges")


def move(visitor: Visitor, address: str) -> Visitor:
    """The same browser, from another address."""
    visitor.client.environ_base["REMOTE_ADDR"] = address
    return visitor


def is_refusal(answer) -> bool:
    """Whether it is the page for somebody outside."""
    return answer.status_code == 403 and "Not from this network" in answer.text
