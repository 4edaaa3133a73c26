"""The export that the worked example is tried on: the real one where it is at hand, else one that
is made up alike.

The real export's texts are their authors' and publisher's, so it is not part of the project. It is
looked for where BTL_TEST_EXPORT says, else beside the project.
"""

import csv
import gzip
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from below_the_line.catalogue import load_contracts
from btl.archives.external_sort import Timed
from btl.archives.formats import ReadingOptions
from btl.archives.importer import Import, preparing
from btl.archives.mapping import load_mapping
from btl.archives.recognition import format_named
from btl.archives.sources import files_of
from btl.archives.spool import Rejected
from tests.made_up_export import write_export

ROOT = Path(__file__).resolve().parent.parent
MAPPING = ROOT / "btl" / "archives" / "mappings" / "derstandard-2019.toml"
VIENNA = ZoneInfo("Europe/Vienna")


@dataclass(frozen=True)
class Export:
    """A folder with an export's two files, which ``MAPPING`` maps."""

    folder: Path
    is_real: bool
    """Only of the real one is known beforehand what it holds."""

    @property
    def articles(self) -> Path:
        return self.folder / "articles.csv.gz"

    @property
    def comments(self) -> Path:
        return self.folder / "comments.csv.gz"

    def article_rows(self) -> Iterator[dict[str, str]]:
        return _rows(self.articles)

    def comment_rows(self) -> Iterator[dict[str, str]]:
        return _rows(self.comments)


def real_export() -> Export | None:
    """The real export; None where it is not."""
    told = os.environ.get("BTL_TEST_EXPORT")
    export = Export(
        Path(told) if told else ROOT.parent / "shared" / "data" / "derstandard-2019", is_real=True
    )
    return export if export.articles.is_file() and export.comments.is_file() else None


def events_of(
    articles: Path,
    comments: Path,
    mapping: Path,
    rejected: list[Rejected] | None = None,
    now: datetime | None = None,
) -> list[Timed]:
    """The events of an export's tables, in the order of their times.

    What makes no event is added to ``rejected``; without it, there must be none.
    """
    refused: list[Rejected] = [] if rejected is None else rejected
    wanted = Import(
        format_named("tables"),
        files_of([articles, comments]),
        ReadingOptions(mapping=mapping, tables=("articles", "comments")),
        load_mapping(mapping).source,
        "rules",
    )
    with preparing(wanted, load_contracts(), now or datetime.now(UTC)) as preparation:
        events = list(preparation.check(refused.append).events.events())
    assert rejected is not None or refused == []
    return events


def any_export(folder: Path) -> Export:
    """The real export, or one made up in ``folder``. Only the real one will do in CI, and where
    somebody says it is.
    """
    if (export := real_export()) is not None:
        return export
    if os.environ.get("BTL_TEST_EXPORT") or os.environ.get("CI", "") not in ("", "0", "false"):
        pytest.fail("The real export is not here: set BTL_TEST_EXPORT to its folder", pytrace=False)
    return made_up(folder)


def export_to_prove(folder: Path) -> Export:
    """For what takes long: in ``make prove`` the real export, in ``make test`` one made up."""
    return any_export(folder) if os.environ.get("BTL_PROVE") == "1" else made_up(folder)


def made_up(folder: Path) -> Export:
    """An export made up in ``folder``, odd in the same ways as the real one."""
    write_export(folder)
    return Export(folder, is_real=False)


def instant(text: str) -> datetime:
    """What a naive time of the export means: of an hour that came twice the earlier, one that never
    was moved on.
    """
    return datetime.fromisoformat(text).replace(tzinfo=VIENNA).astimezone(UTC)


def parents(rows: Iterable[Mapping[str, str]]) -> dict[str, str | None]:
    """The parent of each comment, by comment id."""
    return {
        row["comment_id"]: None if row["parent_id"] == "0" else row["parent_id"] for row in rows
    }


def depth(parents: Mapping[str, str | None]) -> int:
    """How many replies the longest chain has; 0 if all comments are at the top level."""
    deepest = 0
    for comment_id in parents:
        steps, above = 0, parents[comment_id]
        while above is not None:
            steps, above = steps + 1, parents[above]
        deepest = max(deepest, steps)
    return deepest


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)
