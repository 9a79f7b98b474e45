"""Download the list of users."""

from flask import Response, request, stream_with_context
from flask.typing import ResponseReturnValue

from blueprints.gate import requires
from blueprints.users import blueprint
from blueprints.users.listing import read_query
from blueprints.visit import actor, signed_in
from console.core import clock
from console.core.db import writing
from console.core.permissions import Permission
from console.users.exports import export_lines, start_export


@blueprint.get("/export.csv")
@requires(Permission.USERS_PEOPLE_EXPORT, fresh=True)
def export_users() -> ResponseReturnValue:
    """Everybody who matches the address bar, as the list shows them; that it left is in the audit record."""
    name = f"users-{clock.now():%Y-%m-%d}.csv"
    if request.method == "HEAD":
        return csv_response([], name)  # nothing leaves, so nothing is recorded
    writing()
    user_ids = start_export(read_query(), by=actor())
    return csv_response(export_lines(signed_in().tenant_id, user_ids), name)


def csv_response(lines: object, name: str) -> Response:
    """A CSV file to be saved under `name`, sent while it is made."""
    response = Response(stream_with_context(lines), mimetype="text/csv")  # type: ignore[call-overload]
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response
