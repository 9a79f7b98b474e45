"""The composition root: settings, keys, database and pages become one application, or a clear refusal to start."""

from uuid import UUID

from flask import Flask

import blueprints
from console.core.database_role import check_role
from console.core.db import configure_engine, db
from console.core.installation import check_installation
from console.core.paths import resource_dir
from console.core.safe_settings import check_settings
from console.core.schema import check_revision
from console.core.settings import Settings, load_settings
from console.identity import passwords
from console.mail.transport import transport_from_url
from console.policies.models import OpenedDocuments
from console.security.guard import somebody_gets_in
from console.users.directory import DirectoryCache
from console.vault.blob_store import blob_store_from_url
from console.vault.keyring import Keyring
from console.vault.setup import open_vault

__all__ = ["bare_app", "check_settings", "create_app"]


def create_app(settings: Settings | None = None) -> Flask:
    """The application of this installation, checked and closed by default.

    **Raises:** Misconfigured where anything about it is not safe: keys, database, role, addresses, or a page without
    a declared permission.
    """
    settings = settings or load_settings()
    check_settings(settings)
    keyring = open_vault(settings.root_key, settings.keystore_url)
    app = bare_app(settings, keyring)
    with app.app_context():
        try:
            check_database(keyring)
            passwords.warm_up()
            blueprints.register(app)
        finally:
            db.engine.dispose()  # requests open connections of their own; whoever only checks leaves none behind
    return app


def bare_app(settings: Settings, keyring: Keyring) -> Flask:
    """An application without pages and checks: database and services only, as commands need them."""
    app = Flask(
        "console",
        instance_path=str(settings.instance),
        template_folder=str(resource_dir("templates")),
        static_folder=str(resource_dir("static")),
    )
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = _engine_options(settings)
    app.extensions["safekeep.settings"] = settings
    app.extensions["safekeep.keyring"] = keyring
    app.extensions["safekeep.blobs"] = blob_store_from_url(settings.blobs)
    app.extensions["safekeep.transport"] = transport_from_url(settings.mail_url, sender=settings.mail_from)
    app.extensions["safekeep.somebody_gets_in"] = somebody_gets_in
    app.extensions["safekeep.documents"] = OpenedDocuments()
    app.extensions["safekeep.directories"] = DirectoryCache(most_bytes=settings.directory_cache_mib * 2**20)
    db.init_app(app)
    with app.app_context():
        configure_engine(db.engine)
    return app


def _engine_options(settings: Settings) -> dict[str, object]:
    if settings.database_url.startswith("postgresql"):
        # A restarted server costs one reconnect, not a failed page; no statement may hold a page for longer than 15 s.
        # Plans are made for the values and table sizes of the moment: a plan kept from when a table was empty made a
        # look-up of 500 usernames a hundred times slower while an import filled it.
        return {
            "pool_pre_ping": True,
            "pool_size": 8,
            # A lock is waited for as long as SQLite waits for its own (SQLITE_WAIT_SECONDS), then the page says so.
            "connect_args": {
                "options": "-c statement_timeout=15000 -c lock_timeout=5000 -c plan_cache_mode=force_custom_plan"
            },
        }
    return {"pool_size": 8}


def check_database(keyring: Keyring) -> None:
    """Nothing happens if the database is this installation's, has the newest schema, and the role is bound by it.

    **Raises:** Misconfigured.
    """
    options = {"raw_sql_reason": "boot check"}
    with db.engine.connect().execution_options(**options) as connection:
        check_revision(connection)
        check_role(connection)
        check_installation(connection, UUID(str(keyring.installation_id)))
