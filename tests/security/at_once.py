"""Doing things at the same moment, and holding the database so that nobody can be early."""

import threading
from contextlib import contextmanager

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from tests import databases


def at_once(*acts):
    """Run all acts in threads that start together. Answers their results; an exception is a result."""
    barrier, results = threading.Barrier(len(acts)), [None] * len(acts)

    def run(index, act):
        barrier.wait()
        try:
            results[index] = act()
        except Exception as error:  # noqa: BLE001
            results[index] = error

    threads = [threading.Thread(target=run, args=(index, act)) for index, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    return threads, results


def all_at_once(*acts):
    threads, results = at_once(*acts)
    for thread in threads:
        thread.join()
    return results


@contextmanager
def database_held(house, tenant_id):
    """A stranger's transaction holds what every change of that Customer's people needs."""
    postgresql = databases.POSTGRESQL
    url = house.settings.database_url
    if postgresql:
        url = databases.superuser_url(make_url(url).database)
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        if postgresql:
            connection.execute(text("SELECT id FROM tenants WHERE id = :id FOR UPDATE"), {"id": tenant_id})
        else:
            connection.connection.dbapi_connection.isolation_level = None
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield
        connection.connection.dbapi_connection.rollback()
