"""``btl validate``."""

import sys
import time
from enum import StrEnum

import orjson
import typer

from below_the_line.catalogue import load_contracts
from below_the_line.contracts.decoder import Contracts
from below_the_line.contracts.events import Event, Record, Rejection
from below_the_line.contracts.times import instant
from below_the_line.errors import BelowTheLineError
from btl.cli.lines import numbered_lines


class OutputFormat(StrEnum):
    """How findings are written."""

    TEXT = "text"
    JSON = "json"


def validate(
    file: str = typer.Argument(
        help=(
            "File of JSON lines, one structured CloudEvent each (.gz is fine); - for standard"
            " input."
        )
    ),
    at: str | None = typer.Option(
        None,
        help="Judge as if the broker had taken the events at this time (RFC 3339), not now.",
        show_default=False,
    ),
    output: OutputFormat = typer.Option(
        OutputFormat.TEXT, "--format", help="text for people, json for machines."
    ),
) -> None:
    """Check events against the contracts, without any service.

    Prints one line per bad event: its line number, code, JSON pointer and what is wrong. Blank
    lines are ignored. The topic of an event follows from its type; its key is taken as correct.
    Exit status 1 if any event is bad.
    """
    contracts = load_contracts()
    timestamp = _timestamp(at)
    events = bad = 0
    for number, line in numbered_lines(file):
        events += 1
        rejection = rejection_of(contracts, line, timestamp)
        if rejection is not None:
            bad += 1
            sys.stdout.write(_finding(number, rejection, output))
    sys.stdout.flush()
    typer.echo(f"{events:,} events: {events - bad:,} valid, {bad:,} bad.", err=True)
    if bad:
        raise typer.Exit(1)


def _timestamp(at: str | None) -> int:
    """The time at which events are judged, in milliseconds since 1970."""
    if at is None:
        return time.time_ns() // 1_000_000
    given = instant(at)
    if given is None:
        raise BelowTheLineError(
            f"--at {at!r} is no time as of RFC 3339.", "Write it like 2026-11-23T10:00:00Z."
        )
    return given.since_1970 // 1000


def rejection_of(contracts: "Contracts", line: bytes, timestamp: int) -> "Rejection | None":
    """What is wrong with the event, if anything; topic and key, which a file does not have, count
    as right.
    """
    topic, key = "", None
    try:
        event = orjson.loads(line)
        topic = contracts.topic_of(event["type"]) or ""
        key = event["data"]["article_id"].encode()
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        pass  # whatever is wrong with it, decode says it better
    result = contracts.decode(Record(topic, 0, 0, timestamp, key, line))
    return None if isinstance(result, Event) else result


def _finding(number: int, rejection: "Rejection", output: OutputFormat) -> str:
    if output is OutputFormat.JSON:
        return orjson.dumps({"line": number, **rejection._asdict()}).decode() + "\n"
    return (
        f"line {number}: {rejection.code}"
        f" {rejection.pointer + ' ' if rejection.pointer else ''}{rejection.message}\n"
    )
