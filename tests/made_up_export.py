"""An export in the format of the real one, with all that is odd in it, and with made-up texts.

btl/archives/mappings/derstandard-2019.toml maps it. The same seed gives the same rows.
"""

import csv
import gzip
import html
import random
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

ARTICLES = 300
COMMENTS = 8_000

# Both weeks in which Vienna's clocks change: an hour of the first never was, an hour of the second
# came twice.
_WEEKS = (datetime(2019, 3, 28), datetime(2019, 10, 24))  # noqa: DTZ001
_CHANGES = (datetime(2019, 3, 31, 2), datetime(2019, 10, 27, 2))  # noqa: DTZ001

_ARTICLE_COLUMNS = (
    "article_id",
    "published",
    "channel",
    "ressort",
    "title",
    "total_comments",
    "root_comments",
)
_COMMENT_COLUMNS = (
    "comment_id",
    "article_id",
    "parent_id",
    "user_id",
    "user_name",
    "created_at",
    "headline",
    "text",
)
_VOCABULARY = (
    "Fähre Brücke Hafen Möwe Kai Nebel größer kürzer über jeder niemand wieder gestern vielleicht"
    ' Steuer Rüben Markt & < > "so" naß, sagt: Straße – § € 100% R&D ?a=1&copy=2 <b> &amp; &quot;'
    " &#34; 🦦"
)
_SECTIONS = ("Hafen", "Web", "Märkte & Rüben", "Wetter")


def write_export(folder: Path, seed: int = 2019) -> None:
    """Write articles.csv.gz and comments.csv.gz into ``folder``."""
    chance = random.Random(seed)
    articles = [_article(chance, number) for number in range(ARTICLES)]
    comments = _comments(chance, articles)
    # The files' line endings differ, as those of the real one do.
    _write(folder / "articles.csv.gz", _ARTICLE_COLUMNS, articles, "\n")
    _write(folder / "comments.csv.gz", _COMMENT_COLUMNS, comments, "\r\n")


def _article(chance: random.Random, number: int) -> dict[str, str]:
    published = chance.choice(_WEEKS) + timedelta(seconds=chance.randrange(7 * 86_400))
    if number < len(_CHANGES):
        published = _CHANGES[number] + timedelta(minutes=30)
    return {
        "article_id": str(2_000_090_000_000 + number * 7_919),
        "published": _time(chance, published),
        "channel": html.escape(chance.choice(_SECTIONS)),
        "ressort": html.escape(chance.choice(_SECTIONS)),
        "title": _text(chance, 3, 10),
        # The exporter's own counts, which mean nothing.
        "total_comments": str(chance.randrange(100)),
        "root_comments": str(chance.randrange(100)),
    }


def _comments(chance: random.Random, articles: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    # Heavy tailed, as discussions are; some articles have no comment.
    sizes = [min(chance.paretovariate(0.9), 40) for _ in articles[:-5]]
    comments: list[dict[str, str]] = []
    discussions: dict[str, list[str]] = {}
    for number in range(COMMENTS):
        article = chance.choices(articles[:-5], weights=sizes)[0]
        earlier = discussions.setdefault(article["article_id"], [])
        comment_id = str(1_041_000_000 + number * 3)
        # Often the latest is answered: threads get deep.
        parent = chance.choice(earlier[-3:]) if earlier and chance.random() < 0.7 else "0"
        user = int(chance.paretovariate(0.5)) % 900
        comments.append(
            {
                "comment_id": comment_id,
                "article_id": article["article_id"],
                "parent_id": parent,
                # People without an id have names that no account has.
                "user_id": "" if user % 12 == 5 else str(100_000_000_000 + user),
                "user_name": f"{'guest' if user % 12 == 5 else 'reader'}-{user:04}",
                "created_at": _time(chance, _posted(chance, number, article)),
                "headline": "No Headline" if chance.random() < 0.65 else _text(chance, 1, 6),
                "text": "No Comment" if chance.random() < 0.08 else _text(chance, 2, 60),
            }
        )
        earlier.append(comment_id)
    return comments


def _posted(chance: random.Random, number: int, article: dict[str, str]) -> datetime:
    published = datetime.fromisoformat(article["published"])
    if number == 0:
        return published - timedelta(minutes=5)
    if number % 80 < len(_CHANGES):
        return _CHANGES[number % 80] + timedelta(milliseconds=chance.randrange(3_600_000))
    # Most within a day; one in fifty after the fortnight in which a discussion is open.
    late = timedelta(days=14) if chance.random() < 0.02 else timedelta()
    return published + late + timedelta(milliseconds=int(chance.expovariate(1 / 20_000_000)))


def _time(chance: random.Random, time: datetime) -> str:
    return time.replace(microsecond=0 if chance.random() < 0.1 else time.microsecond).isoformat()


def _text(chance: random.Random, least: int, most: int) -> str:
    return html.escape(
        " ".join(chance.choices(_VOCABULARY.split(), k=chance.randint(least, most))), quote=False
    )


def _write(
    path: Path, columns: Sequence[str], rows: Iterable[dict[str, str]], line_end: str
) -> None:
    with gzip.open(path, "wt", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator=line_end)
        writer.writeheader()
        writer.writerows(rows)
