"""The definitions of the metric tables, as written beside their SQL in sql/metrics/<table>/definitions.yaml."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from below_the_line import resources

TABLES = ("article_engagement", "article_abuse")
"""The metric tables, in the order in which a run computes them."""


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
    """What one metric table says; ``metric_version`` rises when a definition changes."""

    name: str
    summary: str
    metric_version: int
    columns: tuple[Column, ...]


@cache
def definitions(table: str) -> Table:
    """The definitions of one table of ``TABLES``. Raises FileNotFoundError."""
    path = resources.SQL / "metrics" / table / "definitions.yaml"
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Table(
        name=document["table"],
        summary=document["summary"],
        metric_version=document["metric_version"],
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
        f"## metrics.{table.name}",
        "",
        table.summary,
        "",
        f"Version {table.metric_version} of the definitions.",
        "",
        "| column | definition | unit | population | null when |",
        "| --- | --- | --- | --- | --- |",
    ]
    for column in table.columns:
        cells = (f"`{column.name}`", column.definition, column.unit, column.population, column.when_null)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
