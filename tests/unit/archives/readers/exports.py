"""The exports made by hand, as files."""

import sqlite3
from contextlib import closing
from pathlib import Path
from zoneinfo import ZoneInfo

from btl.archives.formats import Format, ReadingOptions, all_formats
from btl.archives.records import ArchiveRecord, Unreadable
from btl.archives.sources import ExportFile, files_of

EXPORTS = Path(__file__).parents[3] / "archive_exports"

VIENNA = ReadingOptions(time_zone=ZoneInfo("Europe/Vienna"), base_url="https://news.example/")


def files_of_export(folder: str) -> list[Path]:
    """The files of an export, without what the tests expect of them."""
    return [path for path in sorted((EXPORTS / folder).iterdir()) if path.name != "expected.json"]


def format_called(name: str) -> Format:
    (found,) = (each for each in all_formats() if each.name == name)
    return found


def formats_that_recognise(path: Path) -> list[str]:
    """Return the formats that take a file; without ``tables``, which takes almost any."""
    formats = (each for each in all_formats() if each.name != "tables")
    return [each.name for each in formats if each.recognises(ExportFile(path))]


def records_of(
    name: str, *paths: Path, options: ReadingOptions = VIENNA
) -> list[ArchiveRecord | Unreadable]:
    return list(format_called(name).read(files_of(paths), options, lambda _: None))


def database(path: Path, script: str) -> Path:
    """Make an SQLite database from its text."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)
    return path
