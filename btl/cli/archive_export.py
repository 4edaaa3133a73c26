"""``btl archive export``, and the restoration of what it writes by ``btl archive import``."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from below_the_line.errors import BelowTheLineError
from below_the_line.plurals import counted
from btl.archives.sources import ExportFile
from btl.cli import configuration
from btl.cli.interruption import interruptible
from btl.cli.options import AsJson
from btl.cli.output import print_json, printable
from btl.cli.progress import Update, progress

# The database's driver is imported where it is used: `btl archive import` of other systems' exports
# needs none.
if TYPE_CHECKING:
    from btl.archives.restoration import Restored


def export(
    output: Annotated[
        Path,
        typer.Option(metavar="FOLDER", help="Folder to write; new or empty.", show_default=False),
    ],
    site: Annotated[
        str | None,
        typer.Option(
            metavar="SITE", help="Only this site's articles. Default: all.", show_default=False
        ),
    ] = None,
    form: Annotated[
        Literal["jsonl", "parquet"],
        typer.Option("--as", help="JSON lines, gzipped, or Parquet."),
    ] = "jsonl",
    as_json: AsJson = False,
) -> None:
    """Write all that is held of a site, or of all sites, as one file per table.

    `btl archive import FOLDER` restores it into another installation (docs/archive-export.md). The
    files have the texts that readers wrote and who reported them: only their owner may read them.
    """
    from btl.archives.exporter import export_archive
    from btl.cli.database import connected

    started = time.monotonic()
    try:
        with (
            interruptible(),
            connected(configuration.settings()) as connection,
            progress("export", unit="rows") as update,
        ):
            written: dict[str, int] = {}

            def show(table: str, rows: int) -> None:
                written[table] = rows
                update(sum(written.values()))

            exported = export_archive(connection, output, site=site, form=form, progress=show)
    except KeyboardInterrupt:
        _say(f"Interrupted: what is in {output} is not an archive. Remove it.", err=True)
        raise typer.Exit(130) from None
    seconds = time.monotonic() - started
    if as_json:
        print_json({**exported.as_dict(), "seconds": seconds})
        return
    rows = {each.table: each.rows for each in exported.manifest.files}
    _say(
        f"{counted(rows['articles'], 'article')} and {counted(rows['comments'], 'comment')} written"
        f" to {output}, as of {exported.manifest.as_of} ({seconds:.1f} s)."
    )
    if erased := exported.erased_rows:
        _say(
            f"{counted(erased, 'row')} of comments and reports {'is' if erased == 1 else 'are'}"
            " erased: pseudonyms stand for the people. An installation that restores the archive"
            " recognises them by the same BTL_ERASURE_KEY and what `btl erase --export` writes."
        )
    if left_out := exported.rows_without_site:
        _say(
            f"Left out: {counted(left_out, 'row')} of articles without a site. An export of all"
            " sites has them.",
            err=True,
        )


def restore_archive(
    files: Sequence[ExportFile], options: Mapping[str, object], *, dry_run: bool, as_json: bool
) -> None:
    """Check an archive, and restore it unless it is a dry run; print what was done.

    ``options``: those of `btl archive import` that an archive leaves no choice about, by name.
    Raises BelowTheLineError for one that is given.
    """
    from below_the_line.erasing.keys import given_key
    from btl.archives.restoration import restore
    from btl.cli.database import connected

    given = [name for name, value in options.items() if value]
    if given:
        raise BelowTheLineError(
            f"{given[0]} cannot be given for an archive: it is restored as it was exported.",
            f"Leave out {', '.join(given)}.",
        )
    started = time.monotonic()
    try:
        with interruptible(), _steps() as show:
            if dry_run:
                restored = restore(files, None, None, progress=show)
            else:
                settings = configuration.settings()
                with connected(settings) as connection:
                    restored = restore(
                        files,
                        connection,
                        settings.require_database_url(),
                        erasure_key=given_key(settings.erasure_key),
                        progress=show,
                    )
    except KeyboardInterrupt:
        typer.echo(
            "Interrupted. Run the same command again: it restores what is missing.", err=True
        )
        raise typer.Exit(130) from None
    seconds = time.monotonic() - started
    if as_json:
        print_json({"dry_run": dry_run, **restored.as_dict(), "seconds": seconds})
    else:
        _print_summary(restored, seconds, dry_run=dry_run)


@contextmanager
def _steps() -> Iterator[Callable[[str, int, int], None]]:
    """Show the progress of one step after the other."""
    with ExitStack() as shown:
        updates: dict[str, Update] = {}

        def show(step: str, done: int, total: int) -> None:
            if step not in updates:
                shown.pop_all().close()
                updates[step] = shown.enter_context(progress(step, total, "rows"))
            updates[step](done)

        yield show


def _print_summary(restored: "Restored", seconds: float, *, dry_run: bool) -> None:
    rows = restored.rows
    what = f"{counted(rows['articles'], 'article')} and {counted(rows['comments'], 'comment')}"
    site = "all sites" if restored.manifest.site is None else f"site {restored.manifest.site}"
    origin = f"an archive of {site}, as of {restored.manifest.as_of}"
    if dry_run:
        _say(f"{what} of {origin}: all files and rows are valid. Nothing was restored.")
        return
    changed, total = sum(restored.changed.values()), sum(rows.values())
    said = f"all {total:,} rows restored"
    if rest := total - changed:
        others = "the other was there or is" if rest == 1 else "the others were there or are"
        said = f"{counted(changed, 'row')} of {total:,} restored, {others} newer here"
    _say(f"{what} of {origin}: {said} ({seconds:.1f} s).")
    if changed:
        typer.echo("The next runs of close_discussions and article_metrics compute the rest.")
    for note in restored.notes:
        _say(note, err=True)


def _say(text: str, *, err: bool = False) -> None:
    """Print a text that may have names from the database or from an archive."""
    typer.echo(printable(text), err=err)
