"""An installation is exported and restored into another one: what must be equal, and what need not
be, with the reason.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from btl.archives.exporter import export_archive
from btl.archives.layout import Form
from btl.archives.restoration import Restored, restore
from btl.archives.sources import files_of

_OF_THE_RUN = "when a run computed it, or behind which barrier"
_OF_THE_INGEST = "when a change was ingested: in the other installation that is the restoration"
NOT_COMPARED: Mapping[str, Mapping[str, str]] = {
    "*": {"computed_at": _OF_THE_RUN, "watermark": _OF_THE_RUN},
    "discussion.windows": {
        "changed_at": _OF_THE_RUN,
        "comments_changed_at": _OF_THE_INGEST,
        "reactions_changed_at": _OF_THE_INGEST,
    },
    "discussion.state_changes": {
        "change_id": "an order of writing",
        "recorded_at": _OF_THE_RUN,
        "superseded_at": _OF_THE_RUN,
    },
}
"""By table (``*``: all tables), the columns that may differ, and why."""
HISTORY: Mapping[str, str] = {
    "discussion.told_events": "what was published, in the order in which it became known",
    "metrics.article_engagement_revisions": "final figures that a late event replaced",
}
HISTORY_COLUMNS = {"revision": "how often final figures were replaced"}
"""The same for columns, of all tables."""
NEVER_COMPARED: Mapping[str, str] = {"metrics.quality_results": "what checks found, at which time"}
"""Tables that follow from the order in which things became known, not from events and rules: equal
if both installations knew all of it at their first closing run.
"""


def export_and_restore(
    source_url: str, target_url: str, folder: Path, form: Form = "jsonl", site: str | None = None
) -> Restored:
    """Export one database, and restore the archive into another."""
    with connected(source_url) as connection:
        export_archive(connection, folder, form=form, site=site)
    return restored(target_url, folder)


def restored(target_url: str, folder: Path) -> Restored:
    """Restore an archive."""
    with connected(target_url) as connection:
        return restore(files_of([folder]), connection, target_url)


def connected(url: str) -> "psycopg.Connection[Any]":
    """An idle connection as the command line opens it."""
    return psycopg.connect(url, options="-c timezone=UTC", autocommit=True)


def assert_equal(left_url: str, right_url: str, *, with_history: bool) -> dict[str, int]:
    """All tables of discussion and metrics have the same rows; returns how many each has."""
    left, right = (everything(url, with_history=with_history) for url in (left_url, right_url))
    assert left.keys() == right.keys()
    for table, rows in left.items():
        others = right[table]
        differences = [*(rows - others).elements()][:3], [*(others - rows).elements()][:3]
        assert differences == ([], []), table
    return {table: rows.total() for table, rows in left.items()}


def everything(url: str, *, with_history: bool) -> dict[str, Counter[str]]:
    """The rows of all tables as texts, without what is not compared."""
    found = {}
    with connected(url) as connection:
        for table, columns in connection.execute(_COLUMNS.encode()).fetchall():
            if table in NEVER_COMPARED or (table in HISTORY and not with_history):
                continue
            left_out = {**NOT_COMPARED["*"], **NOT_COMPARED.get(table, {})}
            if not with_history:
                left_out |= HISTORY_COLUMNS
            kept = [column for column in columns if column not in left_out]
            query = sql.SQL("select row({})::text from {}{}").format(
                sql.SQL(", ").join(map(sql.Identifier, kept)),
                sql.Identifier(*table.split(".")),
                # What was believed before an event arrived late is history, too.
                sql.SQL(
                    " where superseded_at is null" if table == "discussion.state_changes" else ""
                ),
            )
            found[table] = Counter(row for (row,) in connection.execute(query))
    return found


_COLUMNS = """
select
    format('%I.%I', relation.relnamespace::regnamespace, relation.relname),
    array_agg(attribute.attname::text order by attribute.attnum)
from pg_class as relation
inner join pg_attribute as attribute on attribute.attrelid = relation.oid
where
    relation.relkind = 'r'
    and relation.relnamespace::regnamespace::text in ('discussion', 'metrics')
    and attribute.attnum > 0
    and not attribute.attisdropped
group by relation.oid
order by 1
"""
