"""The first step: a list begins with the present address and with the networks that people come from."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.gate import requires
from blueprints.security.ip_ranges import blueprint
from blueprints.security.ip_ranges.shown import Working, common, seen_from
from blueprints.visit import actor, visit
from console.core.errors import Invalid
from console.core.permissions import Permission
from console.ip_ranges.actions import add_entries
from console.ip_ranges.addresses import parse_span
from console.ip_ranges.entries import new_entry
from console.ip_ranges.replay import USUAL_DAYS, Sighting
from console.ip_ranges.sightings import sightings

PREFIX = {4: 24, 6: 64}
"""The usual size of one place's network."""
MOST_NETWORKS = 50


def start_page(at: Working) -> ResponseReturnValue:
    """What a Customer sees that has no list yet."""
    mine = visit().address
    return render_template(
        "security/ip_ranges/start.html",
        path=seen_from(),
        mine=mine,
        networks=networks(sightings(USUAL_DAYS))[:MOST_NETWORKS],
        days=USUAL_DAYS,
        **common("list", at),
    )


def networks(seen: Iterable[Sighting]) -> list[dict[str, Any]]:
    """The networks that people were seen in, those with the most people first."""
    people: dict[str, set[UUID]] = defaultdict(set)
    addresses: dict[str, set[str]] = defaultdict(set)
    sign_ins: dict[str, int] = defaultdict(int)
    for one in seen:
        network = network_of(one.address)
        if network is not None:
            people[network].add(one.user_id)
            addresses[network].add(one.address)
            sign_ins[network] += one.sign_ins
    rows = [
        {"range": name, "people": len(people[name]), "addresses": len(addresses[name]), "sign_ins": sign_ins[name]}
        for name in people
    ]
    return sorted(rows, key=lambda row: (-row["people"], -row["sign_ins"], row["range"]))


def network_of(address: str) -> str | None:
    """The network around an address: /24 of IPv4, /64 of IPv6. None where it is no address."""
    try:
        version = parse_span(address)[0].version
        return parse_span(f"{address}/{PREFIX[version]}")[0].text
    except Invalid:
        return None


@blueprint.post("/start")
@requires(Permission.SECURITY_IP_RANGES_WRITE)
def begin() -> ResponseReturnValue:
    """The chosen networks are in a draft."""
    chosen = list(dict.fromkeys(request.form.getlist("ranges")))[: MOST_NETWORKS + 1]
    if not chosen:
        raise Invalid("Nothing was chosen. Go back and tick your own address or a network first.")
    entries = [new_entry(text, description="Seen in the last 30 days" if "/" in text else "") for text in chosen]
    add_entries(entries, by=actor())
    flash("The draft has these ranges. Nothing is in force before you review and save it.", "success")
    return redirect(url_for("ip_ranges.list_ranges"), 303)
