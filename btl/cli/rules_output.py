"""Rules and the state of discussions as tables, as sentences and as JSON."""

from dataclasses import asdict
from datetime import timedelta
from zoneinfo import ZoneInfo

import typer
from rich.text import Text

from below_the_line.closing.rules import Effect, Rule, duration
from below_the_line.closing.timeline import TimelineReport
from below_the_line.closing.windows import DEFAULT_REACTIONS_HOURS
from below_the_line.plurals import counted
from btl.cli import output
from btl.cli.output import (
    DRY_RUN,
    Column,
    both_clocks,
    clock,
    print_table,
    printable,
    right,
)


def explanation_document(explanation: TimelineReport) -> dict[str, object]:
    """Return an explanation for JSON; events are named by source and id."""

    def event(found: object) -> dict[str, object]:
        values = asdict(found)  # type: ignore[call-overload]
        return {name: value for name, value in values.items() if name != "version"}

    return {
        "article_id": explanation.article_id,
        "headline": explanation.headline,
        "site": explanation.site,
        "section": explanation.section,
        "published_at": explanation.anchor,
        "published_at_changes": [
            {
                "published_at": change.anchor,
                "cause": change.cause,
                "event": {"source": change.event.source, "event_id": change.event.event_id},
            }
            for change in explanation.anchor_changes
        ],
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


def print_rules(rules: list[Rule], zone: ZoneInfo) -> None:
    """Print a table of rules."""
    rows = []
    for rule in rules:
        colour = {"in force": "green", "superseded": "dim"}.get(rule.standing, "yellow")
        start = "any time" if rule.valid_from is None else f"from {clock(rule.valid_from, zone)}"
        until = "" if rule.valid_until is None else f" until {clock(rule.valid_until, zone)}"
        rows.append(
            (
                str(rule.rule_id),
                rule.whom,
                Text(rule.standing + (" (retroactive)" if rule.retroactive else ""), colour),
                duration(rule.window_hours),
                f"+ {duration(rule.reactions_window_hours)}",
                "none" if rule.standing == "superseded" else start + until,
                clock(rule.created_at, zone),
                rule.created_by,
                rule.note,
            )
        )
    print_table(
        [
            *right("rule"),
            Column("for", wraps=True, min_width=20),
            Column("state", wraps=True, min_width=13),
            "window",
            Column("reactions", rank=2),
            Column("of articles published", wraps=True, rank=1),
            Column("made", rank=3),
            Column("by", rank=4),
            Column("note", wraps=True, rank=5),
        ],
        rows,
    )


def print_made(rule: Rule, zone: ZoneInfo) -> None:
    """Print the rule that was added."""

    start = "at any time" if rule.valid_from is None else f"from {clock(rule.valid_from, zone)} on"
    typer.echo(
        f"Rule {rule.rule_id}, made by {printable(rule.created_by)}: {printable(rule.whom)}"
        f" published {start}: comments close after {duration(rule.window_hours)}, reactions count"
        f" {duration(rule.reactions_window_hours)} longer."
    )
    if rule.standing == "superseded":
        typer.echo(
            "It is not in force for any article: another rule of the same scope comes into force"
            " at the same time."
        )
    if rule.retroactive:
        typer.echo(
            "The next run of close_discussions applies it to articles published before; `btl rules"
            " apply` applies it now."
        )


def print_effect(effect: Effect, zone: ZoneInfo, *, unsaid: bool) -> None:
    """Print what a rule would change."""

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
    typer.echo(DRY_RUN)
    if unsaid:
        typer.echo(
            "It would apply to articles that are already published: to add it, give --retroactive"
            " and the reason (--note)."
        )


def print_explanation(explanation: TimelineReport, zone: ZoneInfo) -> None:
    """Print when an article's discussion is open, and why."""

    out = output.console()
    rule = explanation.rule
    lines = [
        ("article", heading(explanation)),
        (
            "published",
            (
                "no event says when"
                if explanation.anchor is None
                else both_clocks(explanation.anchor, zone)
            ),
        ),
    ]
    if len(explanation.anchor_changes) > 1:
        lines += [
            ("", f"{clock(change.anchor, zone)}: {change.words}")
            for change in reversed(explanation.anchor_changes)
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
    if explanation.closes_at is not None:
        longer = DEFAULT_REACTIONS_HOURS if rule is None else rule.reactions_window_hours
        until = explanation.closes_at + timedelta(hours=longer)
        lines.append(("reactions", f"count until {both_clocks(until, zone)}"))
    print_table([Column("", style="bold"), Column("", wraps=True)], lines, headed=False)
    in_utc = [Column("from (UTC)", rank=1)] if zone.key != "UTC" else []
    anchor = explanation.anchor
    out.print()
    print_table(
        [f"from ({zone.key})", *in_utc, "comments", Column("decided by", wraps=True)],
        [
            (
                "any time" if start is None else clock(start, zone, exact=True),
                *([None if start is None else clock(start, exact=True)] if in_utc else []),
                Text("accepted", "green") if piece.accepted else Text("not accepted", "red"),
                explanation.why(piece),
            )
            for piece in explanation.pieces
            if anchor is None or piece.ends_at is None or piece.ends_at > anchor
            # What is posted before the publication is in time, whatever held then.
            for start in [max(filter(None, (piece.starts_at, anchor)), default=None)]
        ],
    )
    _print_overrides(explanation, zone)
    for warning in warnings(explanation, zone):
        out.print(f"[yellow]{warning}[/]")


def _print_overrides(explanation: TimelineReport, zone: ZoneInfo) -> None:
    overrides = [event for event in explanation.events if event.is_override]
    if overrides:
        output.console().print()
        print_table(
            [
                "override",
                "decided",
                Column("until", rank=1),
                Column("by", rank=1),
                Column("reason", rank=1),
                Column("event", wraps=True, rank=2),
            ],
            [
                (
                    event.kind,
                    clock(event.effective_at, zone),
                    None if event.closes_at is None else clock(event.closes_at, zone),
                    event.decided_by,
                    event.reason,
                    f"{event.event_id} of {event.source}",
                )
                for event in overrides
            ],
        )


def heading(explanation: TimelineReport) -> str:
    """Return the article in one line."""
    place = " / ".join(part for part in (explanation.site, explanation.section) if part)
    return " · ".join(
        part for part in (explanation.article_id, explanation.headline, place) if part
    )


def state_in_words(explanation: TimelineReport, zone: ZoneInfo) -> str:
    """Return the state of the discussion at the cut-off."""
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
    """Return sentences about what has not been ingested or applied yet."""
    found = [
        (
            f"As of {clock(explanation.cut_off, zone)}, up to where everything is ingested."
            if explanation.cut_off_is_known
            else (
                "No closing run has passed its barrier yet: this may change with events that are"
                " not ingested yet."
            )
        )
    ]
    if not explanation.is_applied:
        stored = explanation.stored_state or "no window yet"
        at_once = "; `btl rules apply` applies it now" if explanation.cut_off_is_known else ""
        found.append(
            f"The tables say: {stored}. The next run of close_discussions brings them up to"
            f" date{at_once}."
        )
    return found
