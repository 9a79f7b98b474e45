"""The yardstick: a bare Flask page that lists fifty rows from SQLite, with no session, tenant, key or layout."""

import os
import sqlite3

from flask import Flask, render_template_string, request

PAGE = """<!doctype html><html lang="en"><head><title>Users</title></head><body><h1>Users</h1><table>
{% for row in rows %}<tr><td><a href="/users/{{ row[0] }}">{{ row[1] }}</a></td><td>{{ row[2] }}</td>
<td>{{ row[3] }}</td><td>{{ row[4] }}</td><td>{{ filler }}</td></tr>
{% endfor %}</table></body></html>"""


def create_app() -> Flask:
    """The application: one keyset page over a plain table, padded to the size of the console's page."""
    app = Flask(__name__)
    database = os.environ["BARE_DATABASE"]
    filler = "." * int(os.environ["BARE_FILLER_BYTES"])

    @app.get("/")
    def show() -> str:
        connection = sqlite3.connect(database)
        query = "SELECT id, name, email, role, state FROM people WHERE id > ? ORDER BY id LIMIT 50"
        rows = connection.execute(query, (request.args.get("after", ""),)).fetchall()
        connection.close()
        return render_template_string(PAGE, rows=rows, filler=filler)

    return app
