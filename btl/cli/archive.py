"""``btl archive``."""

import time
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import typer

from below_the_line.catalogue import load_contracts
from below_the_line.kafka.envelopes import STRUCTURED_HEADERS
from below_the_line.kafka.producer import Publisher
from below_the_line.plurals import counted
from btl.archives.external_sort import Timed, sorted_by_time
from btl.archives.importer import Archive, RejectsFile
from btl.archives.mapping import load_mapping
from btl.cli import configuration
from btl.cli.lazy import command_group
from btl.cli.options import AsJson
from btl.cli.output import print_json
from btl.cli.progress import STEP, event_progress
from btl.pacing import Pacer

app = command_group("Import a site's export of articles and comments.")

DEFAULT_REJECTS = Path("rejected-rows.csv")


@app.command("import")
def import_archive(
    articles: Path = typer.Option(..., metavar="FILE", help="CSV of the articles, or .gz of one."),
    comments: Path = typer.Option(..., metavar="FILE", help="CSV of the comments, or .gz of one."),
    mapping: Path = typer.Option(
        ..., metavar="FILE", help="TOML that maps the columns: docs/archives.md."
    ),
    dry_run: bool = typer.Option(
        False, "--dry-run", help="Check every row. Produce nothing; no broker is needed."
    ),
    rate: float | None = typer.Option(
        None, min=0.001, help="Maximum number of events per second.", show_default=False
    ),
    speed: float | None = typer.Option(
        None,
        min=0.001,
        help="Replay the time between events, faster by this factor.",
        show_default=False,
    ),
    rejects: Path = typer.Option(
        DEFAULT_REJECTS,
        metavar="FILE",
        help="CSV for the rows that cannot become an event; written only if there are any.",
    ),
    as_json: AsJson = False,
) -> None:
    """Produce a site's export as events, in the order in which they happened.

    Every row is read and checked before the first event is sent. Importing the same export again
    changes nothing: its events keep their ids. Rows that cannot be mapped are written to the
    rejects file and left out. With --dry-run the exit status is 1 if there are any.
    """
    archive = Archive(
        articles, comments, load_mapping(mapping), load_contracts(), datetime.now(UTC)
    )
    started = time.monotonic()
    # The broker is tried first, so that nobody reads a million rows before its error.
    with (
        RejectsFile(rejects) as rejected,
        nullcontext() if dry_run else Publisher(configuration.settings()) as publisher,
    ):
        checked = _read_with_progress(archive, rejected.write, (articles, comments))
        with sorted_by_time(checked, STRUCTURED_HEADERS) as events:
            if publisher is not None:
                _produce(publisher, events, archive.tally.events.total(), Pacer(rate, speed))
    seconds = time.monotonic() - started
    if as_json:
        print_json(
            {
                "dry_run": dry_run,
                "events": archive.tally.events,
                "rejected_rows": archive.tally.rejected,
                "seconds": seconds,
            }
        )
    else:
        typer.echo(_summary(archive, seconds, dry_run=dry_run))
    if archive.tally.rejected:
        typer.echo(
            f"{counted(archive.tally.rejected, 'row')} rejected: {rejects} has the line and the"
            " reason of each.",
            err=True,
        )
        if dry_run:
            raise typer.Exit(1)


def _read_with_progress(
    archive: "Archive", reject: object, files: tuple[Path, Path]
) -> "Iterator[Timed]":
    with event_progress() as progress:
        sizes = [path.stat().st_size if path.is_file() else 0 for path in files]
        bars = {
            name: progress.add_task(f"check {name}", total=size, unit="bytes")
            for name, size in zip(("articles", "comments"), sizes, strict=True)
        }
        yield from archive.events(
            reject,  # type: ignore[arg-type]
            lambda name, done: progress.update(bars[name], completed=done),
        )


def _produce(publisher: "Publisher", events: "Iterator[Timed]", total: int, pacer: "Pacer") -> None:
    with event_progress() as progress:
        bar = progress.add_task("produce", total=total)
        sent = 0

        def catch_up() -> None:
            publisher.flush()
            progress.update(bar, completed=sent)

        for occurred_at, outgoing in events:
            pacer.wait(occurred_at / 1_000_000, catch_up)
            publisher.send(outgoing)
            sent += 1
            if sent % STEP == 0:
                progress.update(bar, completed=sent)
        catch_up()


def _summary(archive: "Archive", seconds: float, *, dry_run: bool) -> str:
    events = archive.tally.events
    articles, comments = events["article.published.v1"], events["comment.posted.v1"]
    verb = "are valid; nothing was produced" if dry_run else "produced"
    pace = f"{events.total() / seconds:,.0f}/s" if seconds > 0 else ""
    what = f"{counted(articles, 'article')} and {counted(comments, 'comment')}"
    return f"{what} {verb} ({seconds:.1f} s, {pace})."
