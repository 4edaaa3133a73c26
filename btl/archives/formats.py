"""The formats of exports: how a file is recognised by its content, and what reads it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from pathlib import Path

from btl.archives.records import ArchiveRecord, Unreadable

HEAD_BYTES = 65_536
"""How much of the unpacked content a format sees to recognise it."""

Progress = Callable[[int], None]
"""Called now and then with the number of bytes of the files, as they are on disk, that are done."""


@dataclass(frozen=True)
class ReadingOptions:
    """What a person has to say because an export does not."""

    time_zone: tzinfo = UTC
    """Of local times that have no GMT beside them."""
    site: str | None = None
    """The site of all articles. None: what the export says, or else none."""
    base_url: str | None = None
    """What stands before paths, such as ``https://example.org``: some formats have no host."""


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
    recognises: Callable[[bytes], bool]
    """Whether content that begins so (at most HEAD_BYTES, unpacked) is of this format."""
    read: Callable[
        [Sequence[Path], ReadingOptions, Progress], Iterator[ArchiveRecord | Unreadable]
    ]
