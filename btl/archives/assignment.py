"""Which file is of which table of a mapping: by its name, or by its columns."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePath
from typing import Any

from below_the_line.contracts.spelling import nearest
from below_the_line.errors import BelowTheLineError
from btl.archives.mapping import AnyTable
from btl.archives.mapping import Mapping as TablesMapping
from btl.archives.sources import ExportFile, files_of
from btl.archives.tables import Table, open_table
from btl.archives.templates import columns_of

_ESSENTIAL = ("article_id", "comment_id", "url", "body", "posted_at")


@dataclass(frozen=True)
class Assigned:
    """Which files are of which table."""

    tables: Mapping[str, Sequence[ExportFile]]
    joins: Mapping[tuple[str, str], Sequence[ExportFile]] = field(default_factory=dict)
    """By the table and the name of its join."""


def assign(
    files: Sequence[ExportFile],
    mapping: TablesMapping,
    folder: Path,
    tables: Sequence[str] = (),
) -> Assigned:
    """Return the files of each table.

    ``tables`` are those of ``files``, in their order, if a person said so. Else a file that a table
    or a join names in the mapping is of it, and any other is of the table whose columns it has.
    Without ``files`` those that the mapping names are beside it, in ``folder``; with them, only
    what a table joins is looked for there, and a table that none of them is of stays without.
    Raises BelowTheLineError for a file of no table or of several, and if no table has a file.
    """
    declared = _declared(mapping)
    found: dict[tuple[str, ...], list[ExportFile]] = {key: [] for key in declared}
    others = []
    is_stated = len(files) == len(tables)
    for table, file in zip(tables, files, strict=True) if is_stated else ():
        found[(table,)].append(file)
    for file in () if is_stated else files:
        owners = [key for key, patterns in declared.items() if _is_named(file, patterns)]
        for owner in owners:
            found[owner].append(file)
        if not owners:
            others.append(file)
    undeclared = {name: table for name, table in mapping.tables().items() if not declared[(name,)]}
    for file in others:
        found[(_table_of(file, undeclared, mapping),)].append(file)
    for key, patterns in declared.items():
        is_wanted = bool(found[key[:1]]) if len(key) > 1 else not files
        if is_wanted and patterns and not found[key]:
            found[key] = _beside(folder, patterns, ".".join(key))
    if not any(found[(name,)] for name in mapping.tables()):
        raise BelowTheLineError(
            "No file is of a table of the mapping.",
            'Name one, or say in the mapping which it is: [comments] files = ["comments.csv"].',
        )
    return Assigned(
        {name: found[(name,)] for name in mapping.tables()},
        {(key[0], key[2]): each for key, each in found.items() if len(key) > 1},
    )


def files_beside(mapping: TablesMapping, folder: Path) -> list[ExportFile]:
    """Return all files that a mapping names, relative to its folder. Raises BelowTheLineError."""
    found: dict[ExportFile, None] = {}
    for key, patterns in _declared(mapping).items():
        found.update(dict.fromkeys(_beside(folder, patterns, ".".join(key))))
    return list(found)


def _declared(mapping: TablesMapping) -> dict[tuple[str, ...], Sequence[str]]:
    """Return what files the mapping names, by the key that names them."""
    declared: dict[tuple[str, ...], Sequence[str]] = {}
    for name, table in mapping.tables().items():
        declared[(name,)] = table.files
        for join, details in table.joins.items():
            declared[(name, "joins", join)] = details.files
    return declared


def _is_named(file: ExportFile, patterns: Sequence[str]) -> bool:
    name = PurePath(file.member or file.path.name).name
    return any(fnmatch(name, PurePath(pattern).name) for pattern in patterns)


def _beside(folder: Path, patterns: Sequence[str], where: str) -> list[ExportFile]:
    paths: dict[Path, None] = {}
    for pattern in patterns:
        whole = folder / pattern
        matches = sorted(whole.parent.glob(whole.name))
        if not matches:
            place = "the mapping's folder" if whole.parent == Path() else whole.parent
            raise BelowTheLineError(
                f"The mapping's {where}.files names {pattern!r}, but {place} has no such file.",
                "The names are relative to the mapping. Name the file there, or on the command"
                " line.",
            )
        paths.update(dict.fromkeys(matches))
    return files_of(paths)


def _table_of(file: ExportFile, tables: Mapping[str, AnyTable], mapping: TablesMapping) -> str:
    if not tables:
        raise BelowTheLineError(
            f"{file.name} is not a file that the mapping names.",
            "Leave it out, or add it to the files of a table.",
        )
    lacking: dict[str, list[str]] = {}
    used: dict[str, set[str]] = {}
    names: Sequence[str] = ()
    has_header = True
    faults: list[BelowTheLineError] = []
    for name, declared in tables.items():
        try:
            with open_table(file, mapping.layout(name)) as table:
                has_header = table.columns.names is not None
                names = table.columns.names or table.sample
                lacking[name] = _lacking(name, declared, table)
        except BelowTheLineError as error:
            # Another table may have the file's encoding.
            faults.append(error)
        used[name] = set(columns_used(name, declared))
    fitting = [name for name in lacking if not lacking[name]]
    if faults and not fitting:
        raise faults[0]
    if has_header:
        # One that needs all columns of the others, and more, is meant.
        best = [name for name in fitting if all(used[name] >= used[other] for other in fitting)]
    else:
        most = max((len(used[name] & set(names)) for name in fitting), default=0)
        best = [name for name in fitting if len(used[name] & set(names)) == most]
    if len(best) == 1:
        return best[0]
    if fitting:
        raise BelowTheLineError(
            f"{file.name} has the columns of more than one table of the mapping:"
            f" {' and '.join(f'[{name}]' for name in fitting)}.",
            f'Say in the mapping which it is: [{fitting[0]}] files = ["{file.path.name}"].',
        )
    nearest_table = max(lacking, key=lambda name: len(used[name] & set(names)))
    missing = lacking[nearest_table]
    near = [f"{found!r} for {column!r}" for column in missing if (found := nearest(column, names))]
    raise BelowTheLineError(
        f"{file.name} has the columns of no table of the mapping; for [{nearest_table}] it lacks"
        f" {', '.join(missing)}.",
        (f"Do you mean {', '.join(near)}? " if near else "")
        + f"Its columns are: {', '.join(names)}.",
    )


def _lacking(name: str, declared: AnyTable, table: Table) -> list[str]:
    """Return the columns that a file would have to have for a table, and has not."""
    if table.columns.names is not None:
        used = columns_used(name, declared)
        return [column for column in used if column not in table.columns.names]
    # Lines of JSON leave out members that are null: only what every row needs has to be there.
    lacking: list[str] = []
    for field_name in _ESSENTIAL:
        text = getattr(declared.fields, field_name, None)
        if text is None:
            continue
        alternatives = [
            _own(declared, template, where)
            for where, template in _templates(text, f"{name}.fields.{field_name}")
        ]
        if not any(set(each) <= set(table.sample) for each in alternatives):
            lacking += [column for column in alternatives[0] if column not in table.sample]
    return lacking


def columns_used(name: str, declared: AnyTable) -> list[str]:
    """Return the columns of its own rows that a table's fields use.

    Raises BelowTheLineError for what is not a template.
    """
    found: dict[str, None] = {}
    for where, template in _templates(declared.fields.model_dump(), f"{name}.fields"):
        found.update(dict.fromkeys(_own(declared, template, where)))
    for join, details in declared.joins.items():
        where = f"{name}.joins.{join}.equals"
        found.update(dict.fromkeys(_own(declared, details.equals, where)))
    return list(found)


def _own(declared: AnyTable, template: str, where: str) -> list[str]:
    return [
        column
        for column in columns_of(template, where)
        if column.partition(".")[0] not in declared.joins
    ]


def _templates(value: Any, where: str) -> Iterator[tuple[str, str]]:
    """Yield the templates of a mapping's fields, each after the key where it stands."""
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, dict):
        # Of a cell that is taken apart only that cell: what separates its parts is not a template.
        parts = {key: value[key] for key in ("split", "path") if "by" in value and key in value}
        parts = parts or value
        for key, part in parts.items():
            yield from _templates(part, f"{where}.{key}")
    elif isinstance(value, list):
        for part in value:
            yield from _templates(part, where)
