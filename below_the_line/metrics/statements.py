"""The statements of a metrics run: compute metric tables into temporary tables, and write them.

sql/metrics/<table>/compute.sql (days.sql for section_daily and site_daily) only reads and is the
one definition of a table, for runs that write it and for audits that compare. What several of them
need of a bucket of articles (what each comment counts as, rounds of reports, reactions that count)
is staged once. Everything here happens inside the caller's transaction.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

import psycopg
from psycopg.pq import TransactionStatus

from below_the_line.database.connections import require_own_session
from below_the_line.metrics.definitions import ARTICLE_TABLES, BOOKKEEPING, TABLES, definitions
from below_the_line.resources import sql

PLANNER_SETTINGS: Final = (
    # Compiling these statements takes longer than running them.
    "set local jit = off",
    # The planner's statistics know nothing of an article that has just become hot: expecting a
    # few comments, it would compare all with all (50,000 comments: 15 s instead of 2). Every table
    # is read by the given articles, so a hash join is always close to the best plan.
    "set local enable_nestloop = off",
    # For the same reason: rows that are sorted by article would be merged by article alone, which
    # compares all with all again.
    "set local enable_mergejoin = off",
    # The rows of an article came one by one and lie scattered over its table. A bitmap reads the
    # pages in their order, many at once; an index scan would read one for each row.
    "set local enable_indexscan = off",
    # A session computes buckets of one article and of a thousand by the same statements. A plan
    # that Postgres keeps suits neither (the reactions of 1,000 articles: 8 s instead of 0.05).
    "set local plan_cache_mode = force_custom_plan",
    # Hash and sort the comments of a bucket in memory.
    "set local work_mem = '64MB'",
)
"""What a transaction sets before it computes (after it has taken marks)."""

_BASE_STAGES: Final = ("articles", "comments", "reactions", "rounds")
"""What is read from the base tables, for the view of events (sql/metrics/stage/events.sql)."""
_COUNTED_STAGES: Final = ("people", "postings", "hours", "people_days", "depths")
"""What is counted of them, in this order: later ones read earlier ones."""
_DAILY: Final = ("section_daily", "site_daily")
DAY_TABLES: Final = ("daily_commenters", *_DAILY)
"""The tables of days of sections and sites, in the order in which a run computes them."""
ALL_PARTS: Final = "1" * 64
"""The parts of the people of a day, all to be counted: see metrics.people_part."""
WEIGHED: Final = ("weight", "urgency_key")
"""Columns of metrics.open_reports that depend on the accuracy of reporters; they are set last."""

SectionDay = tuple[str, str | None, date]
"""Site, section and day."""

_SCOPES: Final = dict.fromkeys(ARTICLE_TABLES, "kept.article_id = any(%(articles)s)") | {
    "reporter_accuracy": "kept.user_id = any(%(user_ids)s)",
    "daily_commenters": (
        "kept.day = any(%(days)s::date[]) and exists (select from unnest(%(sites)s::text[],"
        " %(sections)s::text[], %(days)s::date[]) as touched (site, section, day) where"
        " touched.site = kept.site and touched.day = kept.day and (kept.whole_site or"
        " coalesce(touched.section, '') = coalesce(kept.section, '')))"
    ),
    "section_daily": (
        "kept.day = any(%(days)s::date[]) and exists (select from unnest(%(sites)s::text[],"
        " %(sections)s::text[], %(days)s::date[]) as touched (site, section, day) where"
        " touched.site = kept.site and touched.day = kept.day and coalesce(touched.section, '') ="
        " coalesce(kept.section, ''))"
    ),
    "site_daily": (
        "kept.day = any(%(days)s::date[]) and (kept.site, kept.day) in (select touched.site,"
        " touched.day from unnest(%(sites)s::text[], %(days)s::date[]) as touched (site, day))"
    ),
}
"""The condition for the rows of a table (alias ``kept``) that one computation is about."""

_MARKS: Final = {
    "article_daily": (
        "insert into ingest.dirty_days (site, section, day, parts)"
        # Who came or went is marked by article_commenters.
        " select distinct changed.site, changed.section, changed.day, 0::bit(64)"
        " from changed where changed.site is not null"
    ),
    "article_reporters": (
        "insert into ingest.dirty_reporters (user_id) select distinct changed.user_id from changed"
    ),
}
"""How changed rows of a table (``changed``) are marked, for the tables that depend on them."""


def prepare(connection: psycopg.Connection) -> None:
    """Make this session's temporary tables, empty. Safe to repeat; a transaction of its own unless
    one is open. Raises BelowTheLineError if a pooler would give later transactions another session.
    """
    if connection.info.transaction_status == TransactionStatus.IDLE:
        require_own_session(connection)
    with connection.transaction():
        if _are_made(connection):
            return
        for stage in _BASE_STAGES:
            _make_stage(connection, stage)
        connection.execute(sql("metrics/stage/events.sql"))
        for stage in (*_COUNTED_STAGES, "section_days"):
            _make_stage(connection, stage)
        for table in TABLES:
            connection.execute(
                composed(
                    "create temporary table computed_{table} (like metrics.{table})"
                    " on commit delete rows",
                    table=table,
                )
            )


def _are_made(connection: psycopg.Connection) -> bool:
    # They are made in one transaction: one of them stands for all.
    row = connection.execute(
        b"select to_regclass('pg_temp.computing_articles') is not null"
    ).fetchone()
    return row == (True,)


def _make_stage(connection: psycopg.Connection, stage: str) -> None:
    connection.execute(
        composed(
            "create temporary table computing_{stage} on commit delete rows"
            " as {statement} with no data",
            stage=stage,
            statement=staging(stage).decode(),
        ),
        {"articles": [], "time_zone": "UTC", **day_parameters(())},
    )


def tune(connection: psycopg.Connection) -> None:
    """Set what computing needs, for the rest of the transaction."""
    for setting in PLANNER_SETTINGS:
        connection.execute(setting)


def staging(stage: str) -> bytes:
    """Return the statement whose rows computing_<stage> holds."""
    statement = sql(f"metrics/stage/{stage}.sql")
    columns = read_columns() if stage == "comments" else ()
    if not columns:
        return statement
    return composed(
        """
        select staged.*, {columns}
        from ({statement}) as staged
        inner join computing_articles as article on article.article_no = staged.article_no
        inner join (
            select comment.*
            from discussion.comments as comment
            where comment.article_id = any(%(articles)s)
        ) as base on base.article_id = article.article_id and base.comment_id = staged.comment_id
        """,
        columns=listed("base", columns),
        statement=statement.decode(),
    )


def read_columns() -> tuple[str, ...]:
    """Return the columns of discussion.comments that definitions ask to stage."""
    names = (name for table in ARTICLE_TABLES for name in definitions(table).reads_comments)
    return tuple(dict.fromkeys(names))


def stage_bucket(connection: psycopg.Connection, articles: Sequence[str], time_zone: str) -> None:
    """Stage what the article tables need of these articles; articles that no event names are left
    out. Days are cut by ``time_zone``.
    """
    for stage in (*_BASE_STAGES, *_COUNTED_STAGES):
        _stage(connection, stage, {"articles": list(articles), "time_zone": time_zone})


def day_parameters(
    days: Sequence[SectionDay], parts: Sequence[str] | None = None
) -> dict[str, Any]:
    """Return the parameters of the statements about days of sections and sites.

    ``parts`` says of each day which parts of its people to count, as a string of 64 bits; None:
    all.
    """
    return {
        "sites": [site for site, _, _ in days],
        "sections": [section for _, section, _ in days],
        "days": [day for _, _, day in days],
        "parts": [ALL_PARTS] * len(days) if parts is None else list(parts),
    }


def stage_days(connection: psycopg.Connection, parameters: Mapping[str, Any]) -> None:
    """Stage what the tables of days need. The tables of articles must be up to date."""
    _stage(connection, "section_days", parameters)


def _stage(connection: psycopg.Connection, stage: str, parameters: Mapping[str, Any]) -> None:
    connection.execute(
        composed(
            "insert into computing_{stage} {statement}",
            stage=stage,
            statement=staging(stage).decode(),
        ),
        parameters,
    )


def compute(connection: psycopg.Connection, table: str, parameters: Mapping[str, Any]) -> None:
    """Fill computed_<table> with the rows that the table should have."""
    described = definitions(table)
    by_section = {"by_section": table == "section_daily"} if table in _DAILY else {}
    connection.execute(
        composed(
            """
            insert into computed_{table} ({names})
            select
                {figures},
                clock_timestamp(),
                {version},
                (
                    select max(barrier.taken_at)
                    from ingest.barriers as barrier
                    where barrier.passed_at is not null
                )
            from (
                {statement}
            ) as computed
            """,
            table=table,
            names=", ".join((*described.figures, *BOOKKEEPING)),
            figures=listed("computed", described.figures),
            version=str(described.metric_version),
            statement=sql(_statement_of(table)).decode(),
        ),
        {**parameters, **by_section},
    )


def _statement_of(table: str) -> str:
    return "metrics/days.sql" if table in _DAILY else f"metrics/{table}/compute.sql"


def revise(connection: psycopg.Connection, parameters: Mapping[str, Any]) -> None:
    """Copy rows with final figures that are about to change, as they are, to
    metrics.article_engagement_revisions; add one to ``revision`` of their computed rows.

    Runs in the transaction that then replaces these rows, so that a re-run finds no difference.
    """
    connection.execute(revising(), parameters)


def revising() -> bytes:
    """Return the statement that keeps replaced final figures; parameter: articles."""
    described = definitions("article_engagement")
    names = (*described.figures, *BOOKKEEPING)
    changed = [
        f"before.{flag} and ({listed('before', figures)})"
        f" is distinct from ({listed('computed', figures)})"
        for flag, figures in described.final_figures.items()
    ]
    kept = ", ".join(f"{'computed' if name == 'revision' else 'before'}.{name}" for name in names)
    return composed(
        """
        with replaced as (
            insert into metrics.article_engagement_revisions ({names})
            select {kept}
            from metrics.article_engagement as before
            inner join computed_article_engagement as computed
                on computed.article_id = before.article_id
            where before.article_id = any(%(articles)s) and ({changed})
            returning article_id
        )

        update computed_article_engagement as computed
        set revision = computed.revision + 1
        from replaced
        where replaced.article_id = computed.article_id
        """,
        names=", ".join(names),
        kept=kept,
        changed=" or ".join(f"({condition})" for condition in changed),
    )


def write(connection: psycopg.Connection, table: str, parameters: Mapping[str, Any]) -> None:
    """Replace rows of the table by those of computed_<table>, and mark what depends on them.

    In tables with one row per article every row is written. In the others only rows that differ
    are written, because an article has hundreds of rows and nearly all of them stay the same.
    """
    if table == "article_commenters":
        connection.execute(sql("metrics/article_commenters/mark_days.sql"), parameters)
    for statement in _writing(table):
        connection.execute(statement, parameters)


def delete_unknown_articles(connection: psycopg.Connection) -> None:
    """Delete the rows of articles that no event names any more."""
    # One statement, because to know all articles takes longer than to look through most tables.
    deletions = [
        composed(
            """
            of_{table} as (
                delete from metrics.{table} as kept
                where not exists (select from known where known.article_id = kept.article_id)
            )
            """,
            table=table,
        )
        for table in ARTICLE_TABLES
    ]
    known = (
        b"known as materialized (select every.article_id from discussion.known_articles as every)"
    )
    connection.execute(b"with " + b", ".join([known, *deletions]) + b" select")


def weigh(connection: psycopg.Connection, articles: Sequence[str], user_ids: Sequence[str]) -> None:
    """Set weight and urgency of comments with open reports: of these articles, and of those that
    these reporters reported.
    """
    # A few rows of a large table; the planner knows how many.
    connection.execute("set local enable_nestloop = on")
    connection.execute(
        composed(
            """
            update metrics.open_reports as kept
            set weight = found.weight, urgency_key = found.urgency_key
            from (
                {statement}
            ) as found
            where found.article_id = kept.article_id
                and found.comment_id = kept.comment_id
                and ({found}) is distinct from ({kept})
            """,
            statement=sql("metrics/open_reports/weights.sql").decode(),
            found=listed("found", WEIGHED),
            kept=listed("kept", WEIGHED),
        ),
        {"articles": list(articles), "user_ids": list(user_ids)},
    )


def scope(table: str) -> str:
    """Return the condition for the rows of a table (alias ``kept``) that a computation is about."""
    return _SCOPES[table]


def same_key(table: str) -> str:
    """Return the condition that ``found`` (computed_<table>) and ``kept`` (the table) have the same
    key.
    """
    return " and ".join(
        (
            f"found.{name} is not distinct from kept.{name}"
            if _may_be_null(table, name)
            else f"found.{name} = kept.{name}"
        )
        for name in definitions(table).key
    )


def _may_be_null(table: str, name: str) -> bool:
    return any(column.name == name and column.when_null for column in definitions(table).columns)


def composed(template: str, **parts: str) -> bytes:
    """Return a statement with names of tables and columns, and conditions, put in; never values."""
    return template.format(**parts).encode()


def listed(alias: str, names: Sequence[str]) -> str:
    """Return a list of columns of one table in a statement."""
    return ", ".join(f"{alias}.{name}" for name in names)


def _writing(table: str) -> Iterator[bytes]:
    described = definitions(table)
    names = (*described.figures, *BOOKKEEPING)
    parts = {
        "table": table,
        "scope": scope(table),
        "names": ", ".join(names),
        "found": listed("found", names),
        # Rows in the order of the key touch each page of the index once.
        "order": listed("found", described.key),
    }
    if described.key == ("article_id",):
        yield composed("delete from metrics.{table} as kept where {scope}", **parts)
        yield composed(
            "insert into metrics.{table} ({names}) select {found} from computed_{table} as found"
            " order by {order}",
            **parts,
        )
        return
    compared = [name for name in (*described.figures, "metric_version") if name not in WEIGHED]
    same = f"({listed('found', compared)}) is not distinct from ({listed('kept', compared)})"
    yield composed(
        _marking(
            table,
            "kept",
            """
            delete from metrics.{table} as kept
            where {scope} and not exists (
                select from computed_{table} as found where {same_key} and {same}
            )
            """,
        ),
        **parts,
        same_key=same_key(table),
        same=same,
    )
    yield composed(
        _marking(
            table,
            "written",
            """
            insert into metrics.{table} as written ({names})
            select {found}
            from computed_{table} as found
            where not exists (select from metrics.{table} as kept where {scope} and {same_key})
            order by {order}
            """,
        ),
        **parts,
        same_key=same_key(table),
    )


def _marking(table: str, alias: str, statement: str) -> str:
    """Return the statement; if other tables depend on its table, it also marks its changes."""
    if table not in _MARKS:
        return statement
    return f"with changed as ({statement} returning {alias}.*) {_MARKS[table]}"
