"""Files of an export as they come: plain, gzipped, in a zip or in a folder; unpacked as they are
read.
"""

import io
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from gzip import BadGzipFile, GzipFile
from pathlib import Path
from typing import IO, Any

from below_the_line.errors import BelowTheLineError

HEAD_BYTES = 65_536
"""How much of the unpacked content a format sees to recognise it."""
MAX_EXPANSION = 250
"""How many times larger than packed a file may be; texts come to 5 to 20."""
FREE_BYTES = 64 * 1024 * 1024
"""Unpacked bytes of a file that count as harmless, however small it was packed."""
MAX_MEMBERS = 1_000
"""The most files that a zip or a folder may have."""

_GZIP_MAGIC = b"\x1f\x8b"
_ZIP_MAGIC = b"PK\x03\x04"
_BUFFER_BYTES = 262_144


@dataclass(frozen=True)
class ExportFile:
    """A file of an export: on disk, gzipped or not, or a member of a zip file."""

    path: Path
    member: str | None = None

    @property
    def name(self) -> str:
        """The name for people: ``comments.csv.gz``, or ``export.zip: posts.xml``."""
        return self.path.name if self.member is None else f"{self.path.name}: {self.member}"

    @cached_property
    def size(self) -> int:
        """Its bytes on disk; of a member of a zip file, its packed bytes. Raises
        BelowTheLineError.
        """
        with _reading(self.name):
            if self.member is None:
                return self.path.stat().st_size
            with zipfile.ZipFile(self.path) as packed:
                return packed.getinfo(self.member).compress_size

    @cached_property
    def head(self) -> bytes:
        """The first HEAD_BYTES of the unpacked content. Raises BelowTheLineError."""
        with self.open() as content:
            return content.read(HEAD_BYTES)

    @contextmanager
    def open(self) -> Iterator["Content"]:
        """Open the unpacked content.

        Raises BelowTheLineError, also from reading: a file that cannot be read, that is damaged, or
        that unpacks to more than texts do.
        """
        with ExitStack() as opened:
            # Only the opening: errors of the caller's block are not this file's.
            with _reading(self.name):
                content = self._unpacked(opened)
            yield Content(content)

    @contextmanager
    def packed(self) -> Iterator[IO[bytes]]:
        """Open the content as it was exported: a gzipped file stays gzipped, a member of a zip file
        is taken out of it.

        Raises BelowTheLineError, also from reading.
        """
        if self.member is not None:
            with self.open() as content:
                yield content
            return
        with _reading(self.name):
            raw = self.path.open("rb")
        with raw, _reading(self.name):
            yield raw

    def _unpacked(self, opened: ExitStack) -> "_Unpacked":
        if self.member is not None:
            packed = opened.enter_context(zipfile.ZipFile(self.path))
            details = packed.getinfo(self.member)
            share = details.compress_size / max(details.file_size, 1)
            unpacked = opened.enter_context(packed.open(details))
            return _Unpacked(self, unpacked, lambda: int(unpacked.tell() * share))
        raw = opened.enter_context(self.path.open("rb"))
        magic = raw.read(2)
        raw.seek(0)
        gzipped: Any = GzipFile(fileobj=raw)
        return _Unpacked(self, gzipped if magic == _GZIP_MAGIC else raw, raw.tell)

    @contextmanager
    def on_disk(self) -> Iterator[Path]:
        """Yield a path of the unpacked content, for libraries that must seek: the file itself, or a
        temporary copy.

        Raises BelowTheLineError as ``open`` does.
        """
        with self.open() as content:
            if self.member is None and content.peek(2)[:2] == self._first_bytes(2):
                yield self.path
                return
            with tempfile.NamedTemporaryFile(prefix="btl-archive-") as copy:
                shutil.copyfileobj(content, copy, _BUFFER_BYTES)
                copy.flush()
                yield Path(copy.name)

    def _first_bytes(self, count: int) -> bytes:
        with self.path.open("rb") as raw:
            return raw.read(count)


class Content(io.BufferedReader):
    """The unpacked content of a file."""

    def __init__(self, unpacked: "_Unpacked") -> None:
        super().__init__(unpacked, _BUFFER_BYTES)
        self._unpacked = unpacked

    @property
    def bytes_read(self) -> int:
        """The number of bytes, of the file as it is on disk, that are read."""
        return self._unpacked.packed_bytes()


class _Unpacked(io.RawIOBase):
    """Guards the unpacking, and says its errors in words."""

    def __init__(
        self, file: ExportFile, content: IO[bytes], packed_bytes: Callable[[], int]
    ) -> None:
        self._file = file
        self._content = content
        self._left = FREE_BYTES + MAX_EXPANSION * file.size
        self.packed_bytes = packed_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with _reading(self._file.name):
            data = self._content.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise BelowTheLineError(
                f"{self._file.name} unpacks to more than {MAX_EXPANSION} times its size, as no"
                " export does.",
                "If it is what you want to import, unpack it yourself and name the unpacked file.",
            )
        buffer[: len(data)] = data
        return len(data)


def files_of(paths: Iterable[Path]) -> list[ExportFile]:
    """Return the files that the paths name: files, the members of zip files, the files of folders.

    Raises BelowTheLineError for a path that is not there, a symbolic link, anything that is neither
    a file nor a folder, and a zip that is damaged, encrypted, or has more than MAX_MEMBERS.
    """
    return [file for path in paths for file in _files(path)]


def _files(path: Path) -> list[ExportFile]:
    with _reading(str(path)):
        kind = path.lstat().st_mode
        if stat.S_ISLNK(kind):
            raise BelowTheLineError(
                f"{path} is a symbolic link.", "Name the file that it leads to."
            )
        if stat.S_ISDIR(kind):
            inside = sorted(found for found in path.iterdir() if not found.name.startswith("."))
            if len(inside) > MAX_MEMBERS:
                raise _too_many(str(path))
            return [file for found in inside if not found.is_dir() for file in _files(found)]
        if not stat.S_ISREG(kind):
            raise BelowTheLineError(f"{path} is not a file.", "Name a file of an export.")
        with path.open("rb") as raw:
            magic = raw.read(4)
        if magic == _ZIP_MAGIC:
            return _members(path)
        if path.suffix == ".gz" and magic[:2] != _GZIP_MAGIC:
            raise BelowTheLineError(
                f"{path} is not gzipped, although its name ends in .gz.",
                "Gzip it, or remove .gz from its name.",
            )
        return [ExportFile(path)]


def _members(path: Path) -> list[ExportFile]:
    with zipfile.ZipFile(path) as packed:
        details = [
            found
            for found in packed.infolist()
            if not found.is_dir() and not found.filename.startswith("__MACOSX/")
        ]
    if len(details) > MAX_MEMBERS:
        raise _too_many(str(path))
    for found in details:
        if found.flag_bits & 1:
            raise BelowTheLineError(
                f"{path}: {found.filename} is encrypted.", "Unpack it with its password first."
            )
        if stat.S_ISLNK(found.external_attr >> 16):
            raise BelowTheLineError(
                f"{path}: {found.filename} is a symbolic link.", "Pack the file that it leads to."
            )
    return [ExportFile(path, found.filename) for found in details]


def _too_many(path: str) -> BelowTheLineError:
    return BelowTheLineError(
        f"{path} has more than {MAX_MEMBERS:,} files.", "Name only the files of the export."
    )


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Turn the errors of files and of unpacking into words."""
    try:
        yield
    except OSError as error:
        if isinstance(error, BadGzipFile):
            raise _damaged(name) from None
        if error.strerror is None:
            raise
        raise BelowTheLineError(
            f"{name} cannot be read: {error.strerror}.", "Name a file of an export."
        ) from None
    except (EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError):
        raise _damaged(name) from None


def _damaged(name: str) -> BelowTheLineError:
    return BelowTheLineError(f"{name} ends too early or is damaged.", "Download the file again.")
