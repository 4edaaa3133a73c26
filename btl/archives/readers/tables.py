"""Tables of a site's own: CSV files and a mapping that says what their columns are."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from below_the_line.errors import BelowTheLineError
from btl.archives.formats import Format, Progress, ReadingOptions
from btl.archives.mapping import ArticlesTable, CommentsTable, Mapping, load_mapping
from btl.archives.records import Article, Comment, Place, Unreadable
from btl.archives.rows import RowReader, UnmappableRowError
from btl.archives.sources import ExportFile
from btl.archives.tables import open_table
from btl.archives.times import TimeReader

_MAX_CONTENT = 4_000
_ROWS_A_STEP = 500


def read(
    files: Sequence[ExportFile], options: ReadingOptions, progress: Progress
) -> Iterator[Article | Comment | Unreadable]:
    """Yield the articles of the first file, then the comments of the second one, as
    ``options.mapping`` says.

    Raises BelowTheLineError.
    """
    if options.mapping is None or len(files) != 2:
        raise BelowTheLineError(
            "Tables of your own need a mapping, a file of articles and one of comments.",
            "Name them: --articles FILE --comments FILE --mapping FILE.",
        )
    mapping = load_mapping(options.mapping)
    # Both headers first: a wrong column of the second file is reported before the first file is
    # read.
    names = ("articles", "comments")
    readers = [_reader(mapping, *each) for each in zip(names, files, strict=True)]
    done = 0
    for name, file, reader in zip(names, files, readers, strict=True):
        with open_table(file.path, mapping.encoding, mapping.delimiter) as table:
            for number, row in enumerate(table.rows):
                place = Place(file.name, f"line {row.line}")
                try:
                    data = reader.read(row.cells)
                    yield _article(place, data) if name == "articles" else _comment(place, data)
                except UnmappableRowError as error:
                    content = json.dumps(row.cells, ensure_ascii=False)[:_MAX_CONTENT]
                    yield Unreadable(place, str(error), content)
                if number % _ROWS_A_STEP == 0:
                    progress(done + table.bytes_read())
        done += file.size
        progress(done)


def _reader(mapping: Mapping, name: str, file: ExportFile) -> RowReader:
    section: ArticlesTable | CommentsTable = getattr(mapping, name)
    times = TimeReader(
        mapping.time_zone,
        mapping.time_format,
        mapping.ambiguous_times,
        mapping.nonexistent_times,
    )
    with open_table(file.path, mapping.encoding, mapping.delimiter) as table:
        return RowReader(
            section, table.columns, name=name, file=file.name, null=mapping.null, times=times
        )


def _article(place: Place, data: dict[str, Any]) -> Article:
    discussion = data.get("discussion") or {}
    return Article(
        place,
        data.get("article_id", ""),
        data.get("url"),
        data.get("headline"),
        published_at=_time(data.get("published_at")),
        updated_at=_time(data.get("updated_at")),
        site=data.get("site"),
        section=data.get("section"),
        topics=data.get("topics"),
        bylines=data.get("bylines"),
        language=data.get("language"),
        accepts_comments=discussion.get("enabled"),
        closes_at=_time(discussion.get("closes_at")),
        window_hours=discussion.get("window_hours"),
    )


def _comment(place: Place, data: dict[str, Any]) -> Comment:
    author = data.get("author") or {}
    return Comment(
        place,
        data.get("article_id", ""),
        data.get("comment_id", ""),
        author.get("user_id"),
        author.get("display_name"),
        data.get("body"),
        _time(data.get("posted_at")),
        data.get("parent_comment_id"),
        is_staff=author.get("role") == "staff",
        held=bool(data.get("held")),
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


FORMATS = (
    Format(
        name="tables",
        title="Tables of your own (CSV)",
        how_to_export="Write one CSV of the articles and one of the comments, and a mapping.",
        recognises=lambda _: False,
        read=read,
        closing="rules",
    ),
)
