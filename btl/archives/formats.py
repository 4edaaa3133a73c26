"""The formats of exports: how a file is recognised by its content, and what reads it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from importlib import import_module
from pathlib import Path
from typing import Literal

from btl.archives.records import ArchiveRecord, Unreadable
from btl.archives.sources import ExportFile

Progress = Callable[[int], None]
"""Called now and then with the number of bytes of the files, as they are on disk, that are done."""

READERS: tuple[str, ...] = (
    # One name a line.
    "below_the_line",
    "commento",
    "coral",
    "coral_csv",
    "discourse",
    "disqus",
    "isso",
    "remark42",
    "wordpress",
    "tables",
)
"""The modules of ``btl.archives.readers``; each has a tuple ``FORMATS``. In this order a file's
content is shown to them, so those that recognise almost anything come last.
"""


@dataclass(frozen=True)
class ReadingOptions:
    """What a person has to say because an export does not."""

    time_zone: tzinfo = UTC
    """Of local times that have no GMT beside them."""
    site: str | None = None
    """The site of all articles. None: what the export says, or else none."""
    base_url: str | None = None
    """What stands before paths, such as ``https://example.org``: some formats have no host."""
    mapping: Path | None = None
    """The mapping of a site's own tables."""
    tables: tuple[str, ...] = ()
    """The tables of the mapping that the files are, in their order, if a person said so."""


@dataclass(frozen=True)
class Format:
    """A format of exports.

    ``read`` yields every item of the files once, in any order and in bounded memory: records, and
    ``Unreadable`` for single items that make none. It raises BelowTheLineError for a fault of a
    whole file: with the file, the place in it and what to do.
    """

    name: str
    """For ``--format``, such as ``wordpress``."""
    title: str
    """For people, such as ``WordPress export (WXR)``."""
    how_to_export: str
    """One sentence: where a person gets such a file."""
    recognises: Callable[[ExportFile], bool]
    """Whether the file, by the beginning of its content (``head``), is of this format."""
    read: Callable[
        [Sequence[ExportFile], ReadingOptions, Progress], Iterator[ArchiveRecord | Unreadable]
    ]
    closing: Literal["never", "rules"] = "never"
    """When discussions close unless the person or the export says so: ``never`` for systems that by
    themselves leave discussions open, ``rules`` for tables of unknown origin.
    """
    has_paths: bool = False
    """Whether articles may have paths, which ``base_url`` stands before."""


def all_formats() -> tuple[Format, ...]:
    """Return the formats, in the order in which content is shown to them."""
    return tuple(
        found
        for reader in READERS
        for found in import_module(f"btl.archives.readers.{reader}").FORMATS
    )
