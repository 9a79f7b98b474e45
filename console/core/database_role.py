"""On PostgreSQL: refuse to run as a role that could go round row-level security, or on tables without it. Promise: P14."""

import re

from sqlalchemy import Connection, text

from console.core.db import Base
from console.core.errors import Misconfigured
from console.core.isolation import OWN_ROWS
from console.core.schema import APPEND_ONLY, RESEALED

_REMEDY = "Run `safekeep init` with SAFEKEEP_DATABASE_OWNER_URL to put it right."

_BYPASSES = (
    "The database role {role} may bypass row-level security (through {found}). Use a role that is neither superuser nor"
    " BYPASSRLS, nor a member of one, in SAFEKEEP_DATABASE_URL."
)
_OWNS = "The database role {role} owns tables ({found}). Use a role that owns none in SAFEKEEP_DATABASE_URL."
_NOT_FORCED = "Row-level security is not forced on: {found}. " + _REMEDY
_POLICY = (
    "The row-level security of these tables has another policy than this version's: {found}. Drop the policy that was"
    " added, and create own_tenant as the migrations do."
)
_EXCESS = "The database role {role} has rights that it must not have ({found}). " + _REMEDY
_VIEW = (
    "The database role {role} can read tenants' tables through a view that ignores row-level security: {found}. Drop"
    " the view, or create it WITH (security_invoker = true)."
)
_NO_TRIGGER = (
    "The trigger only_sealed_anew is missing or disabled, so that the audit record could be overwritten: {found}. Create"
    " it as the migrations do."
)
_CREATES = (
    "The database role {role} may CREATE in the schema {found}. Revoke it: REVOKE CREATE ON SCHEMA public FROM PUBLIC."
)

_BYPASSING = """
SELECT rolname FROM pg_roles
WHERE (rolsuper OR rolbypassrls) AND pg_has_role(current_user, oid, 'MEMBER') ORDER BY rolname = current_user DESC
"""
_OWNED = """
SELECT relname FROM pg_class
WHERE relkind IN ('r', 'p') AND relname = ANY(:names) AND pg_has_role(current_user, relowner, 'MEMBER') ORDER BY relname
"""
_FORCED = "SELECT relname FROM pg_class WHERE relname = ANY(:names) AND relrowsecurity AND relforcerowsecurity"
_POLICIES = """
SELECT tablename, permissive, cmd, roles::text AS roles, qual, with_check FROM pg_policies WHERE tablename = ANY(:names)
"""
_RIGHTS = """
SELECT name || ': ' || right_ FROM unnest(CAST(:names AS text[])) AS name, unnest(CAST(:rights AS text[])) AS right_
WHERE has_table_privilege(name, right_) ORDER BY 1
"""
_COLUMN_RIGHTS = """
SELECT relname || '.' || attname || ': UPDATE' FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
WHERE relname = ANY(:names) AND relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped
AND NOT relname || '.' || attname = ANY(:allowed) AND has_column_privilege(pg_class.oid, attnum, 'UPDATE') ORDER BY 1
"""
_UNGUARDED = """
SELECT name FROM unnest(CAST(:names AS text[])) AS name
WHERE NOT EXISTS (SELECT FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
    WHERE relname = name AND tgname = 'only_sealed_anew' AND tgenabled IN ('O', 'A')) ORDER BY 1
"""
_VIEWS = """
WITH RECURSIVE seen AS (
    SELECT oid, relname, relkind, reloptions FROM pg_class WHERE relname = ANY(:names) AND relkind IN ('r', 'p')
    UNION
    SELECT v.oid, v.relname, v.relkind, v.reloptions
    FROM seen JOIN pg_depend d ON d.refobjid = seen.oid AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_rewrite r ON r.oid = d.objid JOIN pg_class v ON v.oid = r.ev_class
)
SELECT relname FROM seen
WHERE relkind IN ('v', 'm') AND has_table_privilege(oid, 'SELECT')
AND NOT coalesce(reloptions && ARRAY['security_invoker=true', 'security_invoker=on'], false) ORDER BY 1
"""


def check_role(connection: Connection) -> None:
    """Nothing happens if row-level security binds the present role in every way. **Raises:** Misconfigured."""
    if connection.dialect.name != "postgresql":
        return
    tables = [table.name for table in Base.metadata.sorted_tables]
    tenant_tables = [table.name for table in Base.metadata.sorted_tables if "global" not in table.info]
    role = connection.execute(text("SELECT current_user")).scalar_one()
    may_create = "SELECT nspname FROM pg_namespace WHERE nspname = 'public' AND has_schema_privilege(oid, 'CREATE')"
    unforced = set(tenant_tables) - set(_names(connection, _FORCED, names=tenant_tables))
    excess = _names(connection, _RIGHTS, names=tables, rights=["TRUNCATE", "REFERENCES", "TRIGGER"])
    excess += _names(connection, _RIGHTS, names=list(APPEND_ONLY), rights=["UPDATE", "DELETE"])
    allowed = [f"{table}.{column}" for table, column in RESEALED.items()]
    excess += _names(connection, _COLUMN_RIGHTS, names=list(APPEND_ONLY), allowed=allowed)
    for found, problem in (
        (_names(connection, _BYPASSING), _BYPASSES),
        (_names(connection, _OWNED, names=tables), _OWNS),
        (sorted(unforced), _NOT_FORCED),
        (_other_policies(connection, tenant_tables), _POLICY),
        (excess, _EXCESS),
        (_names(connection, _UNGUARDED, names=list(RESEALED)), _NO_TRIGGER),
        (_names(connection, _VIEWS, names=tenant_tables), _VIEW),
        (_names(connection, may_create), _CREATES),
    ):
        if found:
            raise Misconfigured(problem.format(role=role, found=", ".join(found[:3])))


def _names(connection: Connection, query: str, **parameters: list[str]) -> list[str]:
    return list(connection.execute(text(query), parameters).scalars())


def _other_policies(connection: Connection, tables: list[str]) -> list[str]:
    """The tables that have not exactly the one policy that the migrations made."""
    rows = connection.execute(text(_POLICIES), {"names": tables}).all()
    expected = ("PERMISSIVE", "ALL", "{public}", _plain(OWN_ROWS), _plain(OWN_ROWS))
    good = [
        row.tablename
        for row in rows
        if (row.permissive, row.cmd, row.roles, _plain(row.qual), _plain(row.with_check)) == expected
    ]
    every = [row.tablename for row in rows]
    return [name for name in tables if good.count(name) != 1 or every.count(name) != 1]


def _plain(expression: str | None) -> str:
    """An expression without what PostgreSQL adds when it prints one: parentheses, blanks, casts to text."""
    return re.sub(r"::text|[()\s]", "", expression or "")
