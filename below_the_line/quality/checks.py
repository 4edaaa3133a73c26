"""The expectations, as data. Those about rows are statements under sql/quality/<suite>/, which find
the rows that are wrong.

The header of a statement says what a person reads: ``Severity: fail`` or ``warn``, ``Says:`` what
is wrong, ``Do:`` what to do. Indented lines continue the line before.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from below_the_line import resources

SUITES: Final = ("base", "metrics", "freshness")
SEVERITIES: Final = ("fail", "warn")

_HEADER = re.compile(r"^-- (Severity|Says|Do|Grain): (.+(?:\n--  +.+)*)$", re.MULTILINE)
_CONTINUATION = re.compile(r"\n--  +")
_FIRST_RELATION = re.compile(r"from (\w+\.\w+) as")


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation."""

    suite: str
    name: str
    severity: str
    relation: str
    """The table that it checks, with its schema."""
    problem: str
    """What is wrong where it is not met, in one sentence without a full stop."""
    hint: str
    """What to do, without a full stop."""
    query: str | None = None
    """Finds the rows that are wrong; None: ``expectation`` does."""
    expectation: str | None = None
    """The class in great_expectations.expectations; None: ``query`` finds the rows."""
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def column(self) -> str | None:
        """Return the column that it checks, if it checks one column."""
        found: str | None = self.arguments.get("column")
        return found


@cache
def checks() -> Sequence[Check]:
    """Return all expectations, by suite and name. Raises ValueError where a statement's header is
    incomplete.
    """
    return tuple(
        sorted(
            (*_statements(), *_built_in()),
            key=lambda check: (SUITES.index(check.suite), check.name),
        )
    )


def _statements() -> list[Check]:
    found = []
    for suite in SUITES:
        for path in sorted((resources.SQL / "quality" / suite).glob("*.sql")):
            query = path.read_text(encoding="utf-8")
            header = read_header(query)
            relation = _FIRST_RELATION.search(query)
            if not header.keys() >= {"Severity", "Says", "Do", "Grain"} or relation is None:
                raise ValueError(f"{path} lacks a part of its header: Severity, Says, Do, Grain")
            found.append(
                Check(
                    suite,
                    path.stem,
                    header["Severity"],
                    relation.group(1),
                    header["Says"],
                    header["Do"],
                    query=query,
                )
            )
    return found


def read_header(query: str) -> dict[str, str]:
    """Return the parts of a statement's header by their names."""
    return {name: _CONTINUATION.sub(" ", text) for name, text in _HEADER.findall(query)}


_REBUILD = "btl metrics drift names what else is wrong, btl metrics rebuild computes it again"


def _built_in() -> list[Check]:
    """Return the expectations that are classes of Great Expectations."""
    shares = {
        "article_engagement": ("reply_share", "top5_share", "first_24h_share"),
        "article_abuse": ("reported_comment_rate", "uphold_rate", "rejection_rate"),
        "reporter_accuracy": ("accuracy",),
    }
    return [
        *(
            Check(
                "metrics",
                f"{column}_is_a_share",
                "fail",
                f"metrics.{table}",
                f"{column} of {table} is not between 0 and 1",
                _REBUILD,
                expectation="ExpectColumnValuesToBeBetween",
                arguments={"column": column, "min_value": 0, "max_value": 1},
            )
            for table, columns in shares.items()
            for column in columns
        ),
        Check(
            "metrics",
            "state_is_known",
            "fail",
            "metrics.article_engagement",
            "the state of a discussion is not open, closed or cannot_close",
            _REBUILD,
            expectation="ExpectColumnValuesToBeInSet",
            arguments={"column": "state", "value_set": ["open", "closed", "cannot_close"]},
        ),
        Check(
            "metrics",
            "one_row_per_article",
            "fail",
            "metrics.article_engagement",
            "an article has several rows",
            _REBUILD,
            expectation="ExpectColumnValuesToBeUnique",
            arguments={"column": "article_id"},
        ),
        Check(
            "base",
            "comment_is_of_somebody",
            "warn",
            "discussion.comment_roles",
            "more than one posted comment in a hundred says neither reader nor staff",
            "find out which producer leaves the role out",
            expectation="ExpectColumnValuesToBeInSet",
            arguments={"column": "role", "value_set": ["reader", "staff"], "mostly": 0.99},
        ),
    ]
