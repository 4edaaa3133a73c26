"""``btl rules``: how long discussions stay open, why one is open or closed, and applying what has
changed.
"""

from __future__ import annotations

import logging
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from getpass import getuser
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.table import Table
from rich.text import Text

from below_the_line.closing import rules
from below_the_line.closing.rules import Effect, Rule, all_rules, apply_now, duration
from below_the_line.closing.timeline import TimelineReport, report_timeline
from below_the_line.errors import BelowTheLineError
from below_the_line.logs import configure_logs
from below_the_line.plurals import counted
from btl.cli import configuration, output
from btl.cli.database import connected
from btl.cli.lazy import command_group
from btl.cli.offsets import AsJson
from btl.cli.output import both_clocks, clock, print_json, print_table, printable

app = command_group("Show and set how long discussions stay open.")

ArticleArgument = Annotated[
    str, typer.Argument(metavar="ARTICLE", help="The article's id.", show_default=False)
]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the rules: section beats site beats all; of one scope, the last in force before an
    article's publication.
    """
    current = configuration.settings()
    with connected(current) as connection:
        rules = all_rules(connection)
    if as_json:
        print_json(rules)
    else:
        _print_rules(rules, _zone(current.site_timezone))


@app.command("set")
def set_(
    window: Annotated[
        str, typer.Argument(metavar="WINDOW", help="How long: 48h, 14d, 2w.", show_default=False)
    ],
    site: Annotated[str | None, typer.Option(help="Only articles of this site.")] = None,
    section: Annotated[
        str | None,
        typer.Option(help="Only articles of this section; of every site if none is named."),
    ] = None,
    reactions: Annotated[str, typer.Option(help="How much longer reactions count.")] = "7d",
    valid_from: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help=(
                "For articles published from then on: RFC 3339, a date (midnight at the site), or"
                " beginning. Without it: now."
            ),
        ),
    ] = None,
    retroactive: Annotated[
        bool,
        typer.Option(
            "--retroactive", help="Also for articles that are published already. Needs --note."
        ),
    ] = False,
    note: Annotated[str | None, typer.Option(help="Why.")] = None,
    by: Annotated[
        str | None, typer.Option(help="Who makes the rule. Without it: this user of the system.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count what would change, and change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Add a rule. Rules are never changed or deleted: a later one supersedes."""
    current = configuration.settings()
    zone = _zone(current.site_timezone)
    # What a rule for the past would change is asked before somebody finds a reason for it.
    rehearsed = dry_run and valid_from is not None and not (retroactive and note)
    new = rules.NewRule(
        site=site,
        section=section,
        window_hours=rules.parse_window(window),
        reactions_window_hours=rules.parse_window(reactions, min_hours=0),
        valid_from=None if valid_from is None else rules.parse_valid_from(valid_from, zone),
        created_by=by or _user(),
        note=note or ("dry run" if rehearsed else None),
        retroactive=retroactive or rehearsed,
    )
    with connected(current) as connection:
        if dry_run:
            effect = rules.dry_run(connection, new)
        else:
            made = rules.add_rule(connection, new)
        is_of_something = rules.has_articles(connection, new)
    is_for_the_past = new.starts_before(datetime.now(UTC))
    if as_json:
        print_json({**asdict(effect), "needs_retroactive": is_for_the_past} if dry_run else made)
    elif dry_run:
        _print_effect(effect, zone, unsaid=rehearsed and is_for_the_past)
    else:
        _print_made(made, zone)
    if not is_of_something and not as_json:
        typer.echo(
            f"No article of {rules.in_words(site, section)} is known yet: is it spelled so?",
            err=True,
        )


@app.command()
def explain(article: ArticleArgument, as_json: AsJson = False) -> None:
    """Explain when an article's discussion is open, and which rule or event decides that."""
    current = configuration.settings()
    with connected(current) as connection:
        explanation = report_timeline(connection, article)
    if as_json:
        print_json(explanation_document(explanation))
    else:
        _print_explanation(explanation, _zone(current.site_timezone))


@app.command()
def apply() -> None:
    """Apply rules and events to the windows now, as the DAG close_discussions does, up to the last
    barrier that was passed.
    """
    current = configuration.settings()
    # What was done is told below; the log would repeat it.
    configure_logs(current.log_format, logging.WARNING)
    with connected(current) as connection:
        summary = apply_now(connection)
    typer.echo(
        f"Windows are applied up to {clock(summary.cut_off, _zone(current.site_timezone))}, and no"
        f" further: the last barrier that was passed. {summary.examined:,} computed,"
        f" {summary.changed:,} changed"
        + "".join(f", {count:,} now {state}" for state, count in sorted(summary.now.items()))
        + "."
    )


def explanation_document(explanation: TimelineReport) -> dict[str, object]:
    """An explanation as JSON has it: events are named by source and id."""

    def event(found: object) -> dict[str, object]:
        return {name: value for name, value in asdict(found).items() if name != "version"}  # type: ignore[call-overload]

    return {
        "article_id": explanation.article_id,
        "headline": explanation.headline,
        "site": explanation.site,
        "section": explanation.section,
        "published_at": explanation.anchor,
        "rule": explanation.rule,
        "cut_off": explanation.cut_off,
        "state": explanation.state,
        "reason": explanation.now.cause,
        "closes_at": explanation.closes_at,
        "closed_at": explanation.closed_at,
        "stored_state": explanation.stored_state,
        "waiting_since": explanation.marked_at,
        "timeline": [
            {
                "starts_at": piece.starts_at,
                "ends_at": piece.ends_at,
                "accepted": piece.accepted,
                "cause": piece.cause,
                "event": (
                    None
                    if piece.event is None
                    else {"source": piece.event.source, "event_id": piece.event.event_id}
                ),
                "why": explanation.why(piece),
            }
            for piece in explanation.pieces
        ],
        "events": [event(each) for each in explanation.events],
    }


def _zone(name: str) -> ZoneInfo:

    return ZoneInfo(name)


def _user() -> str:

    try:
        return getuser()
    except (OSError, KeyError):
        raise BelowTheLineError(
            "This user of the system has no name.", "Say who makes the rule: --by."
        ) from None


def _print_rules(rules: list[Rule], zone: ZoneInfo) -> None:

    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in (
        "rule",
        "for",
        "window",
        "reactions",
        "of articles published",
        "",
        "made",
        "by",
        "note",
    ):
        table.add_column(heading, justify="right" if heading == "rule" else "left", no_wrap=True)
    for rule in rules:
        colour = {"in force": "green", "superseded": "dim"}.get(rule.standing, "yellow")
        start = "any time" if rule.valid_from is None else f"from {clock(rule.valid_from, zone)}"
        until = "" if rule.valid_until is None else f" until {clock(rule.valid_until, zone)}"
        if rule.standing == "superseded":
            start, until = "none", ""
        table.add_row(
            str(rule.rule_id),
            Text(printable(rule.whom)),
            duration(rule.window_hours),
            f"+ {duration(rule.reactions_window_hours)}",
            start + until,
            f"[{colour}]{rule.standing}[/]" + (" [dim]retroactive[/]" if rule.retroactive else ""),
            clock(rule.created_at, zone),
            Text(printable(rule.created_by)),
            Text(printable(rule.note or "")),
        )
    print_table(output.console(), table)


def _print_made(rule: Rule, zone: ZoneInfo) -> None:

    start = "at any time" if rule.valid_from is None else f"from {clock(rule.valid_from, zone)} on"
    typer.echo(
        f"Rule {rule.rule_id}, made by {printable(rule.created_by)}: {printable(rule.whom)}"
        f" published {start}: comments close after {duration(rule.window_hours)}, reactions count"
        f" {duration(rule.reactions_window_hours)} longer."
    )
    if rule.standing == "superseded":
        typer.echo(
            "It is in force for no article: another rule of the same scope comes into force at the"
            " same time."
        )
    if rule.retroactive:
        typer.echo(
            "The next run of close_discussions applies it to articles published before; `btl rules"
            " apply` does now."
        )


def _print_effect(effect: Effect, zone: ZoneInfo, *, unsaid: bool) -> None:

    typer.echo(
        f"It would be the rule in force of {counted(effect.articles, 'article')}. Up to"
        f" {clock(effect.cut_off, zone)}, there would be"
    )
    for count, what in (
        (effect.moved, "windows that move"),
        (effect.closed, "discussions that close"),
        (effect.reopened, "discussions that reopen"),
        (effect.become_late, "comments that become late"),
        (effect.become_in_time, "late comments that are in time"),
    ):
        typer.echo(f"{count:>10,} {what}")
    typer.echo("Dry run: nothing was done.")
    if unsaid:
        typer.echo(
            "It would hold for articles that are published already: to make it, say --retroactive"
            " and why (--note)."
        )


def _print_explanation(explanation: TimelineReport, zone: ZoneInfo) -> None:

    out = output.console()
    rule = explanation.rule
    out.print(f"[bold]{'article':<11}[/]", Text(printable(heading(explanation))))
    lines = [
        (
            "published",
            (
                "no event says when"
                if explanation.anchor is None
                else both_clocks(explanation.anchor, zone)
            ),
        )
    ]
    if rule is not None:
        lines.append(
            (
                "rule",
                f"{rule.rule_id}: {rule.whom}, {duration(rule.window_hours)}, reactions"
                f" {duration(rule.reactions_window_hours)} longer; made by {rule.created_by},"
                f" {clock(rule.created_at, zone)}" + (f": {rule.note}" if rule.note else ""),
            )
        )
    lines.append(("state", state_in_words(explanation, zone)))
    lines.append(("decided by", explanation.why(explanation.now)))
    if explanation.closes_at is not None and explanation.state == "open":
        lines.append(("closes", both_clocks(explanation.closes_at, zone)))
    if explanation.closes_at is not None and rule is not None:
        until = explanation.closes_at + timedelta(hours=rule.reactions_window_hours)
        lines.append(("reactions", f"count until {both_clocks(until, zone)}"))
    for label, text in lines:
        out.print(f"[bold]{label:<11}[/]", Text(printable(text)))
    table = Table(box=None, header_style="bold", pad_edge=False)
    in_utc = ["from (UTC)"] if zone.key != "UTC" else []
    for column in (f"from ({zone.key})", *in_utc, "comments", "decided by"):
        table.add_column(column, no_wrap=True)
    for piece in explanation.pieces:
        start = piece.starts_at
        table.add_row(
            "the beginning" if start is None else clock(start, zone, exact=True),
            *(["" if start is None else clock(start, exact=True)] if in_utc else []),
            "[green]accepted[/]" if piece.accepted else "[red]not accepted[/]",
            Text(printable(explanation.why(piece))),
        )
    out.print()
    out.print(table)
    _print_overrides(explanation, zone)
    for warning in warnings(explanation, zone):
        out.print(f"[yellow]{warning}[/]")


def _print_overrides(explanation: TimelineReport, zone: ZoneInfo) -> None:

    overrides = [event for event in explanation.events if event.is_override]
    if not overrides:
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("override", "decided", "until", "by", "reason", "event"):
        table.add_column(column, no_wrap=True)
    for event in overrides:
        table.add_row(
            event.kind,
            clock(event.effective_at, zone),
            "" if event.closes_at is None else clock(event.closes_at, zone),
            Text(printable(event.decided_by or "")),
            event.reason,
            Text(printable(f"{event.event_id} of {event.source}")),
        )
    out = output.console()
    out.print()
    out.print(table)


def heading(explanation: TimelineReport) -> str:
    """The article in one line."""
    place = " / ".join(part for part in (explanation.site, explanation.section) if part)
    return " · ".join(
        part for part in (explanation.article_id, explanation.headline, place) if part
    )


def state_in_words(explanation: TimelineReport, zone: ZoneInfo) -> str:
    """What the discussion is at the cut-off."""
    closed_at = explanation.closed_at
    if explanation.state == "closed":
        return (
            f"closed since {both_clocks(closed_at, zone)}"
            if closed_at
            else "closed; it never was open"
        )
    if explanation.state == "cannot_close":
        return "open, with no end in sight (see the view discussion.cannot_close)"
    if explanation.anchor is not None and explanation.cut_off < explanation.anchor:
        return "open: not published yet"
    return "open"


def warnings(explanation: TimelineReport, zone: ZoneInfo) -> list[str]:
    """What has not been applied yet, as sentences."""
    found = [
        (
            f"As of {clock(explanation.cut_off, zone)}, up to where everything is ingested."
            if explanation.cut_off_is_known
            else (
                "No closing run has passed its barrier yet: what is said here may change with"
                " events that are still under way."
            )
        )
    ]
    if not explanation.is_applied:
        stored = explanation.stored_state or "no window yet"
        found.append(
            f"The tables say: {stored}. The next run of close_discussions brings them up to date;"
            " `btl rules apply` does now."
        )
    return found
