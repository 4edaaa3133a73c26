"""``btl queue`` and ``btl thread``: what moderators read."""

import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.text import Text

from below_the_line import moderation
from below_the_line.moderation import CommentHistory, Queue, Thread
from below_the_line.plurals import counted
from btl.cli import configuration, output
from btl.cli.database import connected, site_settings
from btl.cli.moderation_output import (
    is_erased,
    is_late,
    is_rejected,
    reports_in_words,
    standing_in_words,
)
from btl.cli.options import ArticleArgument, AsJson
from btl.cli.output import (
    Column,
    age,
    clock,
    duration,
    print_json,
    print_rest,
    print_table,
    print_text,
    printable,
)

_ERASED = "(erased)"
_NO_POSTING = "(no posting has arrived)"
"""Stand in place of a text."""
_INDENT = 2
_MAX_INDENT = 20
"""Columns after which deeper replies are not indented further."""


class Status(StrEnum):
    """Which comments ``btl thread`` lists."""

    VISIBLE = "visible"
    HELD = "held"
    REJECTED = "rejected"
    DELETED = "deleted"
    LATE = "late"
    UNPUBLISHED = "unpublished"
    ERASED = "erased"
    REPORTED = "reported"


def queue(
    site: Annotated[
        str | None,
        typer.Option("--site", metavar="SITE", help="Only this site.", show_default=False),
    ] = None,
    section: Annotated[
        str | None,
        typer.Option("--section", metavar="SECTION", help="Only this section.", show_default=False),
    ] = None,
    article: Annotated[
        str | None,
        typer.Option("--article", metavar="ARTICLE", help="Only this article.", show_default=False),
    ] = None,
    reason: Annotated[
        str | None,
        typer.Option(
            "--reason", metavar="REASON", help="Only reports for this reason.", show_default=False
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Number of comments to list.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the reported comments that wait for a decision.

    The most urgent come first, and those that readers see before others. docs/metrics.md defines
    the urgency.
    """
    now = datetime.now(UTC)
    with connected(configuration.settings()) as connection:
        found = moderation.queue(
            connection,
            site=site,
            section=section,
            article=article,
            reason=reason,
            max_rows=limit,
        )
        filters = {"site": site, "section": section, "article": article, "reason": reason}
        named = " ".join(f"--{name} {value}" for name, value in filters.items() if value)
        in_all = moderation.queue(connection, max_rows=1).waiting if named else found.waiting
    if as_json:
        print_json({"waiting": found.waiting, "comments": found.rows})
    elif found.rows or not named:
        _print_queue(found, now)
    else:
        print_text(
            f"No reported comment waits for a decision with {printable(named)}; {in_all:,}"
            f" {'waits' if in_all == 1 else 'wait'} in all."
        )


def thread(
    article: ArticleArgument,
    comment: Annotated[
        str | None,
        typer.Option(
            "--comment",
            metavar="COMMENT",
            help="Show this comment, with everything that was written, reported and decided.",
            show_default=False,
        ),
    ] = None,
    status: Annotated[
        list[Status] | None,
        typer.Option("--status", help="Only comments of this status; may be given more than once."),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=100_000, help="Number of comments, or of entries, to list.")
    ] = 100,
    as_json: AsJson = False,
) -> None:
    """Show a discussion as moderators read it.

    Says of each comment whether it is visible, held, rejected, deleted, late, unpublished (with its
    article) or erased, and how its reports were decided. A comment may be several of these.
    """
    current = site_settings()
    zone = ZoneInfo(current.site_timezone)
    with connected(current) as connection, connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        if comment is not None:
            history = moderation.comment_history(connection, article, comment, max_rows=limit)
        else:
            found = moderation.thread(connection, article)
    if comment is not None:
        if as_json:
            print_json(history)
        else:
            _print_history(history, zone)
        return
    chosen = [
        row for row in found.comments if not status or any(_has(row, each) for each in status)
    ]
    if as_json:
        print_json(
            {
                "article_id": article,
                "headline": found.headline,
                "comment_count": len(found.comments),
                "comments": chosen[:limit],
            }
        )
    else:
        _print_thread(found, chosen, limit, zone)
        if status and not chosen:
            print_text(f"\nNo comment is {' or '.join(status)}.")


def _print_queue(found: Queue, now: datetime) -> None:
    if not found.rows:
        typer.echo("No reported comment waits for a decision.")
        return
    print_table(
        [
            Column("urgency", right=True, style="bold"),
            Column("reports", right=True, rank=3),
            Column("reasons", wraps=True, min_width=14),
            Column("waits", right=True, rank=4),
            Column("seen", right=True, rank=5),
            "article",
            "comment",
            Column("text", cut=True, min_width=20, rank=2),
        ],
        [
            (
                f"{row['urgency']:,.0f}",
                row["open_reports"],
                ", ".join(row["reasons"]),
                age(row["oldest_open_at"], now),
                duration(int(row["exposure_seconds"])) if row["visible"] else "hidden",
                row["article_id"],
                row["comment_id"],
                row["body"] or (_NO_POSTING if row["posted_at"] is None else _ERASED),
            )
            for row in found.rows
        ],
    )
    print_rest(found.waiting - len(found.rows), found.waiting)
    first = found.rows[0]
    command = shlex.join(["btl", "thread", first["article_id"], "--comment", first["comment_id"]])
    print_text("What was written, reported and decided:", style="dim")
    # Whole, so that it can be copied.
    output.console().print(Text(f"  {printable(command)}", style="dim"), soft_wrap=True)


def _has(row: Mapping[str, Any], status: Status) -> bool:
    """Return whether a comment is of a status; one may be late, rejected and deleted."""
    if status is Status.LATE:
        return is_late(row)
    if status is Status.REJECTED:
        return is_rejected(row)
    if status is Status.ERASED:
        return is_erased(row)
    if status is Status.REPORTED:
        return bool(row["reports"])
    return bool(row["status"] == status)


def _print_thread(
    found: Thread, chosen: Sequence[Mapping[str, Any]], limit: int, zone: tzinfo
) -> None:
    out = output.console()
    print_text(printable(found.headline or f"Article {found.article_id}"), style="bold")
    statuses = {each: sum(_has(row, each) for row in found.comments) for each in Status}
    waiting = sum(row["open_reports"] > 0 for row in found.comments)
    parts = [
        f"{count:,} {each}"
        for each, count in statuses.items()
        if count and each is not Status.REPORTED
    ]
    said = counted(len(found.comments), "comment") + (f": {', '.join(parts)}" if parts else "")
    if waiting:
        said += f"; {counted(waiting, 'comment')} with open reports"
    print_text(f"{said}.", style="dim")
    for row in chosen[:limit]:
        out.print()
        _print_comment(row, zone, indent=min(_INDENT * (row["depth"] - 1), _MAX_INDENT))
    print_rest(len(chosen) - limit, len(chosen))


def _print_comment(
    row: Mapping[str, Any], zone: tzinfo, *, indent: int = 0, bold: bool = False
) -> None:
    name, user_id = row["display_name"], row["user_id"]
    head = Text()
    who = f"{name} ({user_id})" if name else user_id
    head.append(printable(who), "bold" if bold else "cyan")
    facts = [clock(row["posted_at"], zone), row["comment_id"]]
    if row["role"] == "staff":
        facts.insert(0, "staff")
    head.append(printable(" · " + " · ".join(facts)), "dim")
    for text, style in standing_in_words(row):
        head.append(f" · {text}", style)
    if row["reports"]:
        head.append(f" · {reports_in_words(row)}", "red" if row["open_reports"] else "dim")
    print_text(head, indent=indent)
    _print_text(row["body"] or _ERASED, indent + _INDENT)


def _print_text(text: str, indent: int) -> None:
    """Print what somebody wrote as one paragraph."""
    print_text(printable(" ".join(text.split())), indent=indent)


def _print_history(history: CommentHistory, zone: tzinfo) -> None:
    out = output.console()
    title = history.headline or f"Article {history.article_id}"
    print_text(printable(title), style="bold")
    out.print()
    for number, parent in enumerate(history.parents):
        _print_comment(parent, zone, indent=min(_INDENT * number, _MAX_INDENT))
    if history.comment is None:
        print_text(f"No posting of comment {history.comment_id} has arrived.", style="yellow")
    else:
        indent = min(_INDENT * len(history.parents), _MAX_INDENT)
        _print_comment(history.comment, zone, indent=indent, bold=True)
    out.print()
    print_table(
        ["at", "what", Column("by", wraps=True), Column("details", wraps=True)],
        [
            (clock(entry["happened_at"], zone), _what(entry), _who(entry), _said(entry))
            for entry in history.entries
        ],
        title="What happened to it",
        narrow=lambda: _print_entries(history.entries, zone),
    )
    print_rest(history.entry_count - len(history.entries), history.entry_count)


def _print_entries(entries: Sequence[Mapping[str, Any]], zone: tzinfo) -> None:
    """Print each entry as two paragraphs, where the terminal is too narrow for a table."""
    for entry in entries:
        head = Text(f"{clock(entry['happened_at'], zone)} ").append_text(_what(entry))
        if who := _who(entry):
            head.append(f" by {printable(who)}")
        print_text(head)
        _print_text(_said(entry), 2 * _INDENT)


def _what(entry: Mapping[str, Any]) -> Text:
    what, decision = entry["what"], entry["decision"]
    if what == "moderated":
        return Text(decision, "red" if decision == "rejected" else "green")
    if what == "report decided":
        return Text(f"report {decision}")
    if what == "reported":
        open_ = entry["outcome"] == "open"
        return Text(f"reported: {entry['outcome']}", "red" if open_ else "")
    return Text("posted, held" if decision == "held" else what)


def _who(entry: Mapping[str, Any]) -> str:
    if entry["automated"]:
        return f"{entry['who']} (automatic)"
    if entry["name"] == "anonymous":
        return f"anonymous {entry['who']}"
    return (
        " ".join(filter(None, (entry["name"], f"({entry['who']})" if entry["name"] else None)))
        or entry["who"]
        or ""
    )


def _said(entry: Mapping[str, Any]) -> str:
    parts = [
        entry["report_id"] and f"report {entry['report_id']}",
        entry["reason"],
        entry["law"],
        entry["text"],
        "erased" if entry["erased"] else None,
    ]
    return " · ".join(filter(None, parts))
