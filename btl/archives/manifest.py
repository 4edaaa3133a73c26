"""The manifest of an archive: what it is, and which files it has."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from below_the_line import __version__
from below_the_line.contracts.times import instant
from below_the_line.database import schema_files
from below_the_line.errors import BelowTheLineError
from btl.archives.layout import ARCHIVED, Form
from btl.archives.sources import ExportFile

FORMAT: Final = "below-the-line"
"""The name of the format, in the manifest and for ``--format``."""
VERSION: Final = 1
"""Raised with every change of the layout after which an older version could not be read."""
MANIFEST: Final = "manifest.json"
_MAX_MANIFEST_BYTES = 65_536
_PARQUET_MAGIC = b"PAR1"
_MAX_FOOTER_BYTES = 65_536
"""Where the names of a Parquet file's columns are looked for, at its end."""
# What is shown to people is made of harmless characters.
Software = Annotated[str, Meta(pattern=r"^[0-9A-Za-z.+!-]{1,50}\Z")]
Migration = Annotated[str, Meta(pattern=r"^[0-9]{1,9}_[a-z0-9_]{1,100}\Z")]
Zone = Annotated[str, Meta(pattern=r"^[0-9A-Za-z_+/-]{1,100}\Z")]


class ListedFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of an archive, as its manifest lists it."""

    name: str
    table: str
    rows: int
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What an archive is, and which files it has."""

    format: str
    version: int
    software: Software
    """Version of the software that wrote it."""
    schema: Migration
    """Last migration of the database that it was written from."""
    site: str | None
    """The site whose articles it has; null: all."""
    as_of: str
    """When its snapshot was taken, by the clock of the database."""
    site_timezone: Zone
    """Time zone of the installation: figures of days and sites depend on it."""
    form: Form
    files: tuple[ListedFile, ...]

    def file_of(self, table: str) -> ListedFile | None:
        """Return the file of a table; None: the table came after the archive."""
        return next((each for each in self.files if each.table == table), None)

    def rows_of(self, table: str) -> int:
        """Return how many rows it has of a table."""
        file = self.file_of(table)
        return 0 if file is None else file.rows


def latest_migration() -> str:
    """Return the last migration that this software knows, such as ``0016_rules_are_archived``."""
    return Path(schema_files.read().once[-1].name).stem


def find_manifest(files: Sequence[ExportFile]) -> ExportFile | None:
    """Return the manifest among the files of an export; None: it is an export of something else."""
    return next((file for file in files if is_manifest(file)), None)


def is_manifest(file: ExportFile) -> bool:
    """Return whether a file is the manifest of an archive. Raises BelowTheLineError."""
    return base_name(file) == MANIFEST and f'"{FORMAT}"'.encode() in file.head


def require_manifest(files: Sequence[ExportFile]) -> ExportFile:
    """Return the manifest among the files of an archive. Raises BelowTheLineError."""
    manifest = find_manifest(files)
    if manifest is None:
        raise BelowTheLineError(
            "There is no manifest.json of an archive.",
            "Name the folder that `btl archive export` wrote, or a zip of it. A folder without a"
            " manifest is of an export that did not end: export again.",
        )
    return manifest


def is_archived_table(file: ExportFile) -> bool:
    """Return whether a file has the columns of a table of an archive. Raises BelowTheLineError."""
    if file.head.startswith(_PARQUET_MAGIC):
        with file.on_disk() as path, path.open("rb") as content:
            content.seek(max(0, content.seek(0, os.SEEK_END) - _MAX_FOOTER_BYTES))
            footer = content.read()
        return any(all(name.encode() in footer for name, _ in table.columns) for table in ARCHIVED)
    line, end, _ = file.head.partition(b"\n")
    try:
        columns = set(msgspec.json.decode(line, type=dict[str, Any])) if end else set()
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False
    return any(columns == {name for name, _ in table.columns} for table in ARCHIVED)


def base_name(file: ExportFile) -> str:
    """Return the name of a file without that of its folder, also in a zip file."""
    return (file.member or file.path.name).rpartition("/")[2]


def read_manifest(file: ExportFile) -> Manifest:
    """Return the content of a manifest.

    Raises BelowTheLineError: it cannot be read, is of a later version, or does not list one file
    for each table. Only of a table that came after it may an older archive have none.
    """
    with file.open() as content:
        text = content.read(_MAX_MANIFEST_BYTES)
    try:
        # First only this: a later version may have changed all else.
        kind = msgspec.json.decode(text, type=_Kind)
    except msgspec.MsgspecError as error:
        raise _unusable(file, str(error)) from None
    if kind.format != FORMAT:
        raise _unusable(file, f"its format is {kind.format!r}, not {FORMAT!r}")
    if kind.version > VERSION:
        raise BelowTheLineError(
            f"{file.name} is of version {kind.version} of the format; this software reads up to"
            f" version {VERSION}.",
            "Restore it with the version of the software that wrote it, or with a later one.",
        )
    try:
        written_by = msgspec.json.decode(text, type=_Writer)
        if _number(written_by.schema) > _number(latest_migration()):
            raise BelowTheLineError(
                f"{file.name} was written by version {written_by.software} of this software, from a"
                f" database with the migration {written_by.schema}; version {__version__}, which is"
                " installed here, does not know it.",
                f"Restore it with version {written_by.software} or later.",
            )
        manifest = msgspec.json.decode(text, type=Manifest)
    except msgspec.MsgspecError as error:
        raise _unusable(file, str(error)) from None
    if instant(manifest.as_of) is None:
        raise _unusable(file, "as_of is not a time")
    names = [table.name for table in ARCHIVED]
    listed = [each.table for each in manifest.files]
    missing = sorted(set(names) - set(listed))
    if missing and _number(manifest.schema) == _number(latest_migration()):
        raise _unusable(file, f"it lists no file of {', '.join(missing)}")
    if sorted(listed + missing) != sorted(names):
        raise _unusable(file, "it lists a table twice, or one that this software does not know")
    for table in ARCHIVED:
        of_table = manifest.file_of(table.name)
        if of_table is not None and of_table.name != table.file_name(manifest.form):
            raise _unusable(
                file, f"its file of {table.name} is not called {table.file_name(manifest.form)}"
            )
    return manifest


class _Kind(msgspec.Struct):
    format: str
    version: int


class _Writer(msgspec.Struct):
    software: Software
    schema: Migration


def _number(migration: str) -> int:
    return int(migration.partition("_")[0])


def _unusable(file: ExportFile, why: str) -> BelowTheLineError:
    return BelowTheLineError(
        f"{file.name} is not a usable manifest: {why}.", "Use the archive as it was exported."
    )
