"""The pages about IP ranges: the list, its draft and review, versions, refusals, and tools that explain. Promise: P06."""

from flask import Blueprint

blueprint = Blueprint("ip_ranges", __name__, url_prefix="/security/ip-ranges")

from blueprints.security.ip_ranges import (  # noqa: E402 (they add their pages to it)
    editing,  # noqa: F401
    lines,  # noqa: F401
    listing,  # noqa: F401
    refusals,  # noqa: F401
    review,  # noqa: F401
    start,  # noqa: F401
    tools,  # noqa: F401
    trial,  # noqa: F401
    versions,  # noqa: F401
)
