"""``btl simulate``."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import typer

from below_the_line.errors import BelowTheLineError
from below_the_line.files import writing
from below_the_line.kafka.envelopes import as_structured_line
from below_the_line.kafka.producer import Publisher
from btl.cli import configuration
from btl.cli.output import print_json
from btl.cli.progress import STEP, progress
from btl.pacing import Pacer
from btl.simulation.arrivals import Arrival
from btl.simulation.day import DEFAULT_RECORDS, MIN_RECORDS, last_full_day, simulate_day

Sink = tuple[Callable[["Arrival"], None], Callable[[], None]]
"""A function that takes a record, and one that waits until all of them have arrived."""


def simulate(
    day: bool = typer.Option(
        False, "--day", help="Produce a whole day of 24,000 records. This is the default."
    ),
    events: int | None = typer.Option(
        None, min=1, help="Number of records of the day.", show_default=False
    ),
    endless: bool = typer.Option(
        False,
        "--endless",
        help="Produce today so far, then live until Ctrl-C; --events is the number per day.",
    ),
    seed: int = typer.Option(
        1, help="Seed. The same seed and date give the same records, byte for byte."
    ),
    rate: float | None = typer.Option(
        None, min=0.001, help="Maximum number of records per second.", show_default=False
    ),
    speed: float | None = typer.Option(
        None,
        min=0.001,
        help="Replay the day faster by this factor. Default: without waiting.",
        show_default=False,
    ),
    date: str | None = typer.Option(
        None,
        metavar="YYYY-MM-DD",
        help="Day to produce (UTC). Default: yesterday.",
        show_default=False,
    ),
    bad_share: float = typer.Option(
        0.004,
        min=0.0,
        max=0.5,
        help="Share of records that must become dead letters, at least one of every code.",
    ),
    output: str | None = typer.Option(
        None,
        metavar="FILE|-",
        help="File for the good events as JSON lines, instead of producing them.",
        show_default=False,
    ),
    as_json: bool = typer.Option(
        False,
        "--json",
        help="Print the summary as JSON (docs/command-line.md), not with --output -.",
    ),
) -> None:
    """Produce the events of a made-up newsroom day.

    They are of all types that sites send, with duplicates, late events and bad records.
    """
    now = datetime.now(UTC)
    if endless and (day or date is not None or speed is not None):
        raise BelowTheLineError(
            "--endless is live: it cannot be combined with --day, --date or --speed.",
            "Leave them out.",
        )
    if as_json and output == "-":
        raise BelowTheLineError(
            "--json and --output - both need standard output.", "Leave one of them out."
        )
    if day and events is not None:
        raise BelowTheLineError("--day and --events cannot be combined.", "Leave one of them out.")
    count = events or DEFAULT_RECORDS
    total: int | None = None
    if endless:
        arrivals = _live(seed, now.date(), max(count, MIN_RECORDS), bad_share)
        pacer = Pacer(rate, 1.0, first=now.timestamp())
    else:
        total = count
        start = _midnight(date, now)
        whole_day = simulate_day(seed, start, records=max(count, MIN_RECORDS), bad_share=bad_share)
        arrivals = islice(whole_day.arrivals(), count)
        pacer = Pacer(rate, speed)
    started = time.monotonic()
    sent: Counter[str | None] = Counter()
    try:
        with _sink(output) as (take, settle):
            _stream(arrivals, total, pacer, take, settle, sent)
    except KeyboardInterrupt:
        if not endless:
            raise
    except (BelowTheLineError, OSError):
        if output is not None:
            sent.clear()  # what the file has of them is not known
        raise
    finally:
        if sent:
            _report(sent, time.monotonic() - started, written=output is not None, as_json=as_json)


def _midnight(text: str | None, now: "datetime") -> "datetime":
    if text is None:
        return _start_of(last_full_day(now))
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise BelowTheLineError(
            f"--date is not a date: {text!r}.", "Write it like 2026-11-22."
        ) from None
    if not date(1991, 1, 1) <= day <= last_full_day(now):
        raise BelowTheLineError(
            f"--date {text} is not over yet, or too long ago: the contracts reject such times.",
            f"Give a day from 1991-01-01 to {last_full_day(now)}, or --endless for today.",
        )
    return _start_of(day)


def _start_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _live(seed: int, day: "date", records: int, bad_share: float) -> "Iterator[Arrival]":
    while True:
        yield from simulate_day(
            seed, _start_of(day), records=records, bad_share=bad_share
        ).arrivals()
        day += timedelta(days=1)


def _sink(output: str | None) -> AbstractContextManager[Sink]:
    return _producing() if output is None else _writing(output)


@contextmanager
def _producing() -> Iterator[Sink]:
    with Publisher(configuration.settings()) as publisher:
        yield lambda arrival: publisher.send(arrival.outgoing), publisher.flush


@contextmanager
def _writing(output: str) -> Iterator[Sink]:
    with ExitStack() as opened:
        if output == "-":
            file: BinaryIO = sys.stdout.buffer
        else:
            opened.enter_context(writing(output))
            file = opened.enter_context(Path(output).open("wb"))

        def take(arrival: "Arrival") -> None:
            if arrival.code is None:
                file.write(as_structured_line(arrival.outgoing))

        yield take, file.flush
        file.flush()


def _stream(
    arrivals: "Iterator[Arrival]",
    total: int | None,
    pacer: "Pacer",
    take: "Callable[[Arrival], None]",
    settle: Callable[[], None],
    sent: "Counter[str | None]",
) -> None:
    with progress("simulate", total) as update:
        count = 0

        def catch_up() -> None:
            settle()
            update(count)

        try:
            for arrival in arrivals:
                pacer.wait(arrival.arrives_at / 1_000_000, catch_up)
                take(arrival)
                sent[arrival.code] += 1
                count += 1
                if count % STEP == 0:
                    update(count)
        except KeyboardInterrupt:
            catch_up()
            raise
        catch_up()


def _report(sent: "Counter[str | None]", seconds: float, *, written: bool, as_json: bool) -> None:
    good = sent[None]
    bad = {code: count for code, count in sent.items() if code is not None}
    if as_json:
        print_json({"good_events": good, "bad_records": bad, "seconds": seconds})
        return
    did = "written" if written else "produced"
    typer.echo(f"{good:,} good events {did} in {seconds:.1f} s.", err=True)
    if bad:
        parts = ", ".join(f"{code} {count}" for code, count in sorted(bad.items()))
        verb = "left out" if written else "produced"
        typer.echo(f"{sum(bad.values()):,} bad records {verb}: {parts}.", err=True)
