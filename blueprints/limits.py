"""How much anonymous traffic one address may cause. Guesses at secrets are counted elsewhere, in the database."""

from flask_limiter import Limiter

from blueprints.visit import visit
from console.core.addresses import guessing_place
from console.core.db import settings

limiter = Limiter(key_func=lambda: guessing_place(visit().address), strategy="moving-window", headers_enabled=False)


def anonymous_limit() -> str:
    """The bound of this installation, such as "120 per minute"."""
    return settings().anonymous_requests
