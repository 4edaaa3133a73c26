"""The SQL that is made from the description of the tables.

It is committed below sql/generated/ and as one view of sql/routines/, where it can be read and from
where it is run. ``btl schemas sql --write`` writes it; a test compares the files with this module.
"""

import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

from below_the_line.event_tables.description import TABLES, Register, Table, writes

_MADE = "-- Made by `btl schemas sql --write` from below_the_line/event_tables/description.py."
_WIDTH = 100
_VIEW = "routines/ingest/kept_versions.sql"


def files() -> dict[str, str]:
    """Return the text of every generated file, by its path below sql/."""
    found = {}
    for table in TABLES:
        found[f"generated/staging/{table.name}.sql"] = staging(table)
        found[f"generated/merge/{table.name}.sql"] = merge(table)
        found[f"generated/archive/{table.name}.sql"] = archive(table)
    found["generated/archive/rows_without_site.sql"] = _rows_without_site()
    found[_VIEW] = _kept_versions()
    found["generated/provenance/article.sql"] = _stored_rows(is_of_comment=False)
    found["generated/provenance/comment.sql"] = _stored_rows(is_of_comment=True)
    found["generated/provenance/articles_of_comment.sql"] = _articles_of_comment()
    return found


def differences(folder: Path) -> list[str]:
    """Return the paths below ``folder`` whose text is not what ``files`` gives: changed, missing,
    or no longer made.
    """
    expected = files()
    there = {path.relative_to(folder).as_posix() for path in folder.glob("generated/**/*.sql")}
    return sorted(
        path
        for path in there | set(expected)
        if not (folder / path).is_file()
        or expected.get(path) != (folder / path).read_text(encoding="utf-8")
    )


def write(folder: Path) -> list[str]:
    """Make the files below ``folder`` what ``files`` gives; returns the paths that changed."""
    changed, expected = differences(folder), files()
    for path in changed:
        if path in expected:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(expected[path], encoding="utf-8")
        else:
            (folder / path).unlink()
    return changed


def staging(table: Table) -> str:
    """Return the statement that makes the temporary table for the rows of one batch."""
    columns = ["row_number integer not null"]
    columns += [f"{column.name} {column.type}" for column in table.columns]
    return f"""\
-- Purpose: the rows of one batch on their way to discussion.{table.name}, in key order.
-- Grain: one row per {table.grain} in the batch; row_number counts from 0.
-- Re-run: safe; temporary to the session, emptied by every commit.
{_MADE}
create temporary table if not exists staged_{table.name} (
{_list(columns, 4)}
) on commit delete rows;
"""


def merge(table: Table) -> str:
    """Return the statement that merges the staged rows into their table and marks what changed."""
    names, key = _list(table.column_names, 8), ", ".join(table.key_names)
    returning = ", ".join(f"present.{name}" for name in table.key_names)
    same_key = _all_of((f"changed.{name} = staged.{name}" for name in table.key_names), "and")
    return f"""\
-- Purpose: merge the staged rows into discussion.{table.name}; mark the changed articles.
{_join_in_words(table)}
-- Result: row_number of each staged row that changed nothing.
-- Grain: one row per key. Rows are locked in key order, the order of staging.
-- Re-run: safe; a second merge of the same rows changes nothing, whatever the order of batches.
{_MADE}
with changed as (
    insert into discussion.{table.name} as present (
{names}
    )
    select
{names}
    from staged_{table.name}
    on conflict ({key}) {_on_conflict(table)}
    returning {returning}
),

{_named(_marks(table))}

select staged.row_number
from staged_{table.name} as staged
where
    (select count(*) from changed) < (select count(*) from staged_{table.name})
    and not exists (
        select from changed
        where
            {same_key}
    );
"""


def archive(table: Table) -> str:
    """Return the query for the rows of a table in an archive (``btl.archives.layout``)."""
    columns = (
        f"encode(stored.{column.name}, 'hex') as {column.name}"
        if column.type == "bytea"
        else f"stored.{column.name}"
        for column in table.columns
    )
    return f"""\
-- Purpose: the rows of discussion.{table.name} for an archive, as JSON.
-- Parameters: site: only rows of its articles; null: all rows.
-- Grain: one object per {table.grain}, in key order.
-- Bytes are in hexadecimal digits.
-- Re-run: safe; it only reads.
{_MADE}
select row_to_json(kept) as line
from (
    select
{_list(columns, 8)}
    from discussion.{table.name} as stored
    where
        %(site)s::text is null
        or stored.article_id in (
            select article.article_id
            from discussion.articles as article
            where article.site = %(site)s
        )
    order by {", ".join(f"stored.{name}" for name in table.key_names)}
) as kept
"""


def _rows_without_site() -> str:
    rows = "\n    union all\n".join(
        f"    select article_id from discussion.{table.name}" for table in TABLES
    )
    return f"""\
-- Purpose: how many rows an archive of one site leaves out because no event says of which site
--   their articles are.
-- Parameters: none. Grain: one row. Re-run: safe; it only reads.
{_MADE}
select count(*) as row_count
from (
{rows}
) as stored
where
    not exists (
        select from discussion.articles as article
        where
            article.article_id = stored.article_id
            and article.site is not null
    )
"""


def _list(items: Iterable[str], indent: int) -> str:
    """Join the items by commas, as many in a line as it can hold."""
    lines = [""]
    for item in items:
        if lines[-1] and indent + len(f"{lines[-1]}, {item},") > _WIDTH:
            lines[-1] += ","
            lines.append(item)
        else:
            lines[-1] += f", {item}" if lines[-1] else item
    return "\n".join(f"{' ' * indent}{line}" for line in lines)


def _all_of(conditions: Iterable[str], operator: str, indent: int = 12) -> str:
    return f"\n{' ' * indent}{operator} ".join(conditions)


def _join_in_words(table: Table) -> str:
    if not table.registers:
        return "-- Join: an event that is there already is left alone."
    kept = ", ".join(f"{each.keeps} {each.compared.name}" for each in table.registers)
    return textwrap.fill(
        f"Join: of each register stays what has the {kept}.",
        _WIDTH,
        initial_indent="-- ",
        subsequent_indent="--   ",
    )


def _wins(register: Register) -> str:
    function = {"least": "precedes", "greatest": "supersedes"}[register.keeps]
    name = register.compared.name
    return f"ingest.{function}(excluded.{name}, present.{name})"


def _on_conflict(table: Table) -> str:
    if not table.registers:
        return "do nothing"
    assignments = ",\n".join(
        f"        {column.name} = case\n"
        f"            when {_wins(register)}\n"
        f"            then excluded.{column.name} else present.{column.name} end"
        for register in table.registers
        for column in register.columns
    )
    wins = _all_of(map(_wins, table.registers), "or", 8)
    return f"do update set\n{assignments}\n    where\n        {wins}"


def _marks(table: Table) -> list[tuple[str, str]]:
    """The statements that mark the articles of ``changed``, each with a name."""
    marks = [("marked", "dirty_articles (article_id)", "article_id")]
    if table.marks_windows:
        marks.append(("marked_windows", "dirty_windows (article_id)", "article_id"))
    if table.marks_discussion is not None:
        marks.append(
            (
                "marked_discussions",
                "dirty_discussions (article_id, what)",
                f"article_id, '{table.marks_discussion}'",
            )
        )
    return [
        (name, f"insert into ingest.{into}\nselect distinct {what} from changed")
        for name, into, what in marks
    ]


def _named(statements: Iterable[tuple[str, str]]) -> str:
    return ",\n\n".join(
        f"{name} as (\n{textwrap.indent(text, '    ')}\n)" for name, text in statements
    )


def _kept_versions() -> str:
    kept = [
        (table.name, column.name)
        for table in TABLES
        for column in table.columns
        if column.source == "version"
    ]
    rows = "\nunion all\n".join(
        f"select '{table}.{column}', article_id, {column} from discussion.{table}"
        for table, column in kept
    )
    return f"""\
{_MADE}
create or replace view ingest.kept_versions (register, article_id, version) as
{rows};

comment on view ingest.kept_versions is
'All versions of events that the tables of schema discussion keep. Reads these tables whole.';
comment on column ingest.kept_versions.register is
'Where the version is kept: table and column of schema discussion';
comment on column ingest.kept_versions.article_id is 'The article of the event';
comment on column ingest.kept_versions.version is 'The version; null: the register was never set';
"""


def _is_of_comment(table: Table) -> bool:
    return "comment_id" in table.column_names


def _stored_rows(is_of_comment: bool) -> str:
    what = "comment and of what was done to it" if is_of_comment else "article"
    parameters = "article_id, comment_id" if is_of_comment else "article_id"
    condition = "stored.article_id = %(article_id)s" + (
        " and stored.comment_id = %(comment_id)s" if is_of_comment else ""
    )
    rows = "\nunion all\n".join(
        f"select '{table.name}' as table_name, to_jsonb(kept) - 'total' as columns, kept.total\n"
        f"from (\n"
        f"    select stored.*, count(*) over () as total\n"
        f"    from discussion.{table.name} as stored\n"
        f"    where {condition}\n"
        f"    order by stored.{_latest_by(table)} desc nulls last\n"
        f"    limit %(max_rows)s\n"
        f") as kept"
        for table in TABLES
        if _is_of_comment(table) == is_of_comment
    )
    return f"""\
-- Purpose: the stored rows of one {what}, for `btl explain`.
-- Parameters: {parameters}, max_rows (of each table, the latest).
-- Grain: one row per row of these tables: the table's name, all columns as JSON, and how many rows
--   the table has of it in all.
-- Re-run: safe; reads only.
{_MADE}
{rows}
"""


def _latest_by(table: Table) -> str:
    return table.registers[0].compared.name if table.registers else "version"


def _articles_of_comment() -> str:
    rows = "\nunion\n".join(
        f"select article_id from discussion.{name} where comment_id = %(comment_id)s"
        for name in _tables_that_know_comments()
    )
    return f"""\
-- Purpose: the articles below which a comment of this id is known, if only from a report.
-- Reads whole tables, because keys begin with the article: name the article instead.
-- Parameters: comment_id. Grain: one row per article. Re-run: safe; reads only.
{_MADE}
{rows}
order by article_id
"""


def _tables_that_know_comments() -> Iterator[str]:
    """The tables that together have every comment: sets whose events set a register too add
    nothing.
    """
    for table in filter(_is_of_comment, TABLES):
        if table.registers or any(len(writes(each)) == 1 for each in table.added_by):
            yield table.name
