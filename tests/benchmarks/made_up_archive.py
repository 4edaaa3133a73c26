"""Exports of any size, made up: own tables as CSV with their mapping, and Disqus' XML."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

COMMENTS_PER_ARTICLE = 100
_BEGIN = datetime(2012, 1, 2)  # noqa: DTZ001 - written with a Z
_WORDS = [
    "ferry",
    "bridge",
    "harbour",
    "gull",
    "quay",
    "fog",
    "larger",
    "shorter",
    "over",
    "everyone",
    "nobody",
    "again",
    "yesterday",
    "perhaps",
    "tax",
    "turnip",
    "market",
    "straw",
    "rope",
    "lantern",
    "tide",
    "chart",
    "anchor",
    "signal",
]

_MAPPING = """\
source = "https://example.org/archive"
time_zone = "UTC"

[articles.fields]
article_id = "{id}"
url = "https://example.org/story/{id}"
headline = "{title}"
published_at = "{published}"
section = "{desk}"

[comments.null]
parent = ["0"]

[comments.fields]
article_id = "{article}"
comment_id = "{id}"
parent_comment_id = "{parent}"
posted_at = "{created}"
body = "{text}"
author.user_id = "{user}"
author.display_name = "{name}"
"""
_DISQUS = (
    '<?xml version="1.0" encoding="utf-8"?>\n'
    '<disqus xmlns="http://disqus.com" xmlns:dsq="http://disqus.com/disqus-internals"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n'
    '<category dsq:id="1"><forum>harbour</forum><title>General</title>'
    "<isDefault>true</isDefault></category>\n"
)


class _Article(NamedTuple):
    number: int
    published: datetime
    title: str


class _Comment(NamedTuple):
    article: int
    number: int
    parent: int
    user: int
    posted: datetime
    text: str


def write_tables(folder: Path, comments: int) -> tuple[Path, Path, Path]:
    """Write the articles, the comments and the mapping; the comments article by article."""
    files = folder / "articles.csv", folder / "comments.csv", folder / "mapping.toml"
    with files[0].open("w", encoding="utf-8") as out:
        out.write("id,title,published,desk\n")
        for article in _articles(comments):
            out.write(
                f"{article.number},{article.title},{article.published.isoformat()}Z,"
                f"desk-{article.number % 12}\n"
            )
    with files[1].open("w", encoding="utf-8") as out:
        out.write("id,article,parent,user,name,created,text\n")
        for each in _comments(comments):
            out.write(
                f"{each.number},{each.article},{each.parent},u{each.user},reader {each.user},"
                f'{each.posted.isoformat()}Z,"{each.text}"\n'
            )
    files[2].write_text(_MAPPING, encoding="utf-8")
    return files


def write_disqus(folder: Path, comments: int) -> Path:
    """Write an XML file as Disqus exports it."""
    path = folder / "disqus.xml"
    with path.open("w", encoding="utf-8") as out:
        out.write(_DISQUS)
        for article in _articles(comments):
            out.write(
                f'<thread dsq:id="{article.number}"><id/><forum>harbour</forum>'
                '<category dsq:id="1"/>'
                f"<link>https://example.org/story/{article.number}</link>"
                f"<title>{article.title}</title><message/>"
                f"<createdAt>{article.published.isoformat()}Z</createdAt>"
                "<author><name>desk</name><isAnonymous>false</isAnonymous>"
                "<username>desk</username></author>"
                "<isClosed>false</isClosed><isDeleted>false</isDeleted></thread>\n"
            )
        for each in _comments(comments):
            parent = f'<parent dsq:id="{each.parent}"/>' if each.parent else ""
            out.write(
                f'<post dsq:id="{each.number}"><id/><message><![CDATA[<p>{each.text}</p>]]>'
                f"</message><createdAt>{each.posted.isoformat()}Z</createdAt>"
                "<isDeleted>false</isDeleted><isSpam>false</isSpam>"
                f"<author><name>reader {each.user}</name><isAnonymous>false</isAnonymous>"
                f"<username>u{each.user}</username></author>"
                f'<thread dsq:id="{each.article}"/>{parent}</post>\n'
            )
        out.write("</disqus>\n")
    return path


def _articles(comments: int) -> Iterator[_Article]:
    chance = random.Random(1)
    for number in range(1, max(comments // COMMENTS_PER_ARTICLE, 1) + 1):
        published = _BEGIN + timedelta(minutes=17 * number)
        yield _Article(number, published, f"Story of the {chance.choice(_WORDS)} {number}")


def _comments(comments: int) -> Iterator[_Comment]:
    chance = random.Random(2)
    texts = [" ".join(chance.choices(_WORDS, k=chance.randint(4, 70))) for _ in range(5_000)]
    left = comments
    for article in _articles(comments):
        number = article.number * 1_000_000
        last = number
        for index in range(min(COMMENTS_PER_ARTICLE, left)):
            last += 1
            yield _Comment(
                article.number,
                last,
                last - chance.randint(1, index) if index and chance.random() < 0.6 else 0,
                int(chance.paretovariate(0.6)) % 200_000,
                article.published + timedelta(seconds=index * 120 + chance.randrange(120)),
                f"{chance.choice(texts)} {last}",
            )
        left -= min(COMMENTS_PER_ARTICLE, left)
