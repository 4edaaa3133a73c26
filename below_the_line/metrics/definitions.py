"""The definitions of the metric tables, as written beside their SQL in
sql/metrics/<table>/definitions.yaml.
"""

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
    "article_reporters",
    "open_reports",
)
"""The metric tables whose rows are of one article, in the order in which a run computes them."""
CROSS_TABLES = ("section_daily", "site_daily", "reporter_accuracy")
"""Those whose rows are of many articles: a run computes what changed in one of them."""
TABLES = (*ARTICLE_TABLES, *CROSS_TABLES)
"""All metric tables."""
BOOKKEEPING = ("computed_at", "metric_version", "watermark")
"""Columns of every metric table that tell how a row came about, and are no figures."""
VIEWS = (
    "articles",
    "moderation_queue",
    "trending_articles",
    "closing_soon",
    "discussion_thread",
    "late_comments",
    "cannot_close",
    "discussion_history",
)
"""Views of the present: what changes with the clock alone is in no table."""


@dataclass(frozen=True, slots=True)
class Column:
    """What one column says."""

    name: str
    definition: str
    unit: str
    """Empty where there is none."""
    population: str
    """What is counted over; empty where that is the article itself."""
    when_null: str
    """Empty: never null."""


@dataclass(frozen=True, slots=True)
class Table:
    """What one metric table, or view, says; ``metric_version`` rises when a definition changes."""

    name: str
    schema: str
    summary: str
    example: str
    """A worked one; may be empty."""
    metric_version: int
    """0 of a view: it holds no rows of an earlier version."""
    key: tuple[str, ...]
    """What names a row of a table; of a view nothing."""
    columns: tuple[Column, ...]

    @property
    def figures(self) -> tuple[str, ...]:
        """The columns that are a function of the base tables alone, the key included."""
        return tuple(column.name for column in self.columns if column.name not in BOOKKEEPING)

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


@cache
def definitions(table: str) -> Table:
    """The definitions of one of ``TABLES`` or ``VIEWS``. Raises FileNotFoundError."""
    path = resources.SQL / "metrics" / table / "definitions.yaml"
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Table(
        name=document.get("table") or document["view"],
        schema=document.get("schema", "metrics"),
        summary=document["summary"],
        example=document.get("example", ""),
        metric_version=document.get("metric_version", 0),
        key=tuple(document.get("key", ())),
        columns=tuple(
            Column(
                name=name,
                definition=column["definition"],
                unit=column.get("unit", ""),
                population=column.get("population", ""),
                when_null=column.get("null", ""),
            )
            for name, column in document["columns"].items()
        ),
    )


def render(table: Table) -> str:
    """One table's definitions as a section of docs/metrics.md."""
    lines = [
        f"## {table}",
        "",
        table.summary,
        "",
        *((f"Example: {table.example}", "") if table.example else ()),
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
