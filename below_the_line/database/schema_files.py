"""The files below sql/ that make the database.

=================  ========================================================  =====================
sql/tables/        tables with their indexes, comments and rights            once, in this order
sql/migrations/    changes to tables since release 0.1.0                     once, after the tables
sql/routines/      one function or view per file, ``create or replace``      whenever it changes
definitions.yaml   comments on metric tables and views (sql/metrics/*/)      whenever it changes
=================  ========================================================  =====================
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import yaml
from psycopg import sql

from below_the_line import resources

_NUMBERED = {"tables": re.compile(r"\d{2}_[a-z_]+"), "migrations": re.compile(r"\d{4}_[a-z0-9_]+")}
_LINE_COMMENT = re.compile(rb"--[^\n]*")
_QUALIFIED_NAME = re.compile(rb"\b([a-z_]+\.[a-z_0-9]+)\b")
_NOT_REPEATABLE = re.compile(
    rb"\bcreate\s+(unique\s+)?index\s+concurrently\b(?!\s+if\s+not\s+exists\b)", re.IGNORECASE
)
_NO_TRANSACTION = re.compile(rb"^-- Transaction: none$", re.MULTILINE)
_AS_MIGRATING_ROLE = re.compile(rb"^-- Runs as: the role that migrates$", re.MULTILINE)


@dataclass(frozen=True)
class SchemaFile:
    """One file that makes a part of the database."""

    name: str
    """Its path below sql/, for example ``routines/discussion/timeline.sql``."""
    content: bytes

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the content, in hex."""
        return hashlib.sha256(self.content).hexdigest()

    @cached_property
    def in_transaction(self) -> bool:
        """False for a migration with the header line ``-- Transaction: none``."""
        return _NO_TRANSACTION.search(self.content) is None

    @cached_property
    def as_migrating_role(self) -> bool:
        """True for a migration with the header line ``-- Runs as: the role that migrates``."""
        return _AS_MIGRATING_ROLE.search(self.content) is not None


@dataclass(frozen=True)
class Repeatable(SchemaFile):
    """A file that is applied again whenever it changes, and whose statements allow that."""

    object: str
    """The function, view or table that it is about, for example ``discussion.timeline``."""
    requires: frozenset[str]
    """The tables, functions and views that it names: they must exist before it."""

    @property
    def statements(self) -> bytes:
        """The SQL to run."""
        if self.name.endswith(".yaml"):
            return _comments(yaml.safe_load(self.content))
        return self.content


@dataclass(frozen=True)
class Schema:
    """All files, each list in the order in which it is applied."""

    once: tuple[SchemaFile, ...]
    """Tables, then migrations."""
    repeatables: tuple[Repeatable, ...]
    """Functions and views, each after those that it uses; then comments."""

    @cached_property
    def files(self) -> dict[str, SchemaFile]:
        """All files by name."""
        return {file.name: file for file in (*self.once, *self.repeatables)}

    def dependents(self, changed: Repeatable) -> list[Repeatable]:
        """Return the files that use, directly or not, what ``changed`` makes, in order."""
        found = []
        objects = {changed.object}
        for file in self.repeatables:
            if file.requires & objects:
                found.append(file)
                objects.add(file.object)
        return found


def read(folder: Path = resources.SQL) -> Schema:
    """Return the schema that the files below ``folder`` make. Raises ValueError for files that
    break the rules of their folder.
    """
    tables, migrations = (list(_numbered(folder, part)) for part in _NUMBERED)
    numbers = [int(Path(file.name).name[:4]) for file in migrations]
    if numbers != list(range(1, len(numbers) + 1)):
        raise ValueError("migrations are not numbered from 1 without a gap")
    for file in migrations:
        if _NOT_REPEATABLE.search(_LINE_COMMENT.sub(b"", file.content)):
            raise ValueError(f"{file.name}: write `concurrently if not exists`: it may run twice")
    return Schema((*tables, *migrations), (*_routines(folder), *_definitions(folder)))


def object_of(name: str) -> str:
    """Return the function or view that a file of sql/routines makes, given the file's name."""
    return name.removeprefix("routines/").removesuffix(".sql").replace("/", ".")


def _numbered(folder: Path, part: str) -> Iterator[SchemaFile]:
    for path in sorted((folder / part).glob("*.sql")):
        if not _NUMBERED[part].fullmatch(path.stem):
            raise ValueError(f"{path.name}: the files of sql/{part} are named number_words.sql")
        yield SchemaFile(f"{part}/{path.name}", path.read_bytes())


def _routines(folder: Path) -> list[Repeatable]:
    found = {}
    for path in sorted((folder / "routines").glob("*/*.sql")):
        name = path.relative_to(folder).as_posix()
        content = path.read_bytes()
        mentioned = _QUALIFIED_NAME.findall(_LINE_COMMENT.sub(b"", content))
        requires = frozenset(map(bytes.decode, mentioned)) - {object_of(name)}
        found[object_of(name)] = Repeatable(name, content, object_of(name), requires)
    try:
        order = list(
            TopologicalSorter(
                {name: sorted(file.requires & set(found)) for name, file in found.items()}
            ).static_order()
        )
    except CycleError as error:
        raise ValueError(f"routines use each other: {' → '.join(error.args[1])}") from None
    return [found[name] for name in order]


def _definitions(folder: Path) -> Iterator[Repeatable]:
    for path in sorted((folder / "metrics").glob("*/definitions.yaml")):
        content = path.read_bytes()
        schema = re.search(rb"^schema: (\w+)$", content, re.MULTILINE)
        relation = f"{schema[1].decode() if schema else 'metrics'}.{path.parent.name}"
        name = path.relative_to(folder).as_posix()
        yield Repeatable(name, content, relation, frozenset({relation}))


def _comments(document: Mapping[str, Any]) -> bytes:
    """Return the COMMENT ON statements for one file of definitions."""
    schema = document.get("schema", "metrics")
    kind, name = ("table", document["table"]) if "table" in document else ("view", document["view"])
    parts = [
        sql.SQL("comment on {} {} is {}").format(
            sql.SQL(kind), sql.Identifier(schema, name), document["summary"]
        )
    ]
    parts += (
        sql.SQL("comment on column {} is {}").format(
            sql.Identifier(schema, relation, column), definition["definition"]
        )
        for relation in (name, *document.get("also", ()))
        for column, definition in document["columns"].items()
    )
    return sql.SQL(";\n").join(parts).as_bytes(None)
