"""Reads a statement as it will be sent, and finds what holds each tenant's table in it to one tenant.

The ORM adds the tenant to what it understands; this looks at the result. A table is held when a condition that must
be true (not one side of an OR, not the ON of an outer join for the left side) compares its `tenant_id` with a
parameter, or with the `tenant_id` of a table that is held. The parameters found are compared with the transaction's
tenant at each execution, in `core/isolation.py`. It reads what SQLAlchemy writes, which is a small part of SQL;
whatever it does not understand counts as not held.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

TENANT_COLUMN = "tenant_id"
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>'(?:[^']|'')*')
    | (?P<parameter>%\([^)]*\)s|\?|__\[POSTCOMPILE_[^\]]*\])
    | (?P<cast>::(?:TIMESTAMP|TIME)\ WITH(?:OUT)?\ TIME\ ZONE|::\w+(?:\(\d+\))?(?:\[\])?)
    | (?P<name>(?:"(?:[^"]|"")*"|\w+)(?:\.(?:"(?:[^"]|"")*"|\w+|\*))*)
    | (?P<mark>[(),]|[^\s\w(),'"?%]+|%%?)
    )""",
    re.VERBOSE,
)
_CLAUSES = frozenset(
    {"SELECT", "FROM", "INTO", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "FOR", "RETURNING", "SET"}
    | {"VALUES", "USING", "UNION", "INTERSECT", "EXCEPT", "INSERT", "UPDATE", "DELETE", "WITH", "WINDOW"}
)
_NOT_CLAUSES = frozenset({("UPDATE", "FOR"), ("VALUES", "INTO"), ("WITH", "FOR")})
"""Keywords that start nothing within a clause: FOR UPDATE, INSERT INTO … VALUES."""
_JOINS = frozenset({"JOIN", "LEFT", "RIGHT", "FULL", "INNER", "CROSS", "OUTER", "NATURAL", "LATERAL"})


class NotHeld(ValueError):
    """Raised with the name of a tenant's table that nothing in the statement holds to one tenant."""


@dataclass(frozen=True)
class Scope:
    """What a statement touches: tenants' tables, and the parameters that must be this tenant's id."""

    tables: frozenset[str]
    parameters: frozenset[str]


@dataclass
class _Token:
    kind: str
    text: str
    parameter: str = ""
    inner: "list[_Token]" = field(default_factory=list)

    @property
    def word(self) -> str:
        return self.text.upper() if self.kind == "name" else self.text


@dataclass
class _Part:
    """One SELECT, UPDATE, DELETE or INSERT without those inside it."""

    tables: dict[str, str] = field(default_factory=dict)
    """Alias → tenants' table."""
    held_by: dict[str, set[str]] = field(default_factory=dict)
    """Alias → what its tenant_id is compared with: parameters as `:name`, else an alias."""
    written: str = ""
    """The tenants' table that an INSERT or UPDATE writes."""


def read_scope(sql: str, parameters: list[str] | None, tenant_tables: frozenset[str]) -> Scope:
    """The scope of `sql`. `parameters` names the positional ones, in order. **Raises:** NotHeld."""
    reader = _Reader(tenant_tables)
    reader.read(_nested(_tokens(sql, parameters)), frozenset())
    return Scope(frozenset(reader.tables), frozenset(reader.parameters))


def _tokens(sql: str, positional: list[str] | None) -> Iterator[_Token]:
    names = iter(positional or [])
    position, end = 0, len(sql.rstrip())
    while position < end:
        found = _TOKEN.match(sql, position)
        if found is None:
            raise NotHeld(f"SQL that cannot be read: {sql[position : position + 40]!r}")
        position = found.end()
        kind = found.lastgroup or ""
        text = found[kind]
        if kind == "parameter":
            name = text[2:-2] if text.startswith("%(") else next(names, "")
            yield _Token(kind, text, name)
        elif kind == "name":
            yield _Token(kind, text.replace('"', ""))
        elif kind != "cast":
            yield _Token(kind, text)


def _nested(tokens: Iterator[_Token]) -> list[_Token]:
    """The tokens up to the closing parenthesis, those inside parentheses below one token."""
    found: list[_Token] = []
    for token in tokens:
        if token.text == ")" and token.kind == "mark":
            return found
        if token.text == "(" and token.kind == "mark":
            token = _Token("group", "()", inner=_nested(tokens))  # noqa: PLW2901
        found.append(token)
    return found


class _Reader:
    def __init__(self, tenant_tables: frozenset[str]) -> None:
        self.tenant_tables = tenant_tables
        self.tables: set[str] = set()
        self.parameters: set[str] = set()

    def read(self, tokens: list[_Token], outer: frozenset[str]) -> None:
        """Check one level: perhaps several SELECTs of a UNION; `outer` are aliases held further out."""
        for member in _split(tokens, ("UNION", "INTERSECT", "EXCEPT")):
            part = _Part()
            for clause, content in _clauses(member):
                self._read_clause(part, clause, content)
            held = self._resolve(part, outer)
            for group in _groups(member):
                self.read(group.inner, held)

    def _read_clause(self, part: _Part, clause: str, content: list[_Token]) -> None:
        if clause in ("FROM", "USING"):
            self._read_from(part, content)
        elif clause == "UPDATE" and content:
            self._read_from(part, content)
            part.written = next(iter(part.tables.values()), "")
        elif clause == "WHERE":
            for left, right in _equalities(content):
                self._note(part, left, right)
        elif clause == "INTO":
            self._read_insert(part, content)
        elif clause == "SET":
            self._read_set(part, content)

    def _read_from(self, part: _Part, content: list[_Token]) -> set[str]:
        """Tables, joins and their conditions; answers the aliases. A LEFT JOIN's ON holds only what it joins."""
        join, fresh, every, index = "", set[str](), set[str](), 0
        while index < len(content):
            token = content[index]
            index += 1
            if token.word == "ON":
                stop = next((i for i in range(index, len(content)) if _ends_on(content[i])), len(content))
                for left, right in _equalities(content[index:stop]):
                    self._note(part, left, right, only=None if join == "" else fresh if join == "LEFT" else set())
                index, join = stop, ""
            elif token.word in _JOINS or token.text == ",":
                join = token.word if token.word in ("LEFT", "RIGHT", "FULL") else "" if token.text == "," else join
                fresh = set()
            elif token.kind == "group":
                if token.inner and token.inner[0].word not in ("SELECT", "WITH", "VALUES"):
                    fresh |= self._read_from(part, token.inner)
            elif token.kind == "name" and token.word != "AS":
                alias, index = _alias_after(token, content, index)
                fresh.add(alias)
                self._add_table(part, token.text, alias)
            every |= fresh
        return every

    def _add_table(self, part: _Part, name: str, alias: str) -> None:
        table = name.rpartition(".")[2]
        if table.lower() in self.tenant_tables:
            self.tables.add(table.lower())
            part.tables[alias] = table

    def _read_insert(self, part: _Part, content: list[_Token]) -> None:
        """Each row's tenant_id must be a parameter."""
        name = content[0].text.rpartition(".")[2].lower()
        if name not in self.tenant_tables:
            return
        self.tables.add(name)
        part.written = name
        groups = [token.inner for token in content if token.kind == "group"]
        columns = [token.text for token in groups[0] if token.kind == "name"] if groups else []
        values = [token.word for token in content]
        rows = groups[1:] if "VALUES" in values else []
        if TENANT_COLUMN not in columns or not rows:
            raise NotHeld(name)
        for row in rows:
            value = list(_split(row, (",",)))[columns.index(TENANT_COLUMN)]
            if len(value) != 1 or value[0].kind != "parameter":
                raise NotHeld(name)
            self.parameters.add(value[0].parameter)

    def _read_set(self, part: _Part, content: list[_Token]) -> None:
        """A row may be given its own tenant again, and no other."""
        for assignment in _split(content, (",",)):
            if part.written and assignment and assignment[0].text.rpartition(".")[2] == TENANT_COLUMN:
                if len(assignment) != 3 or assignment[2].kind != "parameter":
                    raise NotHeld(part.written)
                self.parameters.add(assignment[2].parameter)

    @staticmethod
    def _note(part: _Part, left: _Token, right: _Token, only: set[str] | None = None) -> None:
        """`left` = `right` must be true (where `only` is given, for those aliases); remember what it says of tenants."""
        for one, other in ((left, right), (right, left)):
            alias, _dot, column = one.text.rpartition(".")
            if one.kind != "name" or column != TENANT_COLUMN or (only is not None and alias not in only):
                continue
            if other.kind == "parameter":
                part.held_by.setdefault(alias, set()).add(":" + other.parameter)
            elif other.kind == "name" and other.text.endswith(f".{TENANT_COLUMN}"):
                part.held_by.setdefault(alias, set()).add(_alias(other))

    def _resolve(self, part: _Part, outer: frozenset[str]) -> frozenset[str]:
        """The aliases that are held, here or further out. **Raises:** NotHeld if one of this part is not."""
        held = set(outer) - set(part.tables)
        pending = dict(part.tables)
        while pending:
            found = {
                alias
                for alias in pending
                if any(by.startswith(":") or by in held for by in part.held_by.get(alias, ()))
            }
            if not found:
                raise NotHeld(next(iter(pending.values())))
            held |= found
            for alias in found:
                del pending[alias]
        for alias, compared in part.held_by.items():
            if alias in held:
                self.parameters.update(by[1:] for by in compared if by.startswith(":"))
        return frozenset(held)


def _clauses(tokens: list[_Token]) -> Iterator[tuple[str, list[_Token]]]:
    """Each clause's keyword and what stands in it. INSERT INTO keeps its VALUES."""
    clause, content = "", list[_Token]()
    for token in tokens:
        word = token.word if token.kind == "name" else ""
        if (word, clause) in _NOT_CLAUSES or (word == "FROM" and content and content[-1].word == "DISTINCT"):
            word = ""
        if word in _CLAUSES or (word == "ON" and clause == "INTO"):
            yield clause, content
            clause, content = word, []
        else:
            content.append(token)
    yield clause, content


def _split(tokens: list[_Token], words: tuple[str, ...]) -> Iterator[list[_Token]]:
    part: list[_Token] = []
    for token in tokens:
        if token.word in words and token.kind != "text":
            yield part
            part = []
        else:
            part.append(token)
    yield part


def _equalities(condition: list[_Token]) -> Iterator[tuple[_Token, _Token]]:
    """The `a = b` that must be true for the whole condition to be true."""
    if any(token.word == "OR" for token in condition):
        return
    for conjunct in _split(condition, ("AND",)):
        if len(conjunct) == 1 and conjunct[0].kind == "group":
            yield from _equalities(conjunct[0].inner)
        elif len(conjunct) == 3 and conjunct[1].text == "=":
            yield conjunct[0], conjunct[2]


def _groups(tokens: list[_Token]) -> Iterator[_Token]:
    return (token for token in tokens if token.kind == "group")


def _alias(token: _Token) -> str:
    return token.text.rpartition(".")[0]


def _alias_after(name: _Token, content: list[_Token], index: int) -> tuple[str, int]:
    if index + 1 < len(content) and content[index].word == "AS":
        return content[index + 1].text, index + 2
    follows = content[index] if index < len(content) else None
    if follows is not None and follows.kind == "name" and follows.word not in _JOINS | {"ON", "AS"}:
        return follows.text, index + 1
    return name.text.rpartition(".")[2], index


def _ends_on(token: _Token) -> bool:
    return token.kind != "group" and (token.word in _JOINS or token.text == ",")
