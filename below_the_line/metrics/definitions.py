"""The definitions of the metric tables and views: sql/metrics/<table>/definitions.yaml, read.

They are the one place that says what a column means. docs/metrics.md, the comments in the database,
the statements that write metric rows and the command line are made from them.
"""

import textwrap
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from below_the_line import resources

ARTICLE_TABLES = (
    "article_engagement",
    "article_abuse",
    "article_abuse_reasons",
    "article_hourly",
    "article_daily",
    "article_commenters",
    "article_reporters",
    "open_reports",
)
"""The metric tables whose rows belong to one article, in the order in which a run computes them."""
CROSS_TABLES = ("daily_commenters", "section_daily", "site_daily", "reporter_accuracy")
"""The metric tables whose rows belong to many articles: computed when a row of one changed."""
TABLES = (*ARTICLE_TABLES, *CROSS_TABLES)
"""All metric tables."""
BOOKKEEPING = ("computed_at", "metric_version", "watermark")
"""Columns of every metric table that say how a row was made; they are not figures."""
VIEWS = (
    "articles",
    "freshness",
    "moderation_queue",
    "trending_articles",
    "closing_soon",
    "reporter_distribution",
    "discussion_thread",
    "late_comments",
    "cannot_close",
    "discussion_history",
)
"""Views: what changes with the clock alone is not in a table."""


@dataclass(frozen=True, slots=True)
class Column:
    """The definition of one column."""

    name: str
    definition: str
    unit: str
    """Empty: it has none."""
    population: str
    """What the figure is counted over; empty: the article itself."""
    when_null: str
    """When the value is null; empty: never."""
    final_with: str | None
    """The flag (a column of the same table) with which the figure is final; None: it never is."""


@dataclass(frozen=True, slots=True)
class Table:
    """The definitions of one metric table or view."""

    name: str
    schema: str
    summary: str
    example: str
    """A worked example; may be empty."""
    metric_version: int
    """Rises when a definition changes; 0 for a view, which stores no rows."""
    key: tuple[str, ...]
    """The columns that identify a row of a table; empty for a view."""
    columns: tuple[Column, ...]
    reads_comments: tuple[str, ...] = ()
    """Columns of discussion.comments that compute.sql reads besides those that are always staged
    (sql/metrics/stage/comments.sql); they are then columns of computing_comments, too.
    """

    @property
    def figures(self) -> tuple[str, ...]:
        """The columns that depend on the base tables alone, with the key."""
        return tuple(column.name for column in self.columns if column.name not in BOOKKEEPING)

    @property
    def final_figures(self) -> dict[str, tuple[str, ...]]:
        """The columns that become final, by the flag with which they do."""
        flags = dict.fromkeys(filter(None, (column.final_with for column in self.columns)))
        return {
            flag: tuple(column.name for column in self.columns if column.final_with == flag)
            for flag in flags
        }

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


@cache
def definitions(table: str) -> Table:
    """Return the definitions of one of ``TABLES`` or ``VIEWS``. Raises FileNotFoundError."""
    path = resources.SQL / "metrics" / table / "definitions.yaml"
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    key = tuple(document.get("key", ()))
    return Table(
        name=document.get("table") or document["view"],
        schema=document.get("schema", "metrics"),
        summary=document["summary"],
        example=document.get("example", ""),
        metric_version=document.get("metric_version", 0),
        key=key,
        reads_comments=tuple(document.get("reads_comments", ())),
        columns=tuple(
            Column(
                name=name,
                definition=column["definition"],
                unit=column.get("unit", ""),
                population=column.get("population", ""),
                when_null=column.get("null", ""),
                final_with=_final_with(name, column, key, document["columns"]),
            )
            for name, column in document["columns"].items()
        ),
    )


def _final_with(
    name: str, column: dict[str, str], key: tuple[str, ...], columns: dict[str, Any]
) -> str | None:
    if "final" not in columns or name in (*key, *BOOKKEEPING):
        return None
    flag = column.get("final_with", "final")
    return None if flag == "none" else flag


def page() -> str:
    """Return docs/metrics.md: the introduction, then a section for each table and view."""
    introduction = (resources.SQL / "metrics" / "introduction.md").read_text(encoding="utf-8")
    return "\n".join(
        (introduction.rstrip() + "\n", *(render(definitions(table)) for table in (*TABLES, *VIEWS)))
    )


def render(table: Table) -> str:
    """Return one table's section of docs/metrics.md."""
    lines = [
        f"## {table}",
        "",
        _wrapped(table.summary),
        "",
        *((_wrapped(f"Example: {table.example}"), "") if table.example else ()),
        f"Version {table.metric_version} of the definitions."
        if table.metric_version
        else "A view.",
        "",
        "| column | definition | unit | population | null when |",
        "| --- | --- | --- | --- | --- |",
    ]
    for column in table.columns:
        cells = (
            f"`{column.name}`",
            column.definition,
            column.unit,
            column.population,
            column.when_null,
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 100, break_long_words=False, break_on_hyphens=False)
