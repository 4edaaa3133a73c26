"""``btl demo``: all steps once on the local stack, from events to metric tables."""

import shlex
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson
import psycopg
import typer
from psycopg.rows import dict_row
from rich.console import Console

from below_the_line.database.connections import connect
from below_the_line.errors import BelowTheLineError
from below_the_line.resources import sql
from btl.archives import MAPPINGS
from btl.cli import archive, configuration, output, simulate, stack
from btl.cli.output import Column, duration, print_table
from btl.cli.stack import Ports
from btl.stack.scheduler import Scheduler

_TABLES = {
    "most_discussed": "Most discussed",
    "most_reported": "Most reported (decided in: median time from report to decision)",
    "closed_lately": "Closed lately (times in UTC)",
    "announced": "Announced to the site, in the topic discussion-events",
    "dead_letters": "Dead letters: rejected records, kept byte for byte",
}

_RANKS = {
    "headline": 1,
    "late": 1,
    "state": 2,
    "reactions": 3,
    "opens_at": 3,
    "depth": 4,
    "people": 3,
    "dismissed": 3,
    "rejected": 3,
}
"""Of columns that a narrow terminal has no room for."""


def demo(
    archive: Path | None = typer.Option(
        None,
        metavar="FOLDER",
        help=(
            "Folder of a site's export, instead of a made-up day: articles.csv and comments.csv (or"
            " .csv.gz). Its mapping is mapping.toml in that folder, or the file of"
            " btl/archives/mappings with the folder's name."
        ),
        show_default=False,
    ),
    seed: int = typer.Option(1, help="Seed of the made-up day."),
    ports: Ports | None = typer.Option(
        None, help="Ports, as for `btl up`: auto chooses free ports.", show_default=False
    ),
) -> None:
    """Start the stack, stream a newsroom day, and show the results.

    The scheduler runs the DAGs in between.
    """
    if find_spec("airflow") is None:
        raise BelowTheLineError(
            "Airflow is not installed.",
            "Install the extra: pip install 'below-the-line[airflow,local]'.",
        )
    began = time.monotonic()
    console = output.console()
    export = None if archive is None else _export(archive)

    _heading(
        console,
        "1. The stack: Kafka, Postgres, Airflow and a consumer, as processes of this machine",
    )
    stack.up(without=None, consumers=None, ports=ports)
    _heading(console, "2. Events into the topics")
    _stream(export, seed)
    _heading(console, "3. The scheduler runs the DAGs")
    _run_dags(console)
    _heading(console, "4. The results")
    _show(console)
    _next_steps(console, time.monotonic() - began)


def _export(folder: Path) -> tuple[Path, Path, Path]:
    """Return the files of an export: articles, comments, mapping.

    Raises BelowTheLineError with the name of a missing one.
    """

    def first(*candidates: Path) -> Path:
        for candidate in candidates:
            if candidate.is_file():
                return candidate
        raise BelowTheLineError(
            f"There is none of {', '.join(map(str, candidates))}.",
            "An export is a folder with articles.csv and comments.csv (or .csv.gz) and a mapping:"
            " docs/archives.md.",
        )

    return (
        first(folder / "articles.csv.gz", folder / "articles.csv"),
        first(folder / "comments.csv.gz", folder / "comments.csv"),
        first(folder / "mapping.toml", MAPPINGS / f"{folder.resolve().name}.toml"),
    )


def _stream(export: tuple[Path, Path, Path] | None, seed: int) -> None:
    if export is None:
        simulate.simulate(
            day=True,
            events=None,
            endless=False,
            seed=seed,
            rate=None,
            speed=None,
            date=None,
            bad_share=0.004,
            output=None,
            as_json=False,
        )
    else:
        articles, comments, mapping = export
        # By its command line: options that are not named have their defaults.
        typer.main.get_command(archive.app).main(
            [
                "import",
                *("--articles", str(articles)),
                *("--comments", str(comments)),
                *("--mapping", str(mapping)),
            ],
            standalone_mode=False,
        )


def _connect() -> "psycopg.Connection":
    return connect(
        configuration.settings().require_database_url(),
        application_name="btl demo",
        autocommit=True,
    )


def _run_dags(console: "Console") -> None:
    """Run the DAGs that close discussions and compute metrics, and wait for them."""
    current = configuration.settings()
    password = current.airflow_password.get_secret_value() if current.airflow_password else ""
    with closing(Scheduler(current.airflow_url or "", current.airflow_user, password)) as scheduler:
        for dag_id, text in {
            "close_discussions": (
                "waits until all that was produced is in the tables, then applies the closing"
                " windows"
            ),
            "article_metrics": (
                "computes engagement and abuse reports of every article that changed"
            ),
        }.items():
            with console.status(f"[bold]{dag_id}[/] {text} …"):
                scheduler.wait_for_dag(dag_id)
                scheduler.run(dag_id)
            console.print(f"[green]✓[/] [bold]{dag_id}[/] {text}")


def _show(console: "Console") -> None:
    with _connect() as connection:
        (totals,) = _rows(connection, sql("demo/totals.sql"))
        console.print(
            f"[bold]{totals['records']:,}[/] records read: {totals['applied']:,} applied,"
            f" {totals['unchanged']:,} unchanged (duplicates or stale),"
            f" {totals['dead_lettered']:,} dead letters. {totals['articles']:,} articles,"
            f" {totals['comments']:,} comments."
        )
        for name, title in _TABLES.items():
            rows = _rows(connection, sql(f"demo/{name}.sql"))
            if not rows:
                continue
            console.print()
            print_table(
                [
                    Column(
                        name.replace("_", " "),
                        right=isinstance(value, int | float | timedelta),
                        cut=name == "headline",
                        wraps=name == "example",
                        rank=_RANKS.get(name, 0),
                    )
                    for name, value in rows[0].items()
                ],
                [[_cell(value) for value in row.values()] for row in rows],
                title=title,
                out=console,
            )


def _heading(console: "Console", text: str) -> None:
    console.rule(text, align="left") if console.is_terminal else console.print(f"── {text}")


def _rows(connection: "psycopg.Connection", query: bytes) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query).fetchall()


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, timedelta):
        return duration(value.total_seconds())
    if isinstance(value, int):
        return f"{value:,}"
    return str(value)


def _next_steps(console: "Console", seconds: float) -> None:
    current = configuration.settings()
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    event = orjson.dumps(
        {
            "specversion": "1.0",
            "id": f"by-hand-{now}",
            "source": "/my-comment-service",
            "type": "comment.posted.v1",
            "time": now,
            "data": {
                "article_id": "my-article",
                "comment_id": "my-comment",
                "author": {"user_id": "me", "display_name": "Me"},
                "body": "First!",
                "posted_at": now,
            },
        }
    ).decode()
    btl = stack.program()
    with _connect() as connection:
        busiest = _rows(connection, sql("demo/most_discussed.sql"))
    console.print()
    _heading(console, f"Done in {seconds:.0f} s. What to try next")
    comments = (
        "select comment_id, posted_at, first_body from discussion.comments where article_id ="
        " 'my-article'"
    )
    letters = (
        "select code, pointer, message from ingest.dead_letters order by dead_lettered_at desc"
        " limit 3"
    )
    article = shlex.quote(str(busiest[0]["article"])) if busiest else "ARTICLE"
    for title, command in {
        "List the articles with most comments, or reports": f"{btl} top --by reports",
        "Show all figures of one": f"{btl} article {article}",
        "Draw its discussion": f"{btl} discussion {article}",
        "See which event set what": f"{btl} explain article {article}",
        "Produce an event by hand": f"echo '{event}' | {btl} produce",
        "and see it in its table": f'{btl} psql -- -c "{comments}"',
        "Produce a bad one, which becomes a dead letter": (
            f"echo '{{}}' | {btl} produce --unchecked"
        ),
        "and see the reason that its producer gets": f'{btl} psql -- -c "{letters}"',
    }.items():
        console.print(f"[bold]{title}[/]:")
        console.print(f"  {command}", markup=False, soft_wrap=True)
    console.print(
        f"[bold]Open Airflow[/]: {current.airflow_url} (user {current.airflow_user}; the password"
        f" is above, and in {btl} env)",
        soft_wrap=True,
    )
    console.print(
        "[bold]Ask the metric tables[/] (state is empty until close_discussions has run, every five"
        " minutes):"
    )
    query = (
        "select article_id, comments_submitted, comments_published, late_comments, state"
        " from metrics.article_engagement order by computed_at desc limit 5"
    )
    console.print(f'  {btl} psql -- -c "{query}"', markup=False, soft_wrap=True)
    console.print(
        f"The stack keeps running: [bold]{btl} status[/] shows it, [bold]{btl} down[/] stops it.",
        soft_wrap=True,
    )
    console.print(
        f"Tables show everything that was ever streamed here; [bold]{btl} reset[/] starts again.",
        soft_wrap=True,
    )
