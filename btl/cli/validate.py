"""``btl validate``."""

import sys
import time
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import orjson
import typer

from below_the_line.catalogue import load_contracts
from below_the_line.contracts.contract import UnknownMember
from below_the_line.contracts.decoder import Contracts
from below_the_line.contracts.events import Event, Record, Rejection
from below_the_line.contracts.rejection import escaped
from below_the_line.contracts.times import from_datetime
from below_the_line.errors import BelowTheLineError
from below_the_line.plurals import counted
from btl.cli.edge import ends_with
from btl.cli.given_events import Place, given_events
from btl.cli.options import AsJson, time_option
from btl.cli.output import printable

GIVEN_FILE = (
    "File of structured CloudEvents: one a line, or JSON documents, or an array; or a file of"
    " schemas/examples, whose valid ones are read. .gz is unpacked; - for standard input."
)
_MAX_WARNINGS = 100
_MAX_NAME = 60
_MAX_HINTS = 3


class OutputFormat(StrEnum):
    """Format of the findings."""

    TEXT = "text"
    JSON = "json"


def validate(
    file: Annotated[str, typer.Argument(help=GIVEN_FILE)],
    at: Annotated[
        datetime | None,
        time_option("--at", "Validate as if the broker had taken the events at this time, not now"),
    ] = None,
    all_faults: Annotated[
        bool,
        typer.Option("--all-faults", help="Print all faults of an event, not only the first."),
    ] = False,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Members that nothing reads make an event bad, not only a warning."
        ),
    ] = False,
    output: Annotated[
        OutputFormat, typer.Option("--format", help="Format of the findings.")
    ] = OutputFormat.TEXT,
    as_json: AsJson = False,
) -> None:
    """Check events against the contracts, without any service.

    Prints one line per bad event: its line number (also its index in an array, or the example's
    name), code, JSON pointer and what is wrong; with --json one object a line. Blank lines are
    ignored. The topic of an event follows from its type;
    its key is taken as correct. Members that nothing reads, perhaps since they are misspelt, are
    warnings on standard error. Exit status 1 if any event is bad.
    """
    contracts = load_contracts()
    timestamp = time.time_ns() // 1_000_000 if at is None else from_datetime(at) // 1000
    is_json = as_json or output is OutputFormat.JSON
    warnings = Warnings()
    events = bad = 0
    for place, record in given_events(file, contracts):
        events += 1
        record = record._replace(timestamp=timestamp)
        found = list(findings(contracts, record, all_faults=all_faults, strict=strict))
        bad += bool(found)
        if found:
            ends_with(1)
        for rejection in found:
            sys.stdout.write(_finding(place, rejection, as_json=is_json))
        if not strict:
            warnings.look(place, contracts, record)
    sys.stdout.flush()
    if not events:
        raise no_events("checked", file)
    typer.echo(f"{counted(events, 'event')}: {events - bad:,} valid, {bad:,} bad.", err=True)
    warnings.close()
    if bad:
        raise typer.Exit(1)


def no_events(done: str, file: str) -> BelowTheLineError:
    """Return the error for a file without any event. ``done``: what was to be done with them."""
    return BelowTheLineError(
        f"No event was {done}: {'standard input' if file == '-' else file} has no events.",
        "Give one structured CloudEvent a line.",
    )


def findings(
    contracts: Contracts, record: Record, *, all_faults: bool = False, strict: bool = False
) -> Iterator[Rejection]:
    """Yield what is wrong with an event: the first fault, or all. That a member is missing comes
    with the members that nothing reads, if they may be meant.

    ``strict``: after that the members that nothing reads, with the code ``unknown_member``.
    """
    result = contracts.decode(record)
    if isinstance(result, Rejection):
        for fault in contracts.faults(record) if all_faults else (result,):
            yield _with_hints(fault, contracts, record)
    if strict and (all_faults or isinstance(result, Event)):
        for member in contracts.unknown_members(record):
            yield Rejection("strict", "unknown_member", _pointer(member), _in_words(member))


def _with_hints(fault: Rejection, contracts: Contracts, record: Record) -> Rejection:
    """Return a fault with what may be meant by the member that is missing."""
    if fault.pointer is None or " is missing." not in fault.message:
        return fault
    parent, _, name = fault.pointer.rpartition("/")
    meant = [
        member
        for member in contracts.unknown_members(record)
        if member.pointer == parent
        and (member.nearest == name or (member.nearest is None and name in member.absent))
    ]
    # One that resembles the missing one explains more than those that resemble none.
    meant.sort(key=lambda member: member.nearest is None)
    hints = [f"{_pointer(member)} {_in_words(member)}" for member in meant[:_MAX_HINTS]]
    return fault._replace(message=" ".join([fault.message, *hints]))


class Warnings:
    """Warns on standard error of members that nothing reads: of each name once."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._events = 0

    def look(self, place: Place, contracts: Contracts, record: Record) -> None:
        """Warn of the members of an event."""
        members = contracts.unknown_members(record)
        self._events += bool(members)
        for member in members:
            pointer = _pointer(member)
            if pointer not in self._seen and len(self._seen) <= _MAX_WARNINGS:
                self._seen.add(pointer)
                typer.echo(
                    f"{place}: warning: {pointer} {_in_words(member)}"
                    if len(self._seen) <= _MAX_WARNINGS
                    else "Further names are not listed.",
                    err=True,
                )

    def close(self) -> None:
        """Say how many events have such members."""
        if self._events:
            typer.echo(
                f"Events with members that nothing reads: {self._events:,}. --strict rejects them.",
                err=True,
            )


def _pointer(member: UnknownMember) -> str:
    # Names are those of the user's own file.
    name = member.name if len(member.name) <= _MAX_NAME else f"{member.name[:_MAX_NAME]}…"
    return f"{member.pointer}/{printable(escaped(name))}"


def _in_words(member: UnknownMember) -> str:
    if member.nearest is not None:
        return f"is read by nothing; did you mean {member.nearest}?"
    if not member.absent:
        return "is read by nothing."
    return f"is read by nothing; not given here: {', '.join(member.absent)}."


def _finding(place: Place, rejection: Rejection, *, as_json: bool) -> str:
    if as_json:
        return orjson.dumps({**place.members(), **rejection._asdict()}).decode() + "\n"
    return (
        f"{place}: {rejection.code}"
        f" {rejection.pointer + ' ' if rejection.pointer else ''}{rejection.message}\n"
    )
