"""``btl discussion``: one discussion as a picture in the terminal."""

from collections.abc import Mapping
from datetime import timedelta
from shutil import get_terminal_size
from zoneinfo import ZoneInfo

from rich.text import Text

from below_the_line import moderation
from below_the_line.closing.rules import duration
from below_the_line.closing.timeline import TimelineReport, report_timeline
from below_the_line.plurals import counted
from btl.cli import output
from btl.cli.database import connected, site_settings
from btl.cli.moderation_output import outcomes_in_words
from btl.cli.options import ArticleArgument, AsJson
from btl.cli.output import Column, both_clocks, clock, print_json, print_table, printable
from btl.cli.picture import Change, Picture, bar, changes, look, sparkline
from btl.cli.rules_output import heading, state_in_words, warnings

_LABEL, _HIGHEST = 10, 8
"""Columns before the picture: what is drawn, and its greatest count."""


def discussion(article: ArticleArgument, as_json: AsJson = False) -> None:
    """Draw a discussion over time, and when it was open.

    Shows its comments, late comments and reports, and why it opened and closed.
    """
    current = site_settings()
    zone = ZoneInfo(current.site_timezone)
    columns = max(10, get_terminal_size((100, 24)).columns - _LABEL - _HIGHEST)
    with connected(current) as connection:
        explanation = report_timeline(connection, article)
        picture = look(connection, explanation, zone, columns)
        outcomes = moderation.outcomes(connection, article)
    if as_json:
        print_json(_document(explanation, picture, outcomes))
    else:
        _print(explanation, picture, outcomes, zone)


def _document(
    explanation: TimelineReport, picture: Picture, outcomes: Mapping[str, int]
) -> dict[str, object]:
    return {
        "article_id": explanation.article_id,
        "headline": explanation.headline,
        "published_at": explanation.anchor,
        "state": explanation.state,
        "closes_at": explanation.closes_at,
        "closed_at": explanation.closed_at,
        "cut_off": explanation.cut_off,
        "step_seconds": int(picture.step.total_seconds()),
        "steps": [
            {
                "starts_at": picture.starts_at + number * picture.step,
                "comments": comments,
                "late": late,
                "reports": reports,
            }
            for number, (comments, late, reports) in enumerate(
                zip(picture.comments, picture.late, picture.reports, strict=True)
            )
        ],
        "report_outcomes": outcomes,
        "changes": changes(explanation),
    }


def _print(
    explanation: TimelineReport, picture: Picture, outcomes: Mapping[str, int], zone: ZoneInfo
) -> None:
    out = output.console()
    out.print(Text(printable(heading(explanation)), style="bold"))
    out.print(Text(state_in_words(explanation, zone)))
    out.print()
    out.print(f"[dim]{'highest':>{_LABEL + _HIGHEST - 1}}[/]")
    for label, counts, colour in (
        ("comments", picture.comments, "cyan"),
        ("late", picture.late, "yellow"),
        ("reports", picture.reports, "red"),
    ):
        highest = f"{max(counts, default=0):>{_HIGHEST - 1},} "
        drawn = (sparkline(counts), colour)
        line = Text.assemble(f"{label:<{_LABEL}}", (highest, "dim"), drawn)
        line.rstrip()
        out.print(line)
    out.print(f"{'open':<{_LABEL + _HIGHEST}}[green]{bar(explanation, picture).rstrip()}[/]")
    first, last = f"{clock(picture.starts_at, zone)[:16]}", f"{clock(picture.ends_at, zone)[:16]}"
    gap = len(picture.comments) - len(first) - len(last)
    out.print(
        f"{'':<{_LABEL + _HIGHEST}}[dim]{first}{' ' * gap + last if gap > 0 else ' – ' + last}[/]"
    )
    out.print()
    out.print(_totals(picture, zone))
    if outcomes:
        said = (
            f"Outcomes of the reports, repeated ones counted once: {outcomes_in_words(outcomes)}."
        )
        out.print(said)
    print_table(
        ["", "", Column("", wraps=True)],
        [
            (
                "from the beginning" if change.at is None else both_clocks(change.at, zone),
                _change_in_words(change),
                change.why,
            )
            for change in changes(explanation)
        ],
        headed=False,
    )
    for warning in warnings(explanation, zone):
        out.print(f"[yellow]{warning}[/]")


def _change_in_words(change: Change) -> Text:
    if change.planned:
        planned = {"closed": "closes", "opened": "opens", "reopened": "reopens"}
        return Text(planned.get(change.what, change.what), "dim")
    return Text(change.what, "green" if change.what.endswith(("pened", "open")) else "red")


def _totals(picture: Picture, zone: ZoneInfo) -> str:
    comments, late, reports = sum(picture.comments), sum(picture.late), sum(picture.reports)
    said = f"{counted(comments, 'comment')}, {late:,} of them late; {counted(reports, 'report')}."
    said += (
        f" One block is {_in_words(picture.step)}; each row has a scale of its own, up to its"
        " highest count"
    )
    if comments:
        most = max(picture.comments)
        hourly = most / (picture.step / timedelta(hours=1))
        at = picture.starts_at + picture.comments.index(most) * picture.step
        said += (
            f". Most comments, {most:,} ({hourly:,.4g} an hour), were posted in the block from"
            f" {clock(at, zone)}"
        )
    return said + "."


def _in_words(step: timedelta) -> str:
    minutes = step // timedelta(minutes=1)
    return duration(minutes // 60) if minutes % 60 == 0 else counted(minutes, "minute")
