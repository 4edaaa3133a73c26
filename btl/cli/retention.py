"""``btl retention``: what becomes old, when it goes, and deleting it."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from below_the_line.retention.deletion import delete_old
from below_the_line.retention.rules import selected
from below_the_line.retention.survey import Due, announcement, survey
from below_the_line.settings import NEVER
from btl.cli.database import connected, site_settings
from btl.cli.lazy import command_group
from btl.cli.options import AsJson, DryRun
from btl.cli.output import DRY_RUN, Column, print_json, print_table, print_text, right, size

app = command_group("Show what becomes old and when it goes, and delete it.")

Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="RULE",
        help="Only this rule, as `btl retention show` names it. Can be given several times.",
    ),
]


@app.command()
def show(only: Only = None, as_json: AsJson = False) -> None:
    """Show each rule of retention: after how many days it deletes what, and what is due now.

    The days are site settings: `btl settings set retention_ledger 30`, or never.
    """
    rules = selected(only or ())
    current = site_settings()
    now = datetime.now(UTC)
    with connected(current) as connection:
        found = survey(connection, current, now, rules)
        soon = announcement(connection, current, now)
    if as_json:
        print_json([_document(each) for each in found])
        return
    _print(found)
    if soon is not None:
        print_text(f"Dead letters: {soon}. See them: btl dead-letters list", style="yellow")
    print_text(
        "Airflow's own history is in another database: the DAG retention deletes it after"
        f" {_days(current.retention_airflow)}."
    )


def _print(found: Sequence[Due]) -> None:
    print_table(
        [
            "rule",
            *right("days", "default", rank=1),
            *right("due rows"),
            *right("size"),
            Column("oldest kept", rank=3),
            Column("goes next", rank=2),
            Column("what", wraps=True),
            Column("reason", wraps=True, rank=4),
        ],
        [
            (
                each.rule.name,
                str(each.days),
                str(each.rule.default),
                each.rows,
                size(each.bytes),
                f"{each.oldest_kept:%Y-%m-%d}" if each.oldest_kept else None,
                f"{each.next:%Y-%m-%d}" if each.next else None,
                each.rule.what,
                each.rule.reason,
            )
            for each in found
        ],
    )


def _days(days: int | str) -> str:
    return "never" if days == NEVER else f"{days} days"


def _document(due: Due) -> dict[str, Any]:
    rule = due.rule
    return {
        **asdict(rule),
        "setting": rule.setting,
        "default": rule.default,
        **{name: value for name, value in asdict(due).items() if name != "rule"},
    }


@app.command()
def apply(only: Only = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Delete what is old enough now, as the DAG retention does every day.

    Safe beside running consumers and DAGs, and to repeat after an interruption. Needs the
    database's owner, or a login that may become btl_retention, such as one of btl_scheduler.
    """
    rules = selected(only or ())
    current = site_settings()
    now = datetime.now(UTC)
    done: list[tuple[str, str, int]] = []
    with connected(current) as connection:
        if dry_run:
            found = survey(connection, current, now, rules)
            done = [(each.rule.name, each.rule.what, each.rows) for each in found]
        else:
            for deleted in delete_old(connection, current, now, rules):
                done.append((deleted.rule.name, deleted.rule.what, deleted.rows))
    if as_json:
        print_json({"rows": {name: rows for name, _, rows in done}, "done": not dry_run})
        return
    print_table(
        ["rule", *right("due rows" if dry_run else "deleted rows"), Column("what", wraps=True)],
        [(name, rows, what) for name, what, rows in done],
    )
    if dry_run:
        typer.echo(DRY_RUN)
