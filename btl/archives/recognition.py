"""Which format the files of an export are of."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from below_the_line.contracts.spelling import nearest
from below_the_line.errors import BelowTheLineError
from btl.archives.formats import Format, all_formats
from btl.archives.manifest import FORMAT, find_manifest, is_archived_table, require_manifest
from btl.archives.sources import ExportFile

_LIST = "`btl archive formats` lists the formats"


def format_named(name: str) -> Format:
    """Return the format of this name. Raises BelowTheLineError."""
    formats = {found.name: found for found in all_formats()}
    if name in formats:
        return formats[name]
    similar = nearest(name, formats)
    raise BelowTheLineError(
        f"There is no format {name!r}.",
        f"Did you mean {similar}? {_LIST}." if similar else f"{_LIST}.",
    )


class Recognised(NamedTuple):
    """The files of an export, by what they are."""

    format: Format
    files: Sequence[ExportFile]
    """Those of the format."""
    others: Sequence[ExportFile] = ()
    """Those of no format that lie beside them in a folder or a zip."""


def recognised(files: Sequence[ExportFile], named: Collection[Path] = ()) -> Recognised:
    """Return the one format of the files, by their content.

    ``named``: the paths that a person named. Raises BelowTheLineError if there are no files, for
    files of different formats, for tables of an archive without its manifest, and for a file of no
    known format, unless it only lies beside files of the format: it is not named itself.
    """
    if not files:
        raise BelowTheLineError("There are no files to import.", "Name a file of an export.")
    if find_manifest(files) is not None:
        # It speaks for the tables beside it, which others may recognise as tables.
        return Recognised(format_named(FORMAT), files)
    if any(is_archived_table(file) for file in files):
        require_manifest(files)
    found = {file: _format_of_one(file) for file in files}
    formats = {each.name: each for each in found.values() if each is not None}
    others = [file for file, each in found.items() if each is None]
    for file in others:
        if not file.head.strip():
            raise BelowTheLineError(
                f"{file.name} is empty.", "Export it again, or name another file."
            )
        if not formats or (file.member is None and file.path in named):
            raise BelowTheLineError(
                f"{file.name} is of no format that is recognised by its content.",
                f"Say what it is with --format; {_LIST}.",
            )
    if len(formats) > 1:
        first, second = list(formats)[:2]
        names = [
            next(file.name for file in found if found[file] == formats[n]) for n in (first, second)
        ]
        raise BelowTheLineError(
            f"{names[0]} is of the format {first}, but {names[1]} of {second}.",
            "Import them one after the other, or say what all of them are with --format.",
        )
    (only,) = formats.values()
    return Recognised(only, [file for file, each in found.items() if each is not None], others)


def _format_of_one(file: ExportFile) -> Format | None:
    return next((found for found in all_formats() if found.recognises(file)), None)
