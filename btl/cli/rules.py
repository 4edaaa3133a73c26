"""``btl rules``: show and set how long discussions stay open, and apply it."""

import logging
from dataclasses import asdict
from datetime import UTC, datetime
from getpass import getuser
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from below_the_line.closing import rules
from below_the_line.closing.timeline import report_timeline
from below_the_line.errors import BelowTheLineError
from below_the_line.logs import configure_logs
from below_the_line.times import EXAMPLE
from btl.cli.database import connected, site_settings
from btl.cli.lazy import command_group
from btl.cli.options import ArticleArgument, AsJson, DryRun
from btl.cli.output import clock, print_json
from btl.cli.rules_output import (
    explanation_document,
    print_effect,
    print_explanation,
    print_made,
    print_rules,
)

app = command_group("Show and set how long discussions stay open.")


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the rules.

    A rule for a section comes before one for a site, and that before one for all. Of one scope, the
    last that was in force at the publication of an article applies.
    """
    current = site_settings()
    with connected(current) as connection:
        found = rules.all_rules(connection)
    if as_json:
        print_json(found)
    else:
        print_rules(found, _zone(current.site_timezone))


@app.command("set")
def set_(
    window: Annotated[
        str,
        typer.Argument(
            metavar="WINDOW",
            help="How long discussions stay open: 48h, 14d, 2w.",
            show_default=False,
        ),
    ],
    site: Annotated[
        str | None, typer.Option(metavar="SITE", help="Only articles of this site.")
    ] = None,
    section: Annotated[
        str | None,
        typer.Option(
            metavar="SECTION",
            help="Only articles of this section; of every site, unless --site is given.",
        ),
    ] = None,
    reactions: Annotated[
        str, typer.Option(metavar="WINDOW", help="How much longer reactions are counted.")
    ] = "7d",
    valid_from: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help=(
                f"Apply to articles published from this time on: {EXAMPLE}, 2026-05-01 (midnight at"
                " the site), 12h, 7d or 2w ago, or beginning. Default: now."
            ),
            show_default=False,
        ),
    ] = None,
    retroactive: Annotated[
        bool,
        typer.Option(
            "--retroactive", help="Apply also to articles that are already published. Needs --note."
        ),
    ] = False,
    note: Annotated[str | None, typer.Option(help="Reason.")] = None,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="PERSON",
            help="Person who makes the rule. Default: this user of the system.",
            show_default=False,
        ),
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Add a rule. Rules are never changed or deleted: a later rule supersedes an earlier one."""
    current = site_settings()
    zone = _zone(current.site_timezone)
    # A dry run of a rule for the past needs no reason.
    rehearsed = dry_run and valid_from is not None and not (retroactive and note)
    new = rules.NewRule(
        site=site,
        section=section,
        window_hours=rules.parse_window(window),
        reactions_window_hours=rules.parse_window(reactions, min_hours=0),
        valid_from=None if valid_from is None else rules.parse_valid_from(valid_from, zone),
        created_by=by or person(),
        note=note or ("dry run" if rehearsed else None),
        retroactive=retroactive or rehearsed,
    )
    with connected(current) as connection:
        if dry_run:
            effect = rules.dry_run(connection, new)
        else:
            made = rules.add_rule(connection, new)
        is_known = rules.has_articles(connection, new)
    is_for_the_past = new.starts_before(datetime.now(UTC))
    if as_json:
        print_json({**asdict(effect), "needs_retroactive": is_for_the_past} if dry_run else made)
    elif dry_run:
        print_effect(effect, zone, unsaid=rehearsed and is_for_the_past)
    else:
        print_made(made, zone)
    if not is_known and not as_json:
        typer.echo(
            f"No article of {rules.in_words(site, section)} is known yet. Check the spelling.",
            err=True,
        )


@app.command()
def explain(article: ArticleArgument, as_json: AsJson = False) -> None:
    """Explain when an article's discussion is open, and which rule or event decides that."""
    current = site_settings()
    with connected(current) as connection:
        explanation = report_timeline(connection, article)
    if as_json:
        print_json(explanation_document(explanation))
    else:
        print_explanation(explanation, _zone(current.site_timezone))


@app.command()
def apply(as_json: AsJson = False) -> None:
    """Apply rules and events to the windows now, as the DAG close_discussions does.

    Up to the last barrier that was passed.
    """
    current = site_settings()
    # The summary below says what was done; the log would repeat it.
    configure_logs(current.log_format, logging.WARNING)
    with connected(current) as connection:
        summary = rules.apply_now(connection)
    if as_json:
        print_json(
            {
                "cut_off": summary.cut_off,
                "examined": summary.examined,
                "changed": summary.changed,
                "now": summary.now,
            }
        )
        return
    states = "".join(f", {count:,} now {state}" for state, count in sorted(summary.now.items()))
    typer.echo(
        f"Windows are applied up to {clock(summary.cut_off, _zone(current.site_timezone))}, the"
        f" last barrier that was passed. {summary.examined:,} computed,"
        f" {summary.changed:,} changed{states}."
    )


def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def person() -> str:
    """Return the name of this user of the system. Raises BelowTheLineError if it has none."""
    try:
        return getuser()
    except (OSError, KeyError):
        raise BelowTheLineError(
            "This user of the system has no name.", "Give the person who decides: --by."
        ) from None
