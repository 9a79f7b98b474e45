"""Where templates and static files lie: inside the package when installed, beside it in a checkout."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent


def resource_dir(name: str) -> Path:
    """The folder `name` of this product. Inside wins, so that a stray folder in site-packages never does."""
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent / name
