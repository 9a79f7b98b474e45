"""Make an installation, once: folders, root key, key store, database, and the host's own tenant."""

from pathlib import Path
from uuid import UUID

from sqlalchemy import func, inspect, select

from console.app import bare_app
from console.core import jobs
from console.core.actor import system
from console.core.db import db, unit_of_work
from console.core.errors import Misconfigured
from console.core.ids import PLATFORM_TENANT_ID
from console.core.installation import Installation
from console.core.schema import owner_engine, upgrade
from console.core.settings import Settings
from console.registry import PERIODIC
from console.tenants.actions import add_tenant
from console.tenants.models import Tenant
from console.vault.blob_store import blob_store_from_url
from console.vault.keyring import Keyring
from console.vault.keystore import KeyStore
from console.vault.setup import create_vault, open_vault


def initialise(settings: Settings) -> tuple[Keyring, bool]:
    """The installation exists and has the newest schema. Answers its keyring, and whether it is new.

    Running it again upgrades the schema and changes nothing else. **Raises:** Misconfigured rather than ever making
    new keys beside existing data.
    """
    settings.instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.instance.chmod(0o700)
    blob_store_from_url(settings.blobs).prepare()
    keyring, new = _keys(settings)
    upgrade(settings)
    app = bare_app(settings, keyring)
    with app.app_context():
        _first_rows(settings, keyring)
        db.engine.dispose()
    return keyring, new


def _keys(settings: Settings) -> tuple[Keyring, bool]:
    if KeyStore(settings.keystore_url).has_installation():
        return open_vault(settings.root_key, settings.keystore_url), False
    if _has_data(settings):
        raise Misconfigured(
            f"The database holds data, but there is no key store at {settings.keystore_url}. New keys could not open"
            " that data. Restore the key store and the root key from their backup."
        )
    return create_vault(settings.root_key, settings.keystore_url), True


def _has_data(settings: Settings) -> bool:
    if settings.database_url.startswith("sqlite:///"):
        path = settings.database_url.removeprefix("sqlite:///")
        if not Path(path).exists():
            return False
    engine = owner_engine(settings)
    with engine.connect() as connection:
        if not inspect(connection).has_table(Installation.__tablename__):
            return False
        return bool(connection.execute(select(func.count()).select_from(Installation)).scalar_one())


def _first_rows(settings: Settings, keyring: Keyring) -> None:
    with unit_of_work():
        if db.session.execute(select(Installation.id)).first() is None:
            db.session.add(Installation(id=UUID(str(keyring.installation_id))))
        for kind, seconds in PERIODIC.items():
            jobs.ensure_periodic(kind, every_seconds=seconds)
        if db.session.get(Tenant, PLATFORM_TENANT_ID) is None:
            add_tenant(settings.company, tenant_id=PLATFORM_TENANT_ID, by=system("safekeep init"))
