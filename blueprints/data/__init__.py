"""The pages about Customer Data: bringing it in, finding it, reading it."""

from flask import Blueprint

blueprint = Blueprint("data", __name__, url_prefix="/data")

from blueprints.data import (  # noqa: E402 (they add their pages to it)
    import_files,  # noqa: F401
    imports,  # noqa: F401
)
