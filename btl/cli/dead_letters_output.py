"""Dead letters as tables, as lines and as JSON."""

from base64 import b64encode
from collections.abc import Mapping, Sequence

import typer
from rich.highlighter import JSONHighlighter
from rich.text import Text

from below_the_line.plurals import counted
from btl.cli import output
from btl.cli.output import (
    Column,
    clock,
    indented_json,
    print_rest,
    print_table,
    print_text,
    printable,
    printable_bytes,
    right,
)
from consumers.adapters.dead_letters import DeadLetter, SourceCount
from consumers.core.dead_letters import Letter
from consumers.redrive import RedriveSummary

_MAX_CHARACTERS = 20_000
"""Of a value on a terminal."""
_MAX_KEY = 60
_UNREADABLE = "– (not readable)"


def as_document(letter: DeadLetter) -> dict[str, object]:
    """Return a dead letter as the list has it; a key that is not UTF-8 is in base 64."""
    return {
        "topic": letter.topic,
        "topic_id": letter.topic_id,
        "partition": letter.partition,
        "offset": letter.record_offset,
        **_bytes("key", letter.record_key),
        "timestamp": letter.record_timestamp,
        "source": letter.source,
        "event_type": letter.event_type,
        "event_id": letter.event_id,
        "code": letter.code,
        "pointer": letter.pointer,
        "message": letter.message,
        "attempts": letter.attempts,
        "status": letter.status,
        "dead_lettered_at": letter.dead_lettered_at,
    }


def as_full_document(letter: DeadLetter) -> dict[str, object]:
    """Return everything that was kept; bytes that are not UTF-8 are in base 64."""
    headers = letter.record_headers
    return {
        **as_document(letter),
        "status_changed_at": letter.status_changed_at,
        "stage": letter.stage,
        "schema_version": letter.schema_version,
        "software_version": letter.software_version,
        "judged_at": letter.judged_at,
        "headers": [
            {**_bytes("name", name), **_bytes("value", value)}
            for name, value in zip(headers[::2], headers[1::2], strict=True)
        ],
        **_bytes("value", letter.record_value),
    }


def _bytes(name: str, raw: bytes | None) -> dict[str, str | None]:
    if raw is None:
        return {name: None}
    try:
        return {name: raw.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": b64encode(raw).decode()}


def print_counts(counts: Mapping[str, int]) -> None:
    """Print the number of dead letters, and of each code."""
    by_code = ", ".join(f"{count:,} {code}" for code, count in counts.items())
    output.console().print(f"{counted(sum(counts.values()), 'dead letter')}: {by_code}")


def print_sources(sources: Sequence[SourceCount]) -> None:
    """Print the number of dead letters by source, type and code."""
    print_table(
        [
            *right("records"),
            "source",
            "type",
            "code",
            "newest (UTC)",
        ],
        [
            (
                each.letters,
                each.source or _UNREADABLE,
                each.event_type or _UNREADABLE,
                each.code,
                f"{each.newest:%F %T}",
            )
            for each in sources
        ],
    )


def print_list(letters: Sequence[DeadLetter], total: int) -> None:
    """Print dead letters as a table, or in two lines each where the terminal is narrow."""
    print_table(
        [
            # What show, redrive and discard take is always shown.
            Column("kept (UTC)", rank=6),
            "topic",
            *right("partition", "offset"),
            Column("key", wraps=True, max_width=_MAX_KEY),
            Column("source", rank=4),
            Column("type", rank=3),
            Column("event id", rank=2),
            *(Column("status", rank=1), "code"),
            Column("pointer", wraps=True, rank=5),
            Column("message", wraps=True, min_width=40),
        ],
        [
            (
                f"{letter.dead_lettered_at:%F %T}",
                *(letter.topic, str(letter.partition), str(letter.record_offset), _key(letter)),
                *(letter.source, letter.event_type, letter.event_id),
                *(letter.status, letter.code, letter.pointer, letter.message),
            )
            for letter in letters
        ],
        narrow=lambda: _print_in_lines(letters),
    )
    print_rest(total - len(letters), total)


def _print_in_lines(letters: Sequence[DeadLetter]) -> None:
    out = output.console()
    for letter in letters:
        where = f"{printable(letter.topic)} {letter.partition} {letter.record_offset}"
        first = Text("  ").join(
            [
                Text(where, style="bold"),
                Text(letter.code, style="red"),
                Text(letter.status),
                Text("key ") + _key(letter),
            ]
        )
        print_text(first, out=out)
        pointer = f"{letter.pointer} " if letter.pointer else ""
        kept = f"({letter.dead_lettered_at:%F %T} UTC)"
        print_text(f"{printable(pointer + letter.message)} {kept}", style="dim", indent=4, out=out)


def _key(letter: DeadLetter) -> Text:
    return _shown(letter.record_key)


def _shown(raw: bytes | None) -> Text:
    return Text("null", style="dim") if raw is None else Text(printable_bytes(raw))


def print_letter(letter: DeadLetter) -> None:
    """Print everything that was kept of a dead letter."""
    changed = f", {letter.status_changed_at:%F %T}" if letter.status_changed_at else ""
    record = f"offset {letter.record_offset} of {printable(letter.topic)}-{letter.partition}"
    headers = letter.record_headers
    lines = [
        ("record", Text(record)),
        ("topic id", Text(str(letter.topic_id))),
        ("timestamp", Text(clock(letter.record_timestamp, exact=True))),
        ("key", _shown(letter.record_key)),
        ("source", Text(printable(letter.source or _UNREADABLE))),
        ("type", Text(printable(letter.event_type or _UNREADABLE))),
        ("event id", Text(printable(letter.event_id or _UNREADABLE))),
        ("status", Text(letter.status + changed)),
        ("stage", Text(letter.stage)),
        ("code", Text(letter.code, style="bold red")),
        ("pointer", Text(printable(letter.pointer or "–"))),
        ("message", Text(printable(letter.message))),
        ("contract", Text(letter.schema_version or "– (validation ended before it)")),
        ("kept", Text(f"{letter.dead_lettered_at:%F %T}")),
        (
            "validated",
            Text(
                f"{letter.judged_at:%F %T} by {letter.software_version}, attempt {letter.attempts}"
            ),
        ),
        *(
            ("header", Text(": ").join([_shown(name), _shown(value)]))
            for name, value in zip(headers[::2], headers[1::2], strict=True)
        ),
    ]
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
    cut = Text(text[:_MAX_CHARACTERS])
    out.print(cut if pretty is None else JSONHighlighter()(cut))
    if len(text) > _MAX_CHARACTERS:
        out.print("[dim]… cut here; --raw writes all of it[/]")


def as_outcome(letter: Letter, outcome: str) -> dict[str, object]:
    """Return what a redrive would do with a dead letter, without its record."""
    record = letter.record
    return {
        "topic": record.topic,
        "topic_id": letter.topic_id,
        "partition": record.partition,
        "offset": record.offset,
        "code": letter.code,
        "outcome": outcome,
    }


def print_outcome(letter: Letter, outcome: str) -> None:
    """Print what a redrive would do with a dead letter."""
    record = letter.record
    typer.echo(
        f"{record.topic}-{record.partition} offset {record.offset}: {letter.code} →"
        f" {_in_words(outcome)}"
    )


def print_outcomes(done: RedriveSummary, *, dry_run: bool) -> None:
    """Print the number of dead letters of each outcome of a redrive."""
    print_table(
        ["before", "would be" if dry_run else "now", *right("records")],
        [
            (before, _in_words(outcome), count)
            for (before, outcome), count in sorted(done.outcomes.items())
        ],
    )
    if dry_run:
        typer.echo(f"{output.DRY_RUN} Only a real redrive finds what Postgres itself rejects.")
    else:
        typer.echo(f"{done.redriven:,} redriven, {done.still_bad:,} still dead letters.")


def _in_words(outcome: str) -> str:
    return {
        "applied": "applied",
        "unchanged": "nothing new: known, or overtaken",
        "valid": "would be applied",
    }.get(outcome, f"still bad: {outcome}")
