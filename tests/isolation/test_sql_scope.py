"""The reader of statements: which conditions hold a table to a tenant, and which only look as if."""

import pytest

from console.core.sql_scope import NotHeld, read_scope

TABLES = frozenset({"users", "notes"})
HELD = {
    "SELECT users.id FROM users WHERE users.tenant_id = %(t)s::UUID": {"t"},
    "SELECT 1 FROM users WHERE %(t)s = users.tenant_id AND (users.a = 1 OR users.b = 2)": {"t"},
    "SELECT 1 FROM users AS u JOIN notes AS n ON n.tenant_id = u.tenant_id WHERE u.tenant_id = %(t)s": {"t"},
    "SELECT 1 FROM users u LEFT OUTER JOIN notes n ON n.tenant_id = %(t)s WHERE u.tenant_id = %(s)s": {"t", "s"},
    "SELECT 1 FROM users LEFT OUTER JOIN (notes AS n JOIN notes AS m ON m.tenant_id = n.tenant_id)"
    " ON n.tenant_id = users.tenant_id WHERE users.tenant_id = %(t)s": {"t"},
    "SELECT 1 FROM users WHERE users.at > %(x)s::TIMESTAMP WITH TIME ZONE AND users.tenant_id = %(t)s": {"t"},
    "SELECT 1 FROM users WHERE users.a IS DISTINCT FROM users.b AND users.tenant_id = %(t)s": {"t"},
    "SELECT 1 FROM users WHERE users.tenant_id = %(t)s FOR UPDATE OF users SKIP LOCKED": {"t"},
    "SELECT 1 FROM users WHERE EXISTS (SELECT 1 FROM notes WHERE notes.tenant_id = users.tenant_id)"
    " AND users.tenant_id = %(t)s": {"t"},
    "WITH a AS (SELECT 1 FROM users WHERE users.tenant_id = %(t)s) SELECT * FROM a UNION ALL SELECT 2": {"t"},
    "INSERT INTO users (id, tenant_id) VALUES (%(i)s, %(t)s::UUID) ON CONFLICT (id) DO UPDATE SET id = excluded.id": {
        "t"
    },
    "INSERT INTO users (tenant_id) VALUES (%(a)s), (%(b)s) RETURNING users.id": {"a", "b"},
    "UPDATE users SET name=%(n)s WHERE users.tenant_id = %(t)s": {"t"},
    "UPDATE users SET tenant_id=%(n)s WHERE users.tenant_id = %(t)s": {"t", "n"},
    "DELETE FROM users WHERE users.tenant_id = %(t)s AND users.id = %(i)s RETURNING users.id": {"t"},
    "DELETE FROM users USING notes WHERE users.tenant_id = %(t)s AND users.tenant_id = notes.tenant_id": {"t"},
    "SELECT lookups.id FROM lookups WHERE lookups.tenant_id = %(t)s": set(),
    "SELECT 'FROM users' AS x": set(),
}
NOT_HELD = [
    "SELECT users.id FROM users",
    "SELECT users.id FROM public.users",
    'SELECT x FROM "users"',
    "select x from users",
    "SELECT users.id FROM users WHERE users.tenant_id = %(t)s OR users.id = %(i)s",
    "SELECT users.id FROM users WHERE NOT users.tenant_id = %(t)s",
    "SELECT users.id FROM users WHERE (users.tenant_id = %(t)s) IS NULL",
    "SELECT users.id FROM users WHERE users.tenant_id != %(t)s",
    "SELECT users.id FROM users WHERE users.tenant_id = users.tenant_id",
    "SELECT users.id FROM users WHERE users.tenant_id = lookups.tenant_id",
    "SELECT users.id FROM users WHERE users.tenant_id IN (%(t)s)",
    "SELECT users.id, 'users.tenant_id = %(t)s' FROM users",
    "SELECT 1 FROM users LEFT OUTER JOIN notes ON notes.tenant_id = %(t)s AND users.tenant_id = %(t)s",
    "SELECT 1 FROM users FULL OUTER JOIN notes ON notes.tenant_id = %(t)s WHERE users.tenant_id = %(t)s",
    "SELECT 1 FROM users, notes WHERE users.tenant_id = %(t)s",
    "SELECT 1 FROM users JOIN notes ON notes.owner = users.id WHERE users.tenant_id = %(t)s",
    "SELECT 1 FROM users AS u WHERE users.tenant_id = %(t)s",
    "SELECT 1 FROM users WHERE users.tenant_id = %(t)s UNION SELECT 1 FROM notes",
    "SELECT (SELECT 1 FROM notes WHERE notes.a = 1) FROM users WHERE users.tenant_id = %(t)s",
    "SELECT 1 FROM (SELECT users.a FROM users) AS users WHERE users.tenant_id = %(t)s",
    "SELECT 1 FROM (users)",
    "UPDATE users SET tenant_id=%(t)s WHERE users.id = %(i)s",
    "UPDATE users SET tenant_id=notes.tenant_id WHERE users.tenant_id = %(t)s",
    "DELETE FROM users",
    "DELETE FROM users USING notes WHERE users.tenant_id = %(t)s",
    "INSERT INTO users (id) VALUES (%(i)s)",
    "INSERT INTO users DEFAULT VALUES",
    "INSERT INTO users (tenant_id) SELECT notes.tenant_id FROM notes WHERE notes.tenant_id = %(t)s",
    "INSERT INTO users (tenant_id, id) VALUES (gen_random_uuid(), %(t)s)",
]


@pytest.mark.parametrize("sql", HELD)
def test_a_condition_that_must_be_true_holds(sql):
    assert read_scope(sql, None, TABLES).parameters == HELD[sql]


@pytest.mark.parametrize("sql", NOT_HELD)
def test_a_condition_that_only_looks_like_one_does_not(sql):
    with pytest.raises(NotHeld):
        read_scope(sql, None, TABLES)


def test_positional_parameters_are_named_in_their_order():
    sql = "SELECT 1 FROM users WHERE users.a IN (__[POSTCOMPILE_a_1]) AND users.tenant_id = ? AND users.b = '?'"
    assert read_scope(sql, ["a_1", "t"], TABLES).parameters == {"t"}
