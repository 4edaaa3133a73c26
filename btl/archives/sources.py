"""Files of an export as they come: plain, gzipped, in a zip or in a folder; unpacked as they are
read.

Nothing of a file is trusted: what it unpacks to is counted, and links, devices and packed files in
packed files are refused.
"""

import io
import os
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from gzip import BadGzipFile, GzipFile
from itertools import islice
from pathlib import Path
from typing import IO, Any

from below_the_line.errors import BelowTheLineError
from below_the_line.plurals import counted

HEAD_BYTES = 65_536
"""How much of the unpacked content a format sees to recognise it."""
MAX_EXPANSION = 250
"""How many times larger than packed a file may be; texts come to 5 to 20."""
FREE_BYTES = 64 * 1024 * 1024
"""Unpacked bytes that count as harmless, however small they were packed: of all files together."""
MAX_MEMBERS = 1_000
"""The most files that a zip or a folder may have."""
MAX_DEPTH = 16
"""The most folders inside each other."""
MAX_DIRECTORY_BYTES = 4 * 1024 * 1024
"""The longest list of contents of a zip, which must be read as a whole."""

_GZIP_MAGIC = b"\x1f\x8b"
_ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")
_UNREADABLE = {
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"Rar!\x1a\x07": "RAR",
}
"""Packed files that are named as what they are, instead of as an unknown format."""
_TAR_MAGIC, _TAR_MAGIC_AT = b"ustar", 257
_MAGIC_BYTES = _TAR_MAGIC_AT + len(_TAR_MAGIC)
_BUFFER_BYTES = 262_144
_ZIP_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
"""The others may take any amount of memory, or are not known to Python."""
_END_OF_ZIP = struct.Struct("<4s4H2LH")
_END_OF_ZIP64 = struct.Struct("<4sQ2H2L4Q")
_LONGEST_COMMENT = 65_535


@dataclass(frozen=True)
class ExportFile:
    """A file of an export: on disk, gzipped or not, or a member of a zip file."""

    path: Path
    member: str | None = None
    free_bytes: int = field(default=FREE_BYTES, compare=False)
    """Unpacked bytes that count as harmless: the file's share of FREE_BYTES."""

    @property
    def name(self) -> str:
        """The name for people: ``comments.csv.gz``, or ``export.zip: posts.xml``."""
        name = self.path.name if self.member is None else f"{self.path.name}: {self.member}"
        return _printable(name)

    @cached_property
    def size(self) -> int:
        """Its bytes on disk; of a member of a zip file, its packed bytes. Raises
        BelowTheLineError.
        """
        with _reading(self.name), _regular_file(self.path) as raw:
            if self.member is None:
                return os.fstat(raw.fileno()).st_size
            with zipfile.ZipFile(raw) as packed:
                return packed.getinfo(self.member).compress_size

    @cached_property
    def head(self) -> bytes:
        """The first HEAD_BYTES of the unpacked content. Raises BelowTheLineError."""
        with self.open() as content:
            return content.read(HEAD_BYTES)

    @contextmanager
    def open(self) -> Iterator["Content"]:
        """Open the unpacked content.

        Raises BelowTheLineError, also from reading: a file that cannot be read, that is damaged,
        that unpacks to more than texts do, or that is packed in a way that is not read.
        """
        with ExitStack() as opened:
            # Only the opening: errors of the caller's block are not this file's.
            with _reading(self.name):
                content, _ = self._unpacked(opened)
            yield content

    @contextmanager
    def packed(self) -> Iterator["Content"]:
        """Open the content as it was exported: a gzipped file stays gzipped, a member of a zip file
        is taken out of it.

        Raises BelowTheLineError, also from reading.
        """
        with ExitStack() as opened:
            with _reading(self.name):
                content, _ = self._unpacked(opened, gunzip=False)
            yield content

    @contextmanager
    def on_disk(self) -> Iterator[Path]:
        """Yield a path of the unpacked content, for libraries that must seek: the file itself, or a
        temporary copy.

        Raises BelowTheLineError as ``open`` does, and if there is no room for the copy.
        """
        with ExitStack() as opened:
            with _reading(self.name):
                content, is_packed = self._unpacked(opened)
            if not is_packed:
                yield self.path
                return
            with tempfile.NamedTemporaryFile(prefix="btl-archive-") as copy:
                try:
                    shutil.copyfileobj(content, copy, _BUFFER_BYTES)
                    copy.flush()
                except OSError as error:
                    raise BelowTheLineError(
                        f"{self.name} cannot be unpacked to {tempfile.gettempdir()}:"
                        f" {error.strerror}.",
                        "Make room there, name another folder in TMPDIR, or unpack it yourself.",
                    ) from None
                yield Path(copy.name)

    def _unpacked(self, opened: ExitStack, *, gunzip: bool = True) -> tuple["Content", bool]:
        """Open the content, and say whether it is packed: gzipped, in a zip, or both."""
        raw: Any = opened.enter_context(_regular_file(self.path))
        packed_bytes: Callable[[], int] = raw.tell
        if self.member is not None:
            packed = opened.enter_context(zipfile.ZipFile(raw))
            details = packed.getinfo(self.member)
            share = details.compress_size / max(details.file_size, 1)
            member: Any = opened.enter_context(packed.open(details))
            packed_bytes = lambda: int(member.tell() * share)  # noqa: E731
            raw = member
        magic = _magic(raw)
        is_gzipped = gunzip and magic.startswith(_GZIP_MAGIC)
        if is_gzipped:
            raw = GzipFile(fileobj=raw)
            magic = _magic(raw)
        if gunzip:
            self._refuse_packed(magic, is_packed=is_gzipped or self.member is not None)
        content = Content(_Unpacked(self, raw), packed_bytes)
        return content, is_gzipped or self.member is not None

    def _refuse_packed(self, magic: bytes, *, is_packed: bool) -> None:
        """Refuse what is packed a second time, or in a way that is not read."""
        kind = next((kind for mark, kind in _UNREADABLE.items() if magic.startswith(mark)), None)
        if kind is None and magic[_TAR_MAGIC_AT:] == _TAR_MAGIC:
            kind = "tar"
        if kind is not None:
            raise BelowTheLineError(
                f"{self.name} is packed by {kind}, which is not read.",
                "Unpack it, and name its files, or the folder that they are in.",
            )
        if is_packed and magic.startswith((_GZIP_MAGIC, *_ZIP_MAGICS)):
            raise BelowTheLineError(
                f"{self.name} is a packed file in a packed file.", "Unpack the outer one."
            )


class Content(io.BufferedReader):
    """The unpacked content of a file."""

    def __init__(self, unpacked: "_Unpacked", packed_bytes: Callable[[], int]) -> None:
        super().__init__(unpacked, _BUFFER_BYTES)
        self._packed_bytes = packed_bytes

    @property
    def bytes_read(self) -> int:
        """The number of bytes, of the file as it is on disk, that are read."""
        return self._packed_bytes()


class _Unpacked(io.RawIOBase):
    """Guards the unpacking, and says its errors in words."""

    def __init__(self, file: ExportFile, content: IO[bytes]) -> None:
        self._name = file.name
        self._content = content
        self._left = file.free_bytes + MAX_EXPANSION * file.size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with _reading(self._name):
            data = self._content.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise _expands_too_much(self._name)
        buffer[: len(data)] = data
        return len(data)


def files_of(paths: Iterable[Path]) -> list[ExportFile]:
    """Return the files that the paths name: files, the members of zip files, the files of folders
    and of folders in them. Hidden files of zips and folders are passed over.

    Raises BelowTheLineError for a path that is not there, a symbolic link, anything that is neither
    a file nor a folder, and a zip that is damaged, encrypted, or expands beyond the limits; and for
    more than MAX_MEMBERS files in a zip or folder.
    """
    files = [file for path in paths for file in _files(path, MAX_DEPTH)]
    # Many small files must not come to what one may not.
    share = FREE_BYTES // max(len(files), 1)
    return [replace(file, free_bytes=share) for file in files]


def _files(path: Path, depth: int) -> list[ExportFile]:
    with _reading(_printable(str(path))):
        kind = path.lstat().st_mode
        if stat.S_ISDIR(kind):
            return _files_of_folder(path, depth)
        with _regular_file(path) as raw:
            magic = _magic(raw)
        if magic.startswith(_ZIP_MAGICS):
            return _members(path)
        if path.suffix.lower() == ".gz" and not magic.startswith(_GZIP_MAGIC):
            raise BelowTheLineError(
                f"{_printable(str(path))} is not gzipped, although its name ends in .gz.",
                "Gzip it, or remove .gz from its name.",
            )
        return [ExportFile(path)]


def _files_of_folder(path: Path, depth: int) -> list[ExportFile]:
    if depth == 0:
        raise BelowTheLineError(
            f"{_printable(str(path))} lies in more than {counted(MAX_DEPTH, 'folder')}.",
            "Name the folder of the export itself.",
        )
    with os.scandir(path) as entries:
        found = list(islice((entry.name for entry in entries), MAX_MEMBERS + 1))
    files = [
        file
        for name in sorted(found)
        if not _is_hidden(name)
        for file in _files(path / name, depth - 1)
    ]
    if len(found) > MAX_MEMBERS or len(files) > MAX_MEMBERS:
        raise _too_many(str(path))
    return files


def _members(path: Path) -> list[ExportFile]:
    shown = _printable(str(path))
    with _regular_file(path) as raw:
        _check_directory(raw, shown)
        size = os.fstat(raw.fileno()).st_size
        with zipfile.ZipFile(raw) as packed:
            details = [
                found
                for found in packed.infolist()
                if not found.is_dir() and not any(map(_is_hidden, found.filename.split("/")))
            ]
    if len(details) > MAX_MEMBERS:
        raise _too_many(str(path))
    for found in details:
        member = f"{shown}: {_printable(found.filename)}"
        kind = stat.S_IFMT(found.external_attr >> 16)
        if found.flag_bits & 1:
            raise BelowTheLineError(f"{member} is encrypted.", "Unpack it with its password first.")
        if kind == stat.S_IFLNK:
            raise BelowTheLineError(
                f"{member} is a symbolic link.", "Pack the file that it leads to."
            )
        if kind not in {0, stat.S_IFREG}:
            raise BelowTheLineError(f"{member} is not a file.", "Pack only files.")
        if found.compress_type not in _ZIP_METHODS:
            raise BelowTheLineError(
                f"{member} is packed in a way that is not read (method {found.compress_type}).",
                "Pack it again as an ordinary zip, or name the unpacked file.",
            )
    names = {found.filename for found in details}
    if "[Content_Types].xml" in names:
        raise BelowTheLineError(
            f"{shown} is a file of an office program.", "Save each of its tables as CSV."
        )
    if len(names) < len(details):
        raise BelowTheLineError(
            f"{shown} has several files of the same name.", "Unpack it, and name its files."
        )
    # Members that lie on each other come to more than the whole, and no member can unpack to more
    # than is written in the list.
    if sum(found.compress_size for found in details) > size:
        raise _damaged(shown)
    if sum(found.file_size for found in details) > FREE_BYTES + MAX_EXPANSION * size:
        raise _expands_too_much(shown)
    return [ExportFile(path, found.filename) for found in details]


def _check_directory(raw: IO[bytes], shown: str) -> None:
    """Refuse a zip whose list of contents is too long to be read. Python reads it as a whole."""
    size = os.fstat(raw.fileno()).st_size
    tail_bytes = _END_OF_ZIP64.size + _END_OF_ZIP.size + _LONGEST_COMMENT
    raw.seek(max(0, size - tail_bytes))
    tail = raw.read(tail_bytes)
    raw.seek(0)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + _END_OF_ZIP.size:
        raise _damaged(shown)
    directory_bytes = _END_OF_ZIP.unpack_from(tail, at)[5]
    at_zip64 = tail.rfind(b"PK\x06\x06", 0, at)
    if at_zip64 >= 0 and len(tail) >= at_zip64 + _END_OF_ZIP64.size:
        directory_bytes = max(
            _END_OF_ZIP64.unpack_from(tail, at_zip64)[8],
            0 if directory_bytes == 0xFFFFFFFF else directory_bytes,
        )
    if directory_bytes > size:
        raise _damaged(shown)
    if directory_bytes > MAX_DIRECTORY_BYTES:
        raise _too_many(shown)


@contextmanager
def _regular_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that is nothing else, neither now nor a moment ago.

    Raises BelowTheLineError for a symbolic link and anything that is not a file.
    """
    shown = _printable(str(path))
    kind = path.lstat().st_mode
    if stat.S_ISLNK(kind):
        raise BelowTheLineError(f"{shown} is a symbolic link.", "Name the file that it leads to.")
    # It may have been put in the file's place since: a pipe must not be waited for.
    descriptor = -1
    if stat.S_ISREG(kind):
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(path, flags)
        kind = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(kind):
        if descriptor >= 0:
            os.close(descriptor)
        raise BelowTheLineError(f"{shown} is not a file.", "Name a file of an export.")
    with os.fdopen(descriptor, "rb") as raw:
        yield raw


def _magic(content: IO[bytes]) -> bytes:
    """Return the first bytes, and go back to the beginning."""
    magic = content.read(_MAGIC_BYTES)
    content.seek(0)
    return magic


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _printable(name: str) -> str:
    """Return a name as it may be shown on a terminal: names in a zip may hold anything."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in name)


def _too_many(path: str) -> BelowTheLineError:
    return BelowTheLineError(
        f"{_printable(path)} has more than {counted(MAX_MEMBERS, 'file')}.",
        "Name only the files of the export.",
    )


def _expands_too_much(name: str) -> BelowTheLineError:
    return BelowTheLineError(
        f"{name} unpacks to more than {MAX_EXPANSION} times its size, as no export does.",
        "If it is what you want to import, unpack it yourself and name the unpacked file.",
    )


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Turn the errors of files and of unpacking into words."""
    try:
        yield
    except OSError as error:
        if isinstance(error, BadGzipFile) or error.strerror is None:
            raise _damaged(name) from None
        raise BelowTheLineError(
            f"{name} cannot be read: {error.strerror}.", "Name a file of an export."
        ) from None
    except (
        *(EOFError, zlib.error, zipfile.BadZipFile, zipfile.LargeZipFile, struct.error),
        # Of zipfile, for headers that contradict each other.
        *(NotImplementedError, UnicodeError, RuntimeError, ValueError, KeyError, OverflowError),
    ):
        raise _damaged(name) from None


def _damaged(name: str) -> BelowTheLineError:
    return BelowTheLineError(f"{name} ends too early or is damaged.", "Download the file again.")
