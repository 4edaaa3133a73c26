"""What the readers of XML exports have in common."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import ClassVar

from btl.archives.formats import Progress
from btl.archives.records import (
    ArchiveRecord,
    Place,
    Unreadable,
    UnreadableRowError,
    unreadable,
)
from btl.archives.sources import ExportFile
from btl.archives.tally import Tally
from btl.archives.xml_stream import Item, XmlItems

_STEP = 500
"""Items between two reports of progress."""


class XmlFile(ABC):
    """One file of an export, as records."""

    ids: ClassVar[Mapping[str, tuple[str, str]]]
    """By the name of an element: the word for it, and the path of its id in it."""

    def __init__(self, file: ExportFile) -> None:
        self._file = file
        self._counts: Counter[str] = Counter()

    @abstractmethod
    def items(self) -> XmlItems:
        """Return the items of the file."""

    @abstractmethod
    def records(self, place: Place, item: Item) -> Iterator[ArchiveRecord]:
        """Yield the records of an item. Raises UnreadableRowError: it makes none."""

    def place(self, item: Item) -> Place:
        """Return where an item is: by its id or, if it has none, by how many were before it."""
        self._counts[item.name] += 1
        word, path = self.ids.get(item.name, (item.name, ""))
        item_id = item.text(path) if path else None
        return Place(self._file.name, f"{word} {item_id or f'no. {self._counts[item.name]}'}")


def read_files(
    files: Sequence[ExportFile],
    opened: Callable[[ExportFile], XmlFile],
    tally: Tally,
    progress: Progress,
) -> Iterator[ArchiveRecord | Unreadable]:
    """Yield the records of all files: of each item all or, if it cannot be read, that it cannot;
    and what was left out.

    Raises BelowTheLineError for a fault of a whole file.
    """
    done = 0
    for file in files:
        reader = opened(file)
        items = reader.items()
        for number, item in enumerate(items):
            place = reader.place(item)
            try:
                yield from list(reader.records(place, item))
            except UnreadableRowError as error:
                yield unreadable(place, error, item.source())
            if number % _STEP == 0:
                progress(done + items.bytes_read)
        if items.control_characters:
            tally.add(
                Place(file.name, "the whole file"),
                "control characters",
                "XML cannot hold them; a blank stands in place of each",
                items.control_characters,
            )
        done += file.size
        progress(done)
    yield from tally.records()


def id_of_content(word: str, texts: Iterable[str | None]) -> str:
    """Return an id for an item that has none, from its texts: the same in every import of it."""
    content = "\n".join(text or "" for text in texts)
    return f"{word}:{blake2b(content.encode(), digest_size=16).hexdigest()}"
