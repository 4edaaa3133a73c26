"""What is said of an export before anything is sent: for people and as JSON."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import typer
from rich.cells import cell_len

from below_the_line.closing.rules import all_rules
from below_the_line.errors import BelowTheLineError
from below_the_line.plurals import counted
from btl.archives.checking import Tally
from btl.archives.facts import Facts
from btl.archives.forecast import DEFAULT_RULES, closing_rules
from btl.archives.survey import Closing, Finding, RulesInForce, Span, Survey
from btl.archives.taken_ids import taken_ids
from btl.cli import configuration
from btl.cli.database import connected
from btl.cli.output import Cell, Column, console, print_table, print_text, printable

_INDENT, _EXAMPLE_INDENT, _HANGING = 2, 6, 2
_CAUSES = {
    "rule": "the closing rules close their discussions",
    "article": "the export says when their articles closed",
    "disabled": "their articles never took comments",
    "unpublished": "their articles had been taken down",
}


def rules_in_force() -> RulesInForce:
    """Return the closing rules of the database, or, where it can't be asked, the default ones with
    the reason.
    """
    settings = configuration.settings()
    if settings.database_url is None:
        why = "BTL_DATABASE_URL is not set, and no stack with a database runs in BTL_HOME"
        return RulesInForce(DEFAULT_RULES, "default", why)
    try:
        with connected(settings) as connection:
            return RulesInForce(closing_rules(all_rules(connection)), "database")
    except BelowTheLineError as error:
        return RulesInForce(DEFAULT_RULES, "default", error.message.rstrip("."))


def ids_taken(facts: Facts, rules: RulesInForce) -> list[Finding]:
    """Return what is to be said of articles' ids that the database has for other pages; nothing
    where it can't be asked.
    """
    if rules.origin != "database":
        return []
    with suppress(BelowTheLineError), connected(configuration.settings()) as connection:
        return taken_ids(facts, connection)
    return []


def print_survey(survey: Survey, reasons: Sequence[Finding], tally: Tally) -> None:
    """Print what an export holds, what is odd in it, and how many comments will be late.

    ``reasons``: why items were rejected. ``tally``: what was left out, and what stands in.
    """
    print_table(["", Column("", right=True), ""], _totals(survey), headed=False)
    _print_heading("Odd in it", survey.findings or reasons)
    for finding in survey.findings:
        _print_finding(finding, finding.said)
    for reason in reasons:
        _print_finding(reason, f"{counted(reason.number, 'item')} rejected: {reason.said}.")
    _print_heading("Left out", tally.left_out)
    for (what, why), left_out in sorted(tally.left_out.items()):
        print_text(printable(f"{what}, {left_out.number:,}: {why}"), indent=_INDENT)
        for place in left_out.examples:
            _print_example(place)
    _print_heading("What stands in for what the export does not say", tally.stand_ins)
    if tally.stand_ins:
        print_table(
            ["", "", Column("", right=True)],
            [(*key.split(" ", 1), number) for key, number in sorted(tally.stand_ins.items())],
            headed=False,
            indent=_INDENT,
        )
    _print_heading("When discussions close")
    print_text(_closing(survey.closing), indent=_INDENT)
    _print_late(survey)
    typer.echo()


def survey_document(survey: Survey, reasons: Sequence[Finding]) -> dict[str, Any]:
    """Return the same for JSON."""
    closing, late = survey.closing, survey.late
    return {
        "articles": survey.articles,
        "published": survey.published,
        "comments": survey.comments,
        "posted": survey.posted,
        "replies": survey.replies,
        "people": survey.people,
        "people_by_name_only": survey.names,
        "findings": {
            finding.name: {
                "number": finding.number,
                "said": finding.said,
                "examples": finding.examples,
            }
            for finding in survey.findings
        },
        "rejected": [
            {
                "reason": reason.said,
                "number": reason.number,
                "values": reason.values,
                "examples": reason.examples,
            }
            for reason in reasons
        ],
        "closing": {
            "policy": closing.policy,
            "chosen_by": "option" if closing.is_asked else "format",
            "rules": closing.rules.origin,
            "why": closing.rules.why or None,
        },
        "late_comments": {
            "number": late.late,
            "of": late.comments,
            "articles": late.articles,
            "by_site": dict(late.by_site),
            "by_cause": dict(late.by_cause),
            "examples": [asdict(each) for each in late.examples],
        },
        "late_by_rules": None if (by_rules := survey.late_by_rules) is None else by_rules.late,
    }


def _totals(survey: Survey) -> list[Sequence[Cell]]:
    replies = f"{survey.replies:,} {'reply' if survey.replies == 1 else 'replies'}"
    return [
        ("articles", survey.articles, _dates("published", survey.published)),
        ("comments", survey.comments, f"{_dates('posted', survey.posted)}; {replies}"),
        ("people", survey.people, f"{survey.names:,} known only by a name" if survey.names else ""),
    ]


def _print_heading(text: str, of: object = True) -> None:
    if of:
        typer.echo()
        print_text(text, style="bold")


def _print_finding(finding: Finding, said: str) -> None:
    print_text(printable(said), indent=_INDENT)
    if finding.values:
        numbers = ", ".join(f"{value} {number:,}" for value, number in finding.values.items())
        rest = finding.number - sum(finding.values.values())
        others = f", others {rest:,}" if rest else ""
        text = printable(f"how often: {numbers}{others}")
        print_text(text, indent=_EXAMPLE_INDENT, hanging=_HANGING)
    for example in finding.examples:
        place = f"{example.file}, {example.within}"
        # A reason is not repeated where it is the same.
        if example.what == finding.said:
            _print_example(place)
        else:
            _print_example(example.what, f"({place})")


def _print_example(text: str, place: str = "") -> None:
    """Print an example; its place is in a line of its own where one line has no room for both."""
    text, place = printable(text), printable(place)
    parts = [f"{text} {place}".rstrip()]
    if place and cell_len(parts[0]) > console().width - _EXAMPLE_INDENT:
        parts = [text, place]
    for number, part in enumerate(parts):
        indent = _EXAMPLE_INDENT + (_HANGING if number else 0)
        print_text(part, indent=indent, hanging=0 if number else _HANGING, style="dim")


def _print_late(survey: Survey) -> None:
    late = survey.late
    if not late.late:
        text = f"None of {counted(late.comments, 'comment')} lies after the end of its window."
        print_text(f"{text}{_by_rules(survey)}", indent=_INDENT)
        return
    lies = "lies after the end of its window"
    if late.late != 1:
        lies = "lie after the end of their windows"
    causes = [
        f"{number:,} because {_CAUSES[cause]}" for cause, number in late.by_cause.most_common()
    ]
    because = f": {', '.join(causes)}"
    if len(causes) == 1:
        because = f", {causes[0].partition(' ')[2]}"
    hint = (
        " If the site never closed its discussions: --never-close, or discussion.closes_at in the"
        " mapping."
        if late.by_cause["rule"]
        else ""
    )
    print_text(
        f"{late.late:,} of {counted(late.comments, 'comment')} {lies}, and will count as"
        f" late{because}.{hint}{_by_rules(survey)}",
        indent=_INDENT,
    )
    for each in late.examples:
        comments = counted(each.comments, "comment")
        text = printable(f"article {each.article_id}: {each.late:,} of {comments}")
        print_text(text, indent=_EXAMPLE_INDENT, style="dim")


def _by_rules(survey: Survey) -> str:
    """What would come of the closing rules, where discussions stay open, as a further sentence."""
    late = survey.late_by_rules
    if late is None or late.late == survey.late.late:
        return ""
    rules = survey.closing.rules
    whose = "of the database" if rules.origin == "database" else "of a new installation"
    articles = counted(late.articles, "article")
    return f" By the closing rules {whose} {late.late:,} would, in {articles}."


def _closing(closing: Closing) -> str:
    if closing.policy == "never":
        why = (
            "as asked with --never-close"
            if closing.is_asked
            else "the default for this format, whose sites leave discussions open: --close-by-rules"
            " closes them by the closing rules"
        )
        return f"Discussions stay open unless the export says when they closed ({why})."
    rules = (
        "those of the database"
        if closing.rules.origin == "database"
        else f"the default of two weeks, because {closing.rules.why}"
    )
    why = (
        "as asked with --close-by-rules"
        if closing.is_asked
        else "the default for tables: --never-close leaves them open"
    )
    return (
        "Discussions close by the closing rules unless the export says when they closed"
        f" ({why}). The rules are {rules}."
    )


def _dates(verb: str, span: Span | None) -> str:
    if span is None:
        return f"not said when {verb}"
    first, last = f"{span.first:%Y-%m-%d}", f"{span.last:%Y-%m-%d}"
    return f"{verb} on {first}" if first == last else f"{verb} from {first} to {last}"
