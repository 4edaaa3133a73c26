"""``btl dead-letters``: the records that were refused: looking at them, judging them again, setting
them aside.
"""

from __future__ import annotations

import sys
from base64 import b64encode
from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.highlighter import JSONHighlighter
from rich.table import Table
from rich.text import Text

from below_the_line.catalogue import load_contracts, topics
from below_the_line.database.migrations import require_current
from below_the_line.errors import BelowTheLineError
from below_the_line.plurals import counted
from btl.cli import configuration, output
from btl.cli.database import connected
from btl.cli.lazy import command_group
from btl.cli.offsets import AsJson, DryRun, PartitionArgument, TopicArgument
from btl.cli.output import indented_json, print_json, printable, printable_bytes
from consumers.adapters.dead_letters import DeadLetter, at_offset, count_by_code, latest
from consumers.adapters.dead_letters import discard as set_aside
from consumers.core.dead_letters import Letter, Selection
from consumers.redrive import RedriveSummary
from consumers.redrive import redrive as run

app = command_group("List, show, redrive and discard rejected records.")

Codes = Annotated[
    list[str] | None, typer.Option("--code", help="Only this code. May be given several times.")
]
Topic = Annotated[str | None, typer.Option("--topic", help="Only this topic.")]
Article = Annotated[
    str | None, typer.Option("--article", help="Only records with this key: the article's id.")
]
Since = Annotated[
    str | None,
    typer.Option("--since", help="Only records with a timestamp from here on (RFC 3339)."),
]
Until = Annotated[
    str | None,
    typer.Option("--until", help="Only records with a timestamp before this (RFC 3339)."),
]
Statuses = Annotated[
    list[str] | None,
    typer.Option(
        "--status", help="open (the default), redriven or discarded. May be given several times."
    ),
]

_MOST_CHARACTERS = 20_000
"""Of a value on a terminal."""


@app.command("list")
def list_(
    code: Codes = None,
    topic: Topic = None,
    article: Article = None,
    since: Since = None,
    until: Until = None,
    status: Statuses = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, at most.")] = 20,
    summary: Annotated[
        bool, typer.Option("--summary", help="Only how many there are of each code.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List dead letters, the newest first, and count them by code."""
    selection = Selection.parse(code or (), topic, article, since, until, status or ())
    with connected(configuration.settings()) as connection:
        counts = count_by_code(connection, selection)
        letters = [] if summary else latest(connection, selection, limit)
    if as_json:
        print_json(
            {"counts": counts}
            if summary
            else {"counts": counts, "dead_letters": list(map(_as_json, letters))}
        )
    elif not counts:
        _print_none(topic)
    else:
        _print_counts(counts)
        if letters:
            _print_list(letters, sum(counts.values()))


@app.command()
def show(
    topic: TopicArgument,
    partition: PartitionArgument,
    offset: Annotated[int, typer.Argument(help="Offset of the record.", min=0, show_default=False)],
    topic_id: Annotated[
        UUID | None,
        typer.Option(help="Which life of a topic that was made anew.", show_default=False),
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Write the value to standard output, byte for byte.")
    ] = False,
) -> None:
    """Show all that was kept of one dead letter."""
    with connected(configuration.settings()) as connection:
        found = at_offset(connection, topic, partition, offset, topic_id)
    if not found:
        raise BelowTheLineError(
            f"There is no dead letter at offset {offset} of {topic}-{partition}.",
            "`btl dead-letters list` shows which there are.",
        )
    if len(found) > 1:
        raise BelowTheLineError(
            f"The topic {topic} was made anew, and each life of it has a dead letter at offset"
            f" {offset} of partition {partition}.",
            "Say which: "
            + " or ".join(
                f"--topic-id {each.topic_id} ({each.dead_lettered_at:%F %T})" for each in found
            ),
        )
    (letter,) = found
    if raw:
        if letter.record_value is None:
            typer.echo("The record has no value.", err=True)
        sys.stdout.buffer.write(letter.record_value or b"")
        sys.stdout.buffer.flush()
    else:
        _print_letter(letter)


@app.command()
def redrive(
    code: Codes = None,
    topic: Topic = None,
    article: Article = None,
    since: Since = None,
    until: Until = None,
    status: Statuses = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Say what would become of each dead letter, and write nothing."
        ),
    ] = False,
    summary: Annotated[
        bool, typer.Option("--summary", help="Of a dry run: only how many.")
    ] = False,
) -> None:
    """Judge dead letters again, by the record's own timestamp, and merge those that are valid
    events now.

    Safe at any time, beside running consumers, and again. What is still refused stays as it is,
    with the present reason.
    """
    selection = Selection.parse(code or (), topic, article, since, until, status or ())
    current = configuration.settings()
    url = current.require_database_url()
    require_current(url)
    done = run(
        url,
        current.consumer_group,
        load_contracts(),
        selection,
        dry_run=dry_run,
        on_outcome=_print_outcome if dry_run and not summary else lambda _letter, _outcome: None,
    )
    if done.decoded:
        _print_outcomes(done, dry_run=dry_run)
    else:
        _print_none(topic)


@app.command()
def discard(
    code: Codes = None,
    topic: Topic = None,
    article: Article = None,
    since: Since = None,
    until: Until = None,
    all_: Annotated[
        bool, typer.Option("--all", help="All open ones, where no filter is given.")
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Set open dead letters aside: no list and no redrive shows them again, unless it asks for
    `--status discarded`.
    """
    selection = Selection.parse(code or (), topic, article, since, until)
    if selection.is_narrowed is all_:
        raise BelowTheLineError(
            "Which dead letters to discard is not said.",
            "Give a filter such as --code, or --all, not both.",
        )
    with connected(configuration.settings()) as connection:
        counts = (count_by_code if dry_run else set_aside)(connection, selection)
    if not counts:
        _print_none(topic)
        return
    _print_counts(counts)
    typer.echo(
        "Dry run: nothing was done." if dry_run else "Discarded: `--status discarded` shows them."
    )


def _print_none(topic: str | None) -> None:

    read = [each.name for each in topics() if each.direction == "in"]
    if topic is None or topic in read:
        typer.echo("No dead letter matches.")
    else:
        typer.echo(
            f"No dead letter matches. No topic {topic} is read: there are {', '.join(read)}."
        )


def _print_counts(counts: Mapping[str, int]) -> None:

    total = sum(counts.values())
    by_code = ", ".join(f"{count:,} {code}" for code, count in counts.items())
    output.console().print(f"{counted(total, 'dead letter')}: {by_code}")


def _print_list(letters: list[DeadLetter], total: int) -> None:

    out = output.console()
    if out.width < _LEAST_FOR_A_TABLE:
        for letter in letters:
            _print_in_lines(out, letter)
    else:
        table = Table(box=None, header_style="bold", pad_edge=False)
        for heading in (
            "kept (UTC)",
            "topic",
            "partition",
            "offset",
            "key",
            "status",
            "code",
            "pointer",
            "message",
        ):
            table.add_column(
                heading,
                justify="right" if heading in ("partition", "offset") else "left",
                # Only these may give way: by the others a dead letter is shown, redriven,
                # discarded.
                no_wrap=heading not in ("pointer", "message"),
                overflow="fold" if heading in ("pointer", "message") else "ellipsis",
                max_width=40 if heading == "key" else None,
            )
        for letter in letters:
            table.add_row(
                f"{letter.dead_lettered_at:%F %T}",
                Text(printable(letter.topic)),
                str(letter.partition),
                str(letter.record_offset),
                _key(letter),
                letter.status,
                letter.code,
                Text(printable(letter.pointer or "")),
                Text(printable(letter.message)),
            )
        out.print(table)
    if len(letters) < total:
        typer.echo(f"… and {total - len(letters):,} more: --limit")


_LEAST_FOR_A_TABLE = 160
"""Columns of a terminal; on a narrower one each dead letter has lines of its own."""


def _key(letter: DeadLetter) -> Text:

    return (
        Text("null", style="dim")
        if letter.record_key is None
        else Text(printable_bytes(letter.record_key))
    )


def _print_in_lines(out: Console, letter: DeadLetter) -> None:

    key = _key(letter)
    key.truncate(40, overflow="ellipsis")
    where = f"{printable(letter.topic)} {letter.partition} {letter.record_offset}"
    out.print(
        Text("  ").join(
            [
                Text(where, style="bold"),
                Text(letter.code, style="red"),
                Text(letter.status),
                Text("key ") + key,
            ]
        )
    )
    pointer = f"{letter.pointer}: " if letter.pointer else ""
    out.print(
        Text(
            f"    {printable(pointer + letter.message)} ({letter.dead_lettered_at:%F %T} UTC)",
            style="dim",
        )
    )


def _as_json(letter: DeadLetter) -> dict[str, object]:
    """A dead letter as the list has it; a key that is no UTF-8 is given in base 64."""
    key: dict[str, str | None] = {"key": None}
    if letter.record_key is not None:
        try:
            key = {"key": letter.record_key.decode()}
        except UnicodeDecodeError:
            key = {"key_base64": b64encode(letter.record_key).decode()}
    return {
        "topic": letter.topic,
        "topic_id": letter.topic_id,
        "partition": letter.partition,
        "offset": letter.record_offset,
        **key,
        "timestamp": letter.record_timestamp,
        "code": letter.code,
        "pointer": letter.pointer,
        "message": letter.message,
        "attempts": letter.attempts,
        "status": letter.status,
        "dead_lettered_at": letter.dead_lettered_at,
    }


def _print_letter(letter: DeadLetter) -> None:

    def shown(raw: bytes | None) -> Text:
        return Text("null", style="dim") if raw is None else Text(printable_bytes(raw))

    lines: list[tuple[str, Text]] = [
        (
            "record",
            Text(f"offset {letter.record_offset} of {printable(letter.topic)}-{letter.partition}"),
        ),
        ("topic id", Text(str(letter.topic_id))),
        ("timestamp", Text(letter.record_timestamp.isoformat(timespec="milliseconds"))),
        ("key", shown(letter.record_key)),
        (
            "status",
            Text(
                letter.status
                + (f", {letter.status_changed_at:%F %T}" if letter.status_changed_at else "")
            ),
        ),
        ("stage", Text(letter.stage)),
        ("code", Text(letter.code, style="bold red")),
        ("pointer", Text(printable(letter.pointer or "–"))),
        ("message", Text(printable(letter.message))),
        ("contract", Text(letter.schema_version or "– (it did not come that far)")),
        ("kept", Text(f"{letter.dead_lettered_at:%F %T}")),
        (
            "judged",
            Text(
                f"{letter.judged_at:%F %T} by {letter.software_version}, attempt {letter.attempts}"
            ),
        ),
    ]
    headers = letter.record_headers
    for name, value in zip(headers[::2], headers[1::2], strict=True):
        lines.append(("header", Text(": ").join([shown(name), shown(value)])))
    out = output.console()
    for label, text in lines:
        out.print(f"[dim]{label:<10}[/]", text)
    _print_value(letter.record_value)


def _print_value(value: bytes | None) -> None:

    out = output.console()
    if value is None:
        out.print("[dim]value     null[/]")
        return
    pretty = indented_json(value)
    out.print(f"[dim]value     {len(value):,} bytes{'' if pretty is None else ' of JSON'}:[/]")
    text = printable_bytes(value) if pretty is None else pretty
    cut = Text(text[:_MOST_CHARACTERS])
    out.print(cut if pretty is None else JSONHighlighter()(cut))
    if len(text) > _MOST_CHARACTERS:
        out.print("[dim]… cut here; all of it: --raw[/]")


def _in_words(outcome: str) -> str:
    return {
        "applied": "applied",
        "unchanged": "nothing new: known, or overtaken",
        "valid": "would be applied",
    }.get(outcome, f"still bad: {outcome}")


def _print_outcome(letter: Letter, outcome: str) -> None:
    record = letter.record
    typer.echo(
        f"{record.topic}-{record.partition} offset {record.offset}: {letter.code} →"
        f" {_in_words(outcome)}"
    )


def _print_outcomes(done: RedriveSummary, *, dry_run: bool) -> None:

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("was")
    table.add_column("would become" if dry_run else "became")
    table.add_column("records", justify="right")
    for (before, outcome), count in sorted(done.outcomes.items()):
        table.add_row(before, _in_words(outcome), f"{count:,}")
    out = output.console()
    out.print(table)
    if dry_run:
        out.print("Dry run: nothing was done. Only a real one finds what Postgres itself refuses.")
    else:
        out.print(f"{done.redriven:,} redriven, {done.still_bad:,} still dead letters.")
