"""Count the answers that tell a Customer that an address is used elsewhere in the service."""

from blueprints.visit import signed_in
from console.core.db import unit_of_work
from console.core.errors import ConsoleError
from console.users.usernames import UsernameTaken, tell_elsewhere


def count_told(problem: ConsoleError) -> None:
    """If `problem` says so, that is counted, in a unit of its own: the page's own was rolled back just before."""
    if isinstance(problem, UsernameTaken) and problem.elsewhere:
        with unit_of_work(signed_in().tenant_id):
            tell_elsewhere()
