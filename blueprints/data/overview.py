"""How much there is: by custodian, month by month, and whether it is sound."""

from flask import render_template
from flask.typing import ResponseReturnValue

from blueprints.data import blueprint
from blueprints.data.listing import tabs
from blueprints.data.words import size_text
from blueprints.gate import requires
from blueprints.visit import actor
from console.core.permissions import Permission
from console.customer_data.overview import Month, damaged_items, figures

CUSTODIANS = 8
DAMAGED = 20


@blueprint.get("/overview")
@requires(Permission.DATA_ITEMS_READ)
def overview() -> ResponseReturnValue:
    """The figures, from counters."""
    found = figures(by=actor())
    most = max((each.size_bytes for each in found.custodians), default=0)
    return render_template(
        "data/overview.html",
        found=found,
        size=size_text(found.size_bytes),
        custodians=[
            {"row": each, "size": size_text(each.size_bytes), "most": most} for each in found.custodians[:CUSTODIANS]
        ],
        more=len(found.custodians) - CUSTODIANS,
        points=[_point(month) for month in found.months],
        damaged=damaged_items(limit=DAMAGED) if found.damaged else [],
        tabs=tabs("data.overview"),
    )


_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _point(month: Month) -> dict[str, str | int]:
    year, number = month.month.split("-")
    return {"label": f"{_NAMES[int(number) - 1]} {year}", "value": month.before, "value2": month.came}
