"""Export: writes what the database holds of a site, or of all, as an archive (``layout``)."""

import gzip
import hashlib
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, get_args

import msgspec
import psycopg

from below_the_line import __version__
from below_the_line.errors import BelowTheLineError
from below_the_line.files import open_private, writing
from below_the_line.resources import sql
from below_the_line.settings import Settings
from below_the_line.site_settings import current
from below_the_line.unknown import unknown
from btl.archives.layout import ARCHIVED, ArchivedTable, Form
from btl.archives.manifest import (
    FORMAT,
    MANIFEST,
    VERSION,
    ListedFile,
    Manifest,
    latest_migration,
)
from btl.archives.parquet import require_pyarrow

FORMS: Final = get_args(Form)

_BLOCK_BYTES = 1024 * 1024
_GROUP_BYTES = 8 * 1024 * 1024
"""Of JSON, for one row group of a Parquet file: bounds the memory of writing and of reading."""
_COMPRESSION = 1
"""Half of an archive is digests, which do not compress; higher levels only take longer."""

# JSON has no characters below U+0020 as they are, so none of its lines is ever quoted or escaped.
_RAW_LINES = r"copy ({}) to stdout (format csv, quote E'\x01', delimiter E'\x02')"

_ERASED = b'"erased_at":"'
"""In each line of a row that is erased, and in no other: inside of a text, quotes are escaped."""

Progress = Callable[[str, int], None]
"""Called with a table and the number of its rows that are written."""


@dataclass(frozen=True)
class Exported:
    """What was written."""

    folder: Path
    manifest: Manifest
    rows_without_site: int = 0
    """Rows that an export of one site leaves out, because nothing says of which site they are."""
    erased_rows: int = 0
    """Comments and reports that are erased."""

    def as_dict(self) -> dict[str, Any]:
        """Return it for ``--json``."""
        return {
            "folder": str(self.folder),
            "rows_without_site": self.rows_without_site,
            "erased_rows": self.erased_rows,
            **msgspec.to_builtins(self.manifest),
        }


def export_archive(
    connection: psycopg.Connection,
    folder: Path,
    *,
    site: str | None = None,
    form: Form = "jsonl",
    progress: Progress = lambda _table, _rows: None,
) -> Exported:
    """Write an archive into a folder that is new or empty. The manifest comes last: without it the
    archive is not complete.

    ``site`` None: all sites. All tables are of one snapshot; memory does not grow with them. Only
    the owner may read the files, and a new folder. Needs an idle connection whose session is in
    UTC. Raises BelowTheLineError: an unknown site, a folder that holds something or cannot be
    written, a login that may not read texts, Parquet without its extra.
    """
    write = _write_jsonl if form == "jsonl" else _parquet_writer()
    try:
        with connection.transaction():
            connection.execute("set transaction isolation level repeatable read, read only")
            # Logins for people have a limit, against queries that last by an accident.
            connection.execute("set local statement_timeout = 0")
            connection.execute("set local jit = off")
            row = connection.execute("select clock_timestamp()").fetchone()
            zone = site_timezone(connection)
            without_site = erased = 0
            if site is not None:
                _require_site(connection, site)
                without_site = _rows_without_site(connection)
            _make_folder(folder)
            files = []
            for table in ARCHIVED:
                listed, erased_rows = _write_table(
                    connection, table, folder, site, form, write, progress
                )
                files.append(listed)
                erased += erased_rows
    except psycopg.errors.InsufficientPrivilege as error:
        raise BelowTheLineError(
            f"This login may not read all that an archive holds: {error.diag.message_primary}.",
            "An archive has the texts that readers wrote. btl_moderator and the owner may read"
            " them: BTL_DATABASE_URL says which login is used.",
        ) from error
    manifest = Manifest(
        FORMAT,
        VERSION,
        __version__,
        latest_migration(),
        site,
        row[0].isoformat().replace("+00:00", "Z") if row else "",
        zone,
        form,
        tuple(files),
    )
    with _created(folder / MANIFEST) as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
    return Exported(folder, manifest, without_site, erased)


def site_timezone(connection: psycopg.Connection) -> str:
    """Return the time zone by which the installation cuts days."""
    stored = current(connection).get("site_timezone")
    return Settings().site_timezone if stored is None else stored.value


def _require_site(connection: psycopg.Connection, site: str) -> None:
    sites = [name for (name,) in connection.execute(sql("archives/sites.sql"))]
    if site not in sites:
        raise unknown("site", site, sites)


def _rows_without_site(connection: psycopg.Connection) -> int:
    row = connection.execute(sql("generated/archive/rows_without_site.sql")).fetchone()
    return int(row[0]) if row else 0


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        if not folder.is_dir():
            raise BelowTheLineError(f"{folder} is a file.", "Name a new folder.") from None
        if any(folder.iterdir()):
            raise BelowTheLineError(
                f"The folder {folder} is not empty.", "Name a new folder, or empty this one."
            ) from None
    except OSError as error:
        raise BelowTheLineError(
            f"The folder {folder} cannot be made: {error.strerror}.", "Choose another place."
        ) from None


class _Summed(io.RawIOBase):
    """A file that knows the size and the SHA-256 of what was written to it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._hash.update(data)
        written = self._file.write(data)
        self.size += written
        return written

    def tell(self) -> int:
        return self.size

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


@contextmanager
def _created(path: Path) -> Iterator[IO[bytes]]:
    """A new private file, which is on the disk when the context ends without an error."""
    with writing(path), open_private(path) as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


_Write = Callable[[ArchivedTable, Iterator[bytes], Any], None]


def _write_table(
    connection: psycopg.Connection,
    table: ArchivedTable,
    folder: Path,
    site: str | None,
    form: Form,
    write: _Write,
    progress: Progress,
) -> tuple[ListedFile, int]:
    """Write a table; return its file, and how many of its rows are erased."""
    name, rows, erased = table.file_name(form), 0, 0

    def counted(blocks: Iterator[bytes]) -> Iterator[bytes]:
        nonlocal rows, erased
        for block in blocks:
            rows += block.count(b"\n")
            erased += block.count(_ERASED)
            yield block
            progress(table.name, rows)

    with _created(folder / name) as file:
        summed = _Summed(file)
        write(table, counted(_lines(connection, table, site)), summed)
    progress(table.name, rows)
    return ListedFile(name, table.name, rows, summed.size, summed.sha256), erased


def _lines(
    connection: psycopg.Connection, table: ArchivedTable, site: str | None
) -> Iterator[bytes]:
    """Yield the rows of a table as lines of JSON, in blocks of whole lines."""
    query = psycopg.ClientCursor(connection).mogrify(table.query, {"site": site})
    with connection.cursor().copy(_RAW_LINES.format(query).encode()) as copy:
        block = bytearray()
        for part in copy:
            block += part
            if len(block) >= _BLOCK_BYTES:
                yield bytes(block)
                block.clear()
        yield bytes(block)


def _write_jsonl(_table: ArchivedTable, blocks: Iterator[bytes], file: Any) -> None:
    # Without a name and a time: equal rows give equal files.
    with gzip.GzipFile(
        filename="", mode="wb", compresslevel=_COMPRESSION, fileobj=file, mtime=0
    ) as packed:
        for block in blocks:
            packed.write(block)


def _parquet_writer() -> _Write:
    """Return the function that writes Parquet. Raises BelowTheLineError without pyarrow."""
    require_pyarrow("--as parquet")
    import pyarrow
    from pyarrow import json, parquet

    types = {
        "text": pyarrow.string(),
        "bytea": pyarrow.string(),
        "text[]": pyarrow.list_(pyarrow.string()),
        "timestamptz": pyarrow.timestamp("us", tz="UTC"),
        "boolean": pyarrow.bool_(),
        "integer": pyarrow.int32(),
        "bigint": pyarrow.int64(),
    }

    def write(table: ArchivedTable, blocks: Iterator[bytes], file: Any) -> None:
        schema = pyarrow.schema([(name, types[kind]) for name, kind in table.columns])
        options = json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error")
        with parquet.ParquetWriter(
            file, schema, compression="zstd", use_dictionary=False, write_statistics=False
        ) as writer:
            for group in _groups(blocks):
                read = json.read_json(
                    io.BytesIO(group),
                    json.ReadOptions(use_threads=False, block_size=len(group) + 1),
                    options,
                )
                writer.write_table(read)

    return write


def _groups(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Join blocks to larger ones; leave out empty ones."""
    group = bytearray()
    for block in blocks:
        group += block
        if len(group) >= _GROUP_BYTES:
            yield bytes(group)
            group.clear()
    if group:
        yield bytes(group)
