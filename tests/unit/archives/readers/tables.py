"""Tables of a made-up site, and what is read of them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from btl.archives.formats import ReadingOptions
from btl.archives.readers.tables import read
from btl.archives.records import Act, Article, Comment, LeftOut, Unreadable
from btl.archives.sources import files_of

SOURCE = 'source = "https://example.org/tables"\ntime_zone = "Europe/Vienna"\n'

ARTICLE_FIELDS = """
[articles.fields]
article_id = "{id}"
url = "https://example.org/{id}"
headline = "{title}"
published_at = "{published}"
"""

COMMENT_FIELDS = """
[comments.fields]
article_id = "{article}"
comment_id = "{id}"
author.user_id = "{user}"
author.display_name = "{name}"
body = "{text}"
posted_at = "{created}"
"""

ARTICLES = """id,title,published
1,Ferries,2019-05-01T07:00:00
"""

COMMENTS = """id,article,user,name,created,text
7,1,u1,otter,2019-05-01T09:00:00,First
"""

Found = Article | Comment | Act | LeftOut | Unreadable


def utc(text: str) -> datetime:
    """Return the time in UTC that a text without an offset names."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Site:
    """A folder of files; write what is to be different, then read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("articles.csv", ARTICLES)
        self.write("comments.csv", COMMENTS)
        self.map(ARTICLE_FIELDS + COMMENT_FIELDS)

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file and return its path."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def map(self, mapping: str, *, source: str = SOURCE) -> None:
        """Write the mapping."""
        self.write("site.toml", source + mapping)

    def read(self, *names: str) -> list[Found]:
        """Return the records of the files, by default of all CSV files."""
        every = sorted(path.name for path in self.folder.glob("*.csv"))
        files = files_of(self.folder / name for name in names or every)
        options = ReadingOptions(mapping=self.folder / "site.toml")
        return list(read(files, options, lambda _: None))

    def comments(self, *names: str) -> list[Comment]:
        """Return the comments."""
        return [found for found in self.read(*names) if isinstance(found, Comment)]

    def reasons(self, *names: str) -> Sequence[tuple[str, str]]:
        """Return where rows make no record, and why."""
        return [
            (str(found.place), found.reason)
            for found in self.read(*names)
            if isinstance(found, Unreadable)
        ]
