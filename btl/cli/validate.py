"""``btl validate``."""

import sys
import time
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import orjson
import typer

from below_the_line.catalogue import load_contracts
from below_the_line.contracts.decoder import Contracts
from below_the_line.contracts.events import Event, Record, Rejection
from below_the_line.contracts.times import from_datetime
from btl.cli.lines import numbered_lines
from btl.cli.options import AsJson, time_option


class OutputFormat(StrEnum):
    """Format of the findings."""

    TEXT = "text"
    JSON = "json"


def validate(
    file: Annotated[
        str,
        typer.Argument(
            help=(
                "File of JSON lines, one structured CloudEvent each, or .gz of one; - for standard"
                " input."
            )
        ),
    ],
    at: Annotated[
        datetime | None,
        time_option("--at", "Validate as if the broker had taken the events at this time, not now"),
    ] = None,
    output: Annotated[
        OutputFormat, typer.Option("--format", help="Format of the findings.")
    ] = OutputFormat.TEXT,
    as_json: AsJson = False,
) -> None:
    """Check events against the contracts, without any service.

    Prints one line per bad event: its line number, code, JSON pointer and what is wrong; with
    --json one object a line. Blank lines are ignored. The topic of an event follows from its type;
    its key is taken as correct. Exit status 1 if any event is bad.
    """
    contracts = load_contracts()
    timestamp = time.time_ns() // 1_000_000 if at is None else from_datetime(at) // 1000
    events = bad = 0
    for number, line in numbered_lines(file):
        events += 1
        rejection = rejection_of(contracts, line, timestamp)
        if rejection is not None:
            bad += 1
            is_json = as_json or output is OutputFormat.JSON
            sys.stdout.write(_finding(number, rejection, as_json=is_json))
    sys.stdout.flush()
    typer.echo(f"{events:,} events: {events - bad:,} valid, {bad:,} bad.", err=True)
    if bad:
        raise typer.Exit(1)


def rejection_of(contracts: Contracts, line: bytes, timestamp: int) -> Rejection | None:
    """Return why an event is bad, None if it is valid; topic and key are taken as correct.

    ``timestamp``: of the record, in milliseconds since 1970.
    """
    topic, key = "", None
    try:
        event = orjson.loads(line)
        topic = contracts.topic_of(event["type"]) or ""
        key = event["data"]["article_id"].encode()
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        pass  # decode names what is wrong
    result = contracts.decode(Record(topic, 0, 0, timestamp, key, line))
    return None if isinstance(result, Event) else result


def _finding(number: int, rejection: Rejection, *, as_json: bool) -> str:
    if as_json:
        return orjson.dumps({"line": number, **rejection._asdict()}).decode() + "\n"
    return (
        f"line {number}: {rejection.code}"
        f" {rejection.pointer + ' ' if rejection.pointer else ''}{rejection.message}\n"
    )
