"""``btl archive``."""

import re
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import typer

from below_the_line.catalogue import load_contracts
from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.admin import existing_topics
from below_the_line.plurals import counted
from below_the_line.settings import Settings
from btl.archives.article_names import Naming
from btl.archives.assignment import files_beside
from btl.archives.checking import Tally
from btl.archives.closing import Policy
from btl.archives.external_sort import Sorter
from btl.archives.formats import ReadingOptions, all_formats
from btl.archives.importer import Import, Preparation, RejectsFile, checkers, preparing
from btl.archives.manifest import FORMAT as BELOW_THE_LINE
from btl.archives.mapping import load_mapping
from btl.archives.production import PARALLEL_EVENTS, producing
from btl.archives.proposal import proposal
from btl.archives.recognition import Recognised, format_named, recognised
from btl.archives.sources import files_of
from btl.archives.spool import Rejected
from btl.archives.survey import Closing, Finding, Reasons, Survey, survey
from btl.cli import archive_export, configuration
from btl.cli.archive_survey import ids_taken, print_survey, rules_in_force, survey_document
from btl.cli.interruption import interruptible
from btl.cli.lazy import command_group
from btl.cli.options import AsJson
from btl.cli.output import Column, print_json, print_table
from btl.cli.progress import progress
from btl.pacing import Pacer

app = command_group("Import a site's export of articles and comments, or write one.")

app.command("export")(archive_export.export)

DEFAULT_REJECTS = Path("rejected-rows.csv")
_OWN_TABLES = "tables"
_BASE_URL = re.compile(r"https?://[^\s/?#]+(/[^\s?#]*)?", re.IGNORECASE).fullmatch


@app.command("import")
def import_archive(
    files: list[Path] | None = typer.Argument(
        None,
        metavar="FILE",
        help="Files of one export, as they are: also gzipped, in a zip, or a folder of them.",
        show_default=False,
    ),
    format_name: str | None = typer.Option(
        None,
        "--format",
        metavar="NAME",
        help="Format of the files. Default: recognised by their content.",
        show_default=False,
    ),
    articles: Path | None = typer.Option(
        None, metavar="FILE", help="Table of the articles, for a mapping.", show_default=False
    ),
    comments: Path | None = typer.Option(
        None, metavar="FILE", help="Table of the comments, for a mapping.", show_default=False
    ),
    mapping: Path | None = typer.Option(
        None,
        metavar="FILE",
        help="TOML that says what the columns of your own tables mean, or the name of one that"
        " comes with the software: docs/archives.md.",
        show_default=False,
    ),
    source: str | None = typer.Option(
        None,
        metavar="TEXT",
        help="Source of the events. Default: the mapping's, else archive:FORMAT.",
        show_default=False,
    ),
    site: str | None = typer.Option(
        None, metavar="SITE", help="Site of all articles.", show_default=False
    ),
    base_url: str | None = typer.Option(
        None,
        "--base-url",
        metavar="URL",
        help="What comes before paths, such as https://example.org: some exports have no host.",
        show_default=False,
    ),
    time_zone: str | None = typer.Option(
        None,
        "--time-zone",
        metavar="ZONE",
        help="Time zone of local times, such as Europe/Vienna. Default: UTC.",
        show_default=False,
    ),
    never_close: bool = typer.Option(
        False, "--never-close", help="Discussions stay open unless the export says otherwise."
    ),
    close_by_rules: bool = typer.Option(
        False,
        "--close-by-rules",
        help="Discussions close by the closing rules unless the export says otherwise.",
    ),
    article_ids: Path | None = typer.Option(
        None,
        "--article-ids",
        metavar="FILE",
        help="CSV with the columns url and article_id: the ids that live events have.",
        show_default=False,
    ),
    id_prefix: str | None = typer.Option(
        None,
        "--id-prefix",
        metavar="TEXT",
        help="What comes before the id of every article: several sites number theirs from 1.",
        show_default=False,
    ),
    join_addresses: bool = typer.Option(
        False,
        "--join-addresses",
        help="Make one article of those whose addresses are of one page.",
    ),
    normalize_ids: bool = typer.Option(
        False, "--normalize-ids", help="Write all ids in one normal form of Unicode (NFC)."
    ),
    dry_run: bool = typer.Option(
        False, "--dry-run", help="Check everything. Produce nothing; no broker is needed."
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
        help="CSV for the items that cannot become an event; written only if there are any.",
    ),
    as_json: AsJson = False,
) -> None:
    """Produce a site's export as events, those of an article in the order in which they happened.

    Everything is read and checked before the first event is sent. Importing the same export again
    changes nothing: its events keep their ids. Items that make no valid event are written to the
    rejects file and left out. With --dry-run the exit status is 1 if there are any.

    What `btl archive export` wrote is restored into the database instead, with all versions
    (docs/archive-export.md).
    """
    paths = _paths(files, articles, comments, mapping)
    wanted = _import(
        paths,
        _OWN_TABLES if mapping is not None and format_name is None else format_name,
        ReadingOptions(
            _zone(time_zone),
            site,
            _checked_url(base_url),
            mapping,
            ("articles", "comments") if articles else (),
        ),
        source,
        _policy(never_close=never_close, close_by_rules=close_by_rules),
        _naming(normalize_ids, join_addresses, article_ids, id_prefix),
    )
    if wanted.format.name == BELOW_THE_LINE:
        archive_export.restore_archive(
            wanted.files,
            {
                "--source": source,
                "--site": site,
                "--base-url": base_url,
                "--time-zone": time_zone,
                "--never-close": never_close,
                "--close-by-rules": close_by_rules,
                "--article-ids": article_ids,
                "--id-prefix": id_prefix,
                "--join-addresses": join_addresses,
                "--normalize-ids": normalize_ids,
                "--rate": rate,
                "--speed": speed,
            },
            dry_run=dry_run,
            as_json=as_json,
        )
        return
    if base_url is not None and not wanted.format.has_paths:
        typer.echo(
            f"--base-url has no effect: the format {wanted.format.name} has whole addresses.",
            err=True,
        )
    closing = Closing(wanted.policy, never_close or close_by_rules, rules_in_force())
    started = time.monotonic()
    if not dry_run:
        # Before anybody reads a million rows and then gets this error.
        existing_topics(configuration.settings())
    with (
        interruptible(),
        RejectsFile(rejects) as rejected,
        preparing(wanted, load_contracts(), datetime.now(UTC), checkers(wanted)) as preparation,
    ):
        found = _checked(preparation, wanted.size, rejected, closing)
        tally, surveyed, reasons = found.tally, found.survey, found.reasons
        nothing = None
        if not tally.events:
            nothing = _nothing_found(wanted, is_asked=format_name is not None)
            if not tally.rejected and not tally.left_out:
                raise nothing
        if not as_json:
            print_survey(surveyed, reasons, tally)
        if not dry_run and nothing is None:
            _produce(
                configuration.settings(), found.events, tally.events.total(), Pacer(rate, speed)
            )
    seconds = time.monotonic() - started
    if as_json:
        said = survey_document(surveyed, reasons)
        print_json(_as_json(wanted, tally, seconds, dry_run=dry_run) | {"survey": said})
    else:
        _print_summary(tally, surveyed, seconds, dry_run=dry_run)
    if tally.rejected:
        typer.echo(
            f"{counted(tally.rejected, 'item')} rejected: {rejects} has the place and the reason of"
            " each.",
            err=True,
        )
    if nothing is not None:
        raise nothing
    if tally.rejected and dry_run:
        raise typer.Exit(1)


@app.command("formats")
def list_formats(as_json: AsJson = False) -> None:
    """List the formats of exports that can be imported, and where to get such a file."""
    formats = all_formats()
    if as_json:
        print_json(
            [
                {
                    "format": found.name,
                    "title": found.title,
                    "how_to_export": found.how_to_export,
                    "closing": found.closing,
                }
                for found in formats
            ]
        )
        return
    print_table(
        [Column("format"), Column("what", wraps=True), Column("where to get it", wraps=True)],
        [(found.name, found.title, found.how_to_export) for found in formats],
    )


@app.command("mapping")
def propose_mapping(
    files: list[Path] = typer.Argument(
        ..., metavar="FILE", help="Your tables: CSV, TSV, JSON lines or Parquet, also packed."
    ),
) -> None:
    """Write a mapping to begin with, guessed from names of columns and first rows."""
    typer.echo(proposal(files_of(files)), nl=False)


def _paths(
    files: Sequence[Path] | None,
    articles: Path | None,
    comments: Path | None,
    mapping: Path | None,
) -> list[Path]:
    tables = [path for path in (articles, comments) if path is not None]
    if files and tables:
        raise BelowTheLineError(
            "Files are named with and without --articles and --comments.",
            "Name them in one way.",
        )
    if tables and mapping is None:
        raise BelowTheLineError(
            "Tables of your own need a mapping that says what their columns are.",
            "Write one (docs/archives.md), and name it with --mapping.",
        )
    if len(tables) == 1:
        missing = "--comments" if comments is None else "--articles"
        raise BelowTheLineError(f"{missing} is missing.", "Name both tables.")
    if not files and not tables and mapping is None:
        raise BelowTheLineError(
            "There is no file to import.",
            "Name the files of an export; `btl archive formats` lists what can be imported.",
        )
    return list(files or tables)


def _import(
    paths: Sequence[Path],
    format_name: str | None,
    options: ReadingOptions,
    source: str | None,
    policy: Policy | None,
    naming: Naming,
) -> Import:
    if not paths and options.mapping is not None:
        files = files_beside(load_mapping(options.mapping), options.mapping.parent)
    else:
        files = [file for file in files_of(paths) if not _is(file.path, options.mapping)]
    found = (
        recognised(files, paths)
        if format_name is None
        else Recognised(format_named(format_name), files)
    )
    if source is None and options.mapping is not None:
        source = load_mapping(options.mapping).source
    return Import(
        found.format,
        found.files,
        options,
        source or f"archive:{found.format.name}",
        policy or found.format.closing,
        naming,
        found.others,
    )


def _is(path: Path, mapping: Path | None) -> bool:
    """Whether a path is the mapping's, which may lie in the folder that it is for."""
    return mapping is not None and path.resolve() == mapping.resolve()


def _zone(name: str | None) -> Any:
    if name is None:
        return UTC
    if name not in available_timezones():
        raise BelowTheLineError(
            f"--time-zone {name!r} is not an IANA time zone.", "Write it like Europe/Vienna."
        )
    return ZoneInfo(name)


def _checked_url(text: str | None) -> str | None:
    if text is None:
        return None
    if not _BASE_URL(text):
        raise BelowTheLineError(
            f"--base-url {text!r} is not the beginning of an address.",
            "Write it like https://example.org.",
        )
    return text.rstrip("/")


def _policy(*, never_close: bool, close_by_rules: bool) -> Policy | None:
    if never_close and close_by_rules:
        raise BelowTheLineError(
            "--never-close and --close-by-rules cannot be combined.", "Leave one of them out."
        )
    return "never" if never_close else "rules" if close_by_rules else None


def _naming(
    normalize_ids: bool,
    join_addresses: bool,
    article_ids: Path | None,
    id_prefix: str | None,
) -> Naming:
    if id_prefix is not None and article_ids is not None:
        raise BelowTheLineError(
            "--id-prefix and --article-ids cannot be combined: the ids of the publishing system are"
            " those of live events.",
            "Leave one of them out.",
        )
    if id_prefix is not None and (id_prefix != id_prefix.lstrip() or not id_prefix.isprintable()):
        raise BelowTheLineError(
            f"--id-prefix {id_prefix!r} begins with a blank, or has characters that cannot be"
            " printed.",
            "Write it like weekly:.",
        )
    return Naming(normalize_ids, join_addresses, article_ids, id_prefix or "")


@dataclass(frozen=True)
class Surveyed:
    """An export that was read, checked and surveyed."""

    tally: Tally
    events: Sorter
    survey: Survey
    reasons: Sequence[Finding]
    """Why items were rejected."""


def _checked(
    preparation: Preparation, size: int, rejected: RejectsFile, closing: Closing
) -> Surveyed:
    """Read, check and survey an export; an interruption says that nothing was sent yet."""
    reasons = Reasons()

    def reject(item: Rejected) -> None:
        rejected.write(item)
        reasons.add(item.file, item.within, item.reason)

    try:
        with progress("check", size, "bytes") as update:
            found = preparation.check(reject, update)
            taken = ids_taken(found.facts, closing.rules)
            surveyed = survey(found.facts, closing, [*found.findings, *taken])
    except KeyboardInterrupt:
        typer.echo("Interrupted: nothing was sent.", err=True)
        raise typer.Exit(130) from None
    return Surveyed(found.tally, found.events, surveyed, reasons.found)


def _produce(settings: Settings, events: Sorter, total: int, pacer: Pacer) -> None:
    in_parallel = total >= PARALLEL_EVENTS and not pacer.waits
    with producing(settings, events, pacer, in_parallel=in_parallel) as production:
        try:
            with progress("produce", total) as update:
                production.run(update)
        except (KeyboardInterrupt, BelowTheLineError) as error:
            with suppress(Exception):  # whatever was under way when it was interrupted
                production.stop()
            is_asked = isinstance(error, KeyboardInterrupt)
            typer.echo(
                f"{'Interrupted:' if is_asked else 'Stopped: at least'} {production.delivered:,} of"
                f" {total:,} events were sent. Run the same command again: it sends all of them,"
                " and what is there already does not change.",
                err=True,
            )
            if is_asked:
                raise typer.Exit(130) from None
            raise


_NOUNS = {
    "article.published.v1": "article",
    "comment.posted.v1": "comment",
    "article.unpublished.v1": "unpublication",
    "comment.edited.v1": "edit",
    "comment.deleted.v1": "deletion",
    "comment.moderated.v1": "decision",
    "comment.reported.v1": "report",
    "report.decided.v1": "decision about a report",
    "reaction.added.v1": "reaction",
}


def _nothing_found(wanted: Import, *, is_asked: bool) -> BelowTheLineError:
    """Return the error of an import without any event; ``is_asked``: with --format."""
    first, *others = wanted.files
    more = f" and {counted(len(others), 'other file')}" if others else ""
    return BelowTheLineError(
        f"No article and no comment was found in {first.name}{more}. Looked for:"
        f" {wanted.format.title}.",
        "Leave out --format: formats are recognised by their content."
        if is_asked
        else f"This is how to get such an export: {wanted.format.how_to_export}",
    )


def _print_summary(tally: Tally, found: Survey, seconds: float, *, dry_run: bool) -> None:
    events = tally.events
    articles, comments = (events[name] for name in ("article.published.v1", "comment.posted.v1"))
    verb = "are valid; nothing was produced" if dry_run else "produced"
    pace = f", {events.total() / seconds:,.0f}/s" if seconds > 0 else ""
    what = f"{counted(articles, 'article')} and {counted(comments, 'comment')}"
    if (articles, comments) != (found.articles, found.comments):
        # What comes twice has as many events, and counts once in what was said before.
        what = (
            f"{counted(articles, 'event')} about articles and {counted(comments, 'event')} about"
            " comments"
        )
    typer.echo(f"{what} {verb} ({seconds:.1f} s{pace}).")
    others = [
        f"{number:,} {_noun(name, number)}"
        for name in _NOUNS
        if name not in ("article.published.v1", "comment.posted.v1") and (number := events[name])
    ]
    if others:
        typer.echo(f"With them: {', '.join(others)}.")


def _noun(event_type: str, number: int) -> str:
    noun = _NOUNS[event_type]
    if number == 1:
        return noun
    return noun.replace("decision", "decisions", 1) if " " in noun else f"{noun}s"


def _as_json(wanted: Import, tally: Tally, seconds: float, *, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "format": wanted.format.name,
        "source": wanted.source,
        "closing": wanted.policy,
        "events": tally.events,
        "rejected_rows": tally.rejected,
        "left_out": [
            {
                "what": what,
                "why": why,
                "number": left_out.number,
                "examples": left_out.examples,
            }
            for (what, why), left_out in sorted(tally.left_out.items())
        ],
        "stand_ins": tally.stand_ins,
        "seconds": seconds,
    }
