"""The pages about a Customer's people."""

from flask import Blueprint

blueprint = Blueprint("users", __name__, url_prefix="/users")

from blueprints.users import (  # noqa: E402 (they add their pages to it)
    edit,  # noqa: F401
    exports,  # noqa: F401
    imports,  # noqa: F401
    lifecycle,  # noqa: F401
    listing,  # noqa: F401
    person,  # noqa: F401
    proofs,  # noqa: F401
)
