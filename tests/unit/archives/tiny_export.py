"""Tiny exports, made up."""

import gzip
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from btl.archives.spool import Rejected
from tests.example_export import events_of

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)

COMMENTS_TABLE = r"""
[comments]
html_columns = ["text"]

[comments.null]
text = ["No Comment"]
title = ["No Headline"]
parent = ["0"]

[comments.fields]
article_id = "a-{article}"
comment_id = "c-{id}"
parent_comment_id = "c-{parent}"
posted_at = "{created}"
body = ["{title}\n\n{text}", "{text}", "{title}", " "]
author.user_id = ["{user}", "name:{name}"]
author.display_name = "{name}"
"""

MAPPING = (
    """
source = "https://example.org/tiny"
time_zone = "Europe/Vienna"

[articles]
html_columns = ["title"]

[articles.fields]
article_id = "a-{id}"
url = "https://example.org/story/{id}"
headline = "{title}"
published_at = "{published}"
section = "{desk}"
topics = { split = "{tags}", by = ";" }
bylines = ["{author}"]
language = "de"
"""
    + COMMENTS_TABLE
)

ARTICLES = """id,title,published,desk,tags,author
1,Ferries &amp; bridges,2019-05-01T07:00:00,local,harbour; traffic,City desk
2,Second,2019-05-01T09:30:00,,,
"""

COMMENTS = """id,article,parent,user,name,created,title,text
1,1,0,u1,otter,2019-05-01T07:14:14.593000,No Headline,First &amp;lt;here&gt;
2,1,1,,heron,2019-05-01T09:10:00,Well,No Comment
3,2,0,u1,otter,2019-05-01T09:31:00,No Headline,No Comment
"""


class Export:
    """Three files in a folder; write what is to be different, then read."""

    def __init__(self, folder: Path) -> None:
        self.articles = folder / "articles.csv"
        self.comments = folder / "comments.csv"
        self.mapping = folder / "mapping.toml"
        self.rejected: list[Rejected] = []
        self.write(self.articles, ARTICLES)
        self.write(self.comments, COMMENTS)
        self.write(self.mapping, MAPPING)

    @staticmethod
    def write(path: Path, text: str, *, encoding: str = "utf-8", gzipped: bool = False) -> Path:
        raw = text.encode(encoding)
        path.write_bytes(gzip.compress(raw) if gzipped else raw)
        return path

    def events(self) -> list[dict[str, Any]]:
        """The events: those of the articles first, else in the order of their times."""
        timed = events_of(self.articles, self.comments, self.mapping, self.rejected, NOW)
        events = [orjson.loads(each.outgoing.value or b"") for each in timed]
        return sorted(events, key=lambda event: str(event["type"]))

    def data(self) -> list[dict[str, Any]]:
        return [event["data"] for event in self.events()]

    def reasons(self) -> Sequence[tuple[str, int, str]]:
        self.events()
        return [
            (each.file, int(each.within.removeprefix("line ")), each.reason)
            for each in self.rejected
        ]
