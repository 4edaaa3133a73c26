"""The manifest of an archive: what it is, and which files it has."""

from collections.abc import Sequence
from typing import Final

import msgspec

from below_the_line.errors import BelowTheLineError
from btl.archives.layout import ARCHIVED, Form
from btl.archives.sources import ExportFile

FORMAT: Final = "below-the-line"
"""The name of the format, in the manifest and for ``--format``."""
VERSION: Final = 1
"""Raised with every change of the layout after which an older version could not be read."""
MANIFEST: Final = "manifest.json"
_MAX_MANIFEST_BYTES = 65_536


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
    software: str
    """Version of the software that wrote it."""
    schema: str
    """Last migration of the database that it was written from."""
    site: str | None
    """The site whose articles it has; null: all."""
    as_of: str
    """When its snapshot was taken, by the clock of the database."""
    site_timezone: str
    """Time zone of the installation: figures of days and sites depend on it."""
    form: Form
    files: tuple[ListedFile, ...]

    def file_of(self, table: str) -> ListedFile:
        """Return the file of a table. Raises KeyError."""
        return {each.table: each for each in self.files}[table]


def find_manifest(files: Sequence[ExportFile]) -> ExportFile | None:
    """Return the manifest among the files of an export; None: it is an export of something else."""
    return next((file for file in files if is_manifest(file)), None)


def is_manifest(file: ExportFile) -> bool:
    """Return whether a file is the manifest of an archive. Raises BelowTheLineError."""
    return base_name(file) == MANIFEST and f'"{FORMAT}"'.encode() in file.head


def base_name(file: ExportFile) -> str:
    """Return the name of a file without that of its folder, also in a zip file."""
    return (file.member or file.path.name).rpartition("/")[2]


def read_manifest(file: ExportFile) -> Manifest:
    """Return the content of a manifest.

    Raises BelowTheLineError: it cannot be read, is of a later version, or does not list one file
    for each table.
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
        manifest = msgspec.json.decode(text, type=Manifest)
    except msgspec.MsgspecError as error:
        raise _unusable(file, str(error)) from None
    names = [table.name for table in ARCHIVED]
    listed = [each.table for each in manifest.files]
    if missing := sorted(set(names) - set(listed)):
        raise _unusable(file, f"it lists no file of {', '.join(missing)}")
    if sorted(listed) != sorted(names):
        raise _unusable(file, "it lists a table twice, or one that this software does not know")
    return manifest


class _Kind(msgspec.Struct):
    format: str
    version: int


def _unusable(file: ExportFile, why: str) -> BelowTheLineError:
    return BelowTheLineError(
        f"{file.name} is not a usable manifest: {why}.", "Use the archive as it was exported."
    )
