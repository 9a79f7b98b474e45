"""The pages about Customer Data: bringing it in, finding it, reading it."""

from flask import Blueprint

blueprint = Blueprint("data", __name__, url_prefix="/data")

from blueprints.data import (  # noqa: E402 (they add their pages to it)
    custodians,  # noqa: F401
    download,  # noqa: F401
    export,  # noqa: F401
    holds,  # noqa: F401
    import_files,  # noqa: F401
    imports,  # noqa: F401
    item,  # noqa: F401
    labels,  # noqa: F401
    listing,  # noqa: F401
    overview,  # noqa: F401
    removal,  # noqa: F401
    retention,  # noqa: F401
)
