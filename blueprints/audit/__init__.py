"""The audit record's pages: the list, one entry, sign-ins, export and checkpoint."""

from flask import Blueprint

blueprint = Blueprint("audit", __name__, url_prefix="/audit")

from blueprints.audit import entry, export, listing, sign_ins  # noqa: E402, F401 (they add their pages to it)
