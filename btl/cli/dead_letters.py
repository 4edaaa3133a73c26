"""``btl dead-letters``: list and show rejected records, redrive them, or discard them."""

import sys
from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer

from below_the_line.catalogue import load_contracts, topics
from below_the_line.contracts.spelling import nearest
from below_the_line.database.migrations import require_current
from below_the_line.erasing.keys import given_key
from below_the_line.errors import BelowTheLineError
from below_the_line.plurals import counted
from below_the_line.unknown import MAX_LISTED, unknown
from btl.cli import configuration
from btl.cli.database import connected, site_settings
from btl.cli.dead_letters_output import (
    as_document,
    as_full_document,
    as_outcome,
    print_counts,
    print_letter,
    print_list,
    print_outcome,
    print_outcomes,
    print_sources,
)
from btl.cli.lazy import command_group
from btl.cli.options import AsJson, DryRun, PartitionArgument, TopicArgument, time_option
from btl.cli.output import DRY_RUN, print_json, printable
from consumers.adapters.dead_letters import (
    DeadLetter,
    article_is_known,
    at_offset,
    count_by_code,
    count_by_source,
    latest,
)
from consumers.adapters.dead_letters import discard as set_aside
from consumers.core.dead_letters import Letter, Selection
from consumers.redrive import redrive as run

Codes = Annotated[
    list[str] | None,
    typer.Option("--code", help="Only this code. Can be given several times.", metavar="CODE"),
]
Topic = Annotated[str | None, typer.Option("--topic", help="Only this topic.", metavar="TOPIC")]
Article = Annotated[
    str | None,
    typer.Option(
        "--article",
        help="Only records with this key: the article's id (a person's of commenter.erased.v1).",
        metavar="ARTICLE",
    ),
]
Since = Annotated[
    datetime | None, time_option("--since", "Only records with a timestamp at this time or later")
]
Until = Annotated[
    datetime | None, time_option("--until", "Only records with a timestamp before this time")
]
Statuses = Annotated[
    list[str] | None,
    typer.Option(
        "--status",
        metavar="STATUS",
        help="open (the default), redriven or discarded. Can be given several times.",
    ),
]
StatusesToRedrive = Annotated[
    list[str] | None,
    typer.Option(
        "--status",
        metavar="STATUS",
        help="open (the default) or discarded. Can be given several times.",
    ),
]
Source = Annotated[
    str | None,
    typer.Option("--source", help="Only events of this CloudEvents source.", metavar="SOURCE"),
]
EventType = Annotated[
    str | None,
    typer.Option("--event-type", help="Only events of this CloudEvents type.", metavar="TYPE"),
]
EventId = Annotated[
    str | None,
    typer.Option("--event-id", help="Only events with this CloudEvents id.", metavar="EVENT_ID"),
]

_MAX_SOURCES = 100

app = command_group("List, show, redrive and discard rejected records.")


@app.command("list")
def list_(
    code: Codes = None,
    topic: Topic = None,
    article: Article = None,
    source: Source = None,
    event_type: EventType = None,
    event_id: EventId = None,
    since: Since = None,
    until: Until = None,
    status: Statuses = None,
    limit: Annotated[int, typer.Option(min=1, help="Number of dead letters to list.")] = 20,
    summary: Annotated[
        bool,
        typer.Option(
            "--summary", help="Print only the number of each code, and of each source and type."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List dead letters, the newest first, and count them by code.

    --summary counts them by source and type, too.
    """
    selection = Selection.parse(
        code or (), topic, article, since, until, status or (), source, event_type, event_id
    )
    with connected(configuration.settings()) as connection:
        counts = count_by_code(connection, selection)
        letters = [] if summary else latest(connection, selection, limit)
        sources = count_by_source(connection, selection, _MAX_SOURCES) if summary else []
    if not counts:
        _require_names(selection)
    if as_json:
        document: dict[str, object] = {"counts": counts}
        if summary:
            document["sources"] = [each._asdict() for each in sources]
        print_json(
            document if summary else document | {"dead_letters": list(map(as_document, letters))}
        )
    elif not counts:
        _print_nothing(selection)
    else:
        print_counts(counts)
        if letters:
            print_list(letters, sum(counts.values()))
        if sources:
            print_sources(sources)


@app.command()
def show(
    topic: TopicArgument,
    partition: PartitionArgument,
    offset: Annotated[int, typer.Argument(help="Offset of the record.", min=0, show_default=False)],
    topic_id: Annotated[
        UUID | None,
        typer.Option(
            help="Kafka's id of the topic, if a topic of this name was deleted and created again.",
            show_default=False,
        ),
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Write the value to standard output, byte for byte.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show everything that was kept of one dead letter."""
    if raw and as_json:
        raise BelowTheLineError("--raw and --json were given.", "Give one of them.")
    with connected(configuration.settings()) as connection:
        found = at_offset(connection, topic, partition, offset, topic_id)
    letter = _the_one(found, topic, partition, offset)
    if raw:
        if letter.record_value is None:
            typer.echo("The record has no value.", err=True)
        sys.stdout.buffer.write(letter.record_value or b"")
        sys.stdout.buffer.flush()
    elif as_json:
        print_json(as_full_document(letter))
    else:
        print_letter(letter)


@app.command()
def redrive(
    code: Codes = None,
    topic: Topic = None,
    article: Article = None,
    source: Source = None,
    event_type: EventType = None,
    event_id: EventId = None,
    since: Since = None,
    until: Until = None,
    status: StatusesToRedrive = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Print what would happen to each dead letter. Change nothing."
        ),
    ] = False,
    summary: Annotated[
        bool, typer.Option("--summary", help="With --dry-run: print only the numbers.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Validate dead letters again, and merge those that are valid events now.

    Each is validated by its own timestamp. Safe at any time, beside running consumers, and to
    repeat. Records that are still rejected stay dead letters, with the reason as it is now.
    """
    selection = Selection.parse(
        code or (), topic, article, since, until, status or (), source, event_type, event_id
    )
    current = site_settings()
    url = current.require_database_url()
    require_current(url)
    # Not the letters themselves: their records may be large.
    outcomes: list[dict[str, object]] = []

    def on_outcome(letter: Letter, outcome: str) -> None:
        if not dry_run or summary:
            return
        if as_json:
            outcomes.append(as_outcome(letter, outcome))
        else:
            print_outcome(letter, outcome)

    done = run(
        url,
        current.consumer_group,
        load_contracts(),
        selection,
        erasure_key=given_key(current.erasure_key),
        dry_run=dry_run,
        on_outcome=on_outcome,
    )
    if not done.decoded:
        _require_names(selection)
    if as_json:
        print_json(
            {
                "dry_run": dry_run,
                "redriven": done.redriven,
                "still_bad": done.still_bad,
                "outcomes": [
                    {"code": before, "outcome": outcome, "records": count}
                    for (before, outcome), count in sorted(done.outcomes.items())
                ],
                "dead_letters": outcomes,
            }
        )
    elif done.decoded:
        print_outcomes(done, dry_run=dry_run)
    else:
        _print_nothing(selection)


@app.command()
def discard(
    code: Codes = None,
    topic: Topic = None,
    article: Article = None,
    source: Source = None,
    event_type: EventType = None,
    event_id: EventId = None,
    since: Since = None,
    until: Until = None,
    all_: Annotated[bool, typer.Option("--all", help="Discard all that are open.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Discard open dead letters.

    Lists and redrives leave them out, unless `--status discarded` is given.
    """
    selection = Selection.parse(
        code or (), topic, article, since, until, (), source, event_type, event_id
    )
    if selection.is_narrowed is all_:
        raise BelowTheLineError(
            "discard needs either a filter or --all.", "Give a filter such as --code, or --all."
        )
    with connected(configuration.settings()) as connection:
        counts = (count_by_code if dry_run else set_aside)(connection, selection)
    if not counts:
        _require_names(selection)
    if as_json:
        print_json({"dry_run": dry_run, "counts": counts})
    elif not counts:
        _print_nothing(selection)
    else:
        print_counts(counts)
        typer.echo(DRY_RUN if dry_run else "Discarded: `--status discarded` shows them.")


def _the_one(found: list[DeadLetter], topic: str, partition: int, offset: int) -> DeadLetter:
    """Return the only one found. Raises BelowTheLineError if there are none or several."""
    if not found:
        _require_topic(topic)
        raise BelowTheLineError(
            f"There is no dead letter at offset {offset} of {topic}-{partition}.",
            "`btl dead-letters list` shows those that exist.",
        )
    if len(found) > 1:
        raise BelowTheLineError(
            f"The topic {topic} was deleted and created again, and"
            f" {counted(len(found), 'dead letter')} have offset {offset} of partition {partition}.",
            "Choose one: "
            + " or ".join(
                f"--topic-id {each.topic_id} ({each.dead_lettered_at:%F %T})" for each in found
            ),
        )
    return found[0]


def _require_topic(topic: str) -> None:
    """Raise BelowTheLineError for a topic that no consumer reads."""
    read = [each.name for each in topics() if each.direction == "in"]
    if topic not in read:
        raise unknown("topic", topic, read)


def _print_nothing(selection: Selection) -> None:
    """Say that no dead letter matches, and what else there is."""
    typer.echo("No dead letter matches.")
    if selection.source is not None:
        if selection.statuses == ("open",):
            typer.echo("Only open ones were looked for; see also --status redriven or discarded.")
        with connected(configuration.settings()) as connection:
            found = count_by_source(connection, Selection.parse(), _MAX_SOURCES)
        sources = list(dict.fromkeys(each.source for each in found if each.source is not None))
        meant = nearest(selection.source, sources)
        if meant is not None and meant != selection.source:
            typer.echo(f"Did you mean --source {printable(meant)}?")
        listed = ", ".join(map(printable, sources[:MAX_LISTED]))
        typer.echo(f"Sources of open dead letters: {listed or 'none'}.")


def _require_names(selection: Selection) -> None:
    """Raise BelowTheLineError for a topic, an event type or an article that does not exist.

    Called where nothing was found: it is probably a typing error.
    """
    if selection.topic is not None:
        _require_topic(selection.topic)
    types = [name for each in topics() if each.direction == "in" for name in each.event_types]
    if selection.event_type is not None and selection.event_type not in types:
        raise unknown("event type", selection.event_type, types)
    if selection.article is not None:
        with connected(configuration.settings()) as connection:
            if not article_is_known(connection, selection.article):
                raise BelowTheLineError(
                    f"No event has named the article {selection.article!r}, and no dead letter"
                    " has it as its key.",
                    "Check the id.",
                )
