"""What is said of an export before anything is sent: for people and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from below_the_line.closing.rules import all_rules
from below_the_line.errors import BelowTheLineError
from below_the_line.plurals import counted
from btl.archives.forecast import DEFAULT_RULES, closing_rules
from btl.archives.survey import Closing, Finding, RulesInForce, Span, Survey
from btl.cli import configuration
from btl.cli.database import connected
from btl.cli.output import print_text

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
        return RulesInForce(DEFAULT_RULES, "default", "BTL_DATABASE_URL is not set")
    try:
        with connected(settings) as connection:
            return RulesInForce(closing_rules(all_rules(connection)), "database")
    except BelowTheLineError as error:
        return RulesInForce(DEFAULT_RULES, "default", error.message.rstrip("."))


def print_survey(survey: Survey, reasons: Sequence[Finding]) -> None:
    """Print what an export holds, what is odd in it, and how many comments will be late.

    ``reasons``: why items were rejected.
    """
    print_text(
        f"{counted(survey.articles, 'article')}{_published(survey.published)};"
        f" {counted(survey.comments, 'comment')}{_posted(survey.posted)},"
        f" {_replies(survey.replies)}, by {_people(survey)}."
    )
    for finding in survey.findings:
        _print_finding(finding, finding.said)
    for reason in reasons:
        _print_finding(reason, f"{counted(reason.number, 'item')} rejected: {reason.said}.")
    print_text(_closing(survey.closing))
    _print_late(survey)


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
            {"reason": reason.said, "number": reason.number, "examples": reason.examples}
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
    }


def _print_finding(finding: Finding, said: str) -> None:
    print_text(f"- {said}")
    for example in finding.examples:
        print_text(f"{example.what} ({example.file}, {example.within})", indent=4, style="dim")


def _print_late(survey: Survey) -> None:
    late = survey.late
    if not late.late:
        print_text(f"None of {counted(late.comments, 'comment')} lies after the end of its window.")
        return
    causes = ", ".join(
        f"{number:,} because {_CAUSES[cause]}" for cause, number in late.by_cause.most_common()
    )
    lies = (
        "lies after the end of its window"
        if late.late == 1
        else "lie after the end of their windows"
    )
    hint = (
        " If the site never closed its discussions: --never-close, or discussion.closes_at in the"
        " mapping."
        if late.by_cause["rule"]
        else ""
    )
    print_text(
        f"{late.late:,} of {counted(late.comments, 'comment')} {lies}, and will count as late:"
        f" {causes}.{hint}"
    )
    for each in late.examples:
        print_text(
            f"article {each.article_id}: {each.late:,} of {counted(each.comments, 'comment')}",
            indent=4,
            style="dim",
        )


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


def _published(span: Span | None) -> str:
    return "" if span is None else f" published {_dates(span)}"


def _posted(span: Span | None) -> str:
    return "" if span is None else f" posted {_dates(span)}"


def _dates(span: Span) -> str:
    first, last = f"{span.first:%Y-%m-%d}", f"{span.last:%Y-%m-%d}"
    return f"on {first}" if first == last else f"from {first} to {last}"


def _replies(number: int) -> str:
    return f"{number:,} of them {'a reply' if number == 1 else 'replies'}"


def _people(survey: Survey) -> str:
    people = "1 person" if survey.people == 1 else f"{survey.people:,} people"
    return people if not survey.names else f"{people}, {survey.names:,} of them known only by name"
