"""The closing rules of an archive: added under their numbers, or left out with a note."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import psycopg

from below_the_line.closing.rules import duration, in_words
from below_the_line.contracts.times import instant
from below_the_line.resources import sql
from btl.archives.archived_rows import ArchivedRowReader, Row
from btl.archives.layout import RULES

_ALL_TIMES = datetime(2100, 1, 1, tzinfo=UTC)
_MAY_NOT_ADD = (
    "This login may not add closing rules: the {} of the archive were not restored, and discussions"
    " close by the rules that are here. Run it again with a login that has btl_scheduler beside"
    " btl_ingest, such as the owner's."
)


class RestoredRules(NamedTuple):
    """What happened to the closing rules of an archive."""

    added: int
    notes: tuple[str, ...] = ()
    """In sentences, what was left out and why."""


def restore_rules(
    connection: psycopg.Connection, rules: Iterable[Row], site: str | None
) -> RestoredRules:
    """Add closing rules under their numbers, if all rules that are here are among them. Otherwise
    those that are here stay as they are, and the difference is noted.

    ``site``: the one that the rules are of; None: all. Raises psycopg.Error.
    """
    wanted = {row[0]: row for row in rules}
    row = connection.execute(sql("archives/may_add_rules.sql")).fetchone()
    (may_add,) = row or (False,)
    if not may_add:
        return RestoredRules(0, (_MAY_NOT_ADD.format(len(wanted)),) if len(wanted) > 1 else ())
    here = {row[0]: row for row in _rules_here(connection, site)}
    taken = {row[0] for row in _rules_here(connection, None)}
    missing = [row for number, row in wanted.items() if not _is_same(row, here.get(number))]
    own = [row for number, row in here.items() if not _is_same(row, wanted.get(number))]
    if own or any(row[0] in taken for row in missing):
        return RestoredRules(0, tuple(_differences(own, missing)))
    if missing:
        names = [name for name, _ in RULES.columns]
        with connection.transaction():
            for row in missing:
                connection.execute(sql("archives/add_rule.sql"), dict(zip(names, row, strict=True)))
            connection.execute(sql("archives/number_rules.sql"))
    return RestoredRules(len(missing))


def _rules_here(connection: psycopg.Connection, site: str | None) -> list[Row]:
    reader = ArchivedRowReader(RULES, _ALL_TIMES)
    rows = connection.execute(RULES.query, {"site": site}).fetchall()
    return [reader.from_values(values) for (values,) in rows]


def _is_same(rule: Row, other: Row | None) -> bool:
    return other is not None and _comparable(rule) == _comparable(other)


def _comparable(rule: Row) -> Mapping[str, Any]:
    values = _named(rule)
    return values | {"valid_from": instant(values["valid_from"]) or values["valid_from"]}


def _named(rule: Row) -> dict[str, Any]:
    return dict(zip((name for name, _ in RULES.columns), rule, strict=True))


def _differences(own: Sequence[Row], missing: Sequence[Row]) -> Iterator[str]:
    if own:
        yield (
            "This installation has closing rules that the archive does not have; they stay in"
            f" force: {_listed(own)}."
        )
    if missing:
        yield (
            f"Closing rules of the archive were not restored, because others are here:"
            f" {_listed(missing)}. Discussions close by the rules that are here; `btl rules set`"
            " adds rules."
        )


def _listed(rules: Sequence[Row]) -> str:
    def said(values: Mapping[str, Any]) -> str:
        since = "" if values["valid_from"] == "-infinity" else f" from {values['valid_from']} on"
        window = (
            f"{in_words(values['site'], values['section'])}, {duration(values['window_hours'])}"
        )
        return f"{values['rule_id']} ({window}{since})"

    return "; ".join(said(_named(rule)) for rule in rules)
