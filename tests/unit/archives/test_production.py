"""Events are sent from several processes; one that ends early stops the others."""

import multiprocessing
import os
import re
import signal
from collections.abc import Iterator

import pytest
import typer

from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.envelopes import Outgoing
from below_the_line.settings import Settings
from btl.archives import production
from btl.archives.external_sort import PARTS, Sorter, Timed
from btl.cli import archive
from btl.pacing import Pacer

KEYS = [str(number).encode() for number in range(30)]
EVENTS = 6_000
PAUSE = 1_000
"""After this number of events, the first part fails; the other goes on."""


class Broken:
    """In place of the publisher: one part fails, the other goes on until it must stop."""

    fault: signal.Signals | None = None

    def __init__(self, _: Settings) -> None:
        self.delivered = 0

    def __enter__(self) -> "Broken":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def send(self, outgoing: Outgoing) -> None:
        if outgoing.value == b"fail" and self.delivered == PAUSE:
            if self.fault is not None:
                os.kill(os.getpid(), self.fault)
            raise BelowTheLineError("The broker is gone.", "Start it.")
        self.delivered += 1

    def flush(self) -> None:
        pass


@pytest.fixture
def events() -> Iterator[Sorter]:
    with Sorter(()) as sorter:
        for number in range(EVENTS):
            key = KEYS[number % len(KEYS)]
            sorter.add(Timed(number, Outgoing("t", key, b"fail" if part(key) == 0 else b"x", ())))
        yield sorter


def part(key: bytes) -> int:
    with Sorter(()) as sorter:
        sorter.add(Timed(0, Outgoing("t", key, b"", ())))
        return next(number for number in range(PARTS) if list(sorter.events(number)))


def send(events: Sorter, monkeypatch: pytest.MonkeyPatch, fault: signal.Signals | None) -> None:
    monkeypatch.setattr(production, "Publisher", Broken)
    monkeypatch.setattr(Broken, "fault", fault)
    monkeypatch.setattr(archive, "PARALLEL_EVENTS", EVENTS)
    settings = Settings.model_validate({})
    archive._produce(settings, events, EVENTS, Pacer(None, None))


def sent_as_said(text: str) -> int:
    """How many events were sent, by what was said."""
    again = r"events were sent\. Run the same command again: "
    found = re.search(rf"Stopped: at least ([\d,]+) of {EVENTS:,} {again}", text)
    assert found is not None, text
    return int(found[1].replace(",", ""))


def test_what_stops_one_process_is_said_with_how_much_was_sent(
    events: Sorter, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BelowTheLineError, match=r"The broker is gone\."):
        send(events, monkeypatch, None)
    assert PAUSE <= sent_as_said(capsys.readouterr().err) < EVENTS
    assert not multiprocessing.active_children()


def test_a_process_that_is_killed_is_said_with_what_to_do(
    events: Sorter, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BelowTheLineError, match="sends events was ended by signal 9") as caught:
        send(events, monkeypatch, signal.SIGKILL)
    assert "memory" in caught.value.hint
    assert PAUSE <= sent_as_said(capsys.readouterr().err) < EVENTS
    assert not multiprocessing.active_children()


def test_an_interruption_ends_with_its_own_status(
    events: Sorter, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(production._Pool, "run", interrupted)
    with pytest.raises(typer.Exit) as caught:
        send(events, monkeypatch, None)
    assert caught.value.exit_code == 130
    assert "\nInterrupted: " in capsys.readouterr().err
