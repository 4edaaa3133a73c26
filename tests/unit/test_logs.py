"""What reaches the log of a process that others keep talking in."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from below_the_line.logs import _OncePerSecond, configure_logs


def record(name: str, message: str, at: float) -> logging.LogRecord:
    made = logging.LogRecord(name, logging.WARNING, __file__, 1, message, (), None)
    made.created = at
    return made


def test_kafka_python_says_the_same_once_a_second() -> None:
    seen = _OncePerSecond()
    said = [record("kafka.coordinator", "dead", at / 10) for at in range(25)]
    assert [made.created for made in said if seen.filter(made)] == [0, 1, 2]
    assert seen.filter(record("kafka.coordinator", "alive", 2.45))


def test_others_may_repeat_themselves() -> None:
    seen = _OncePerSecond()
    assert all(seen.filter(record("consumers.service", "committed", at / 10)) for at in range(25))


@pytest.fixture
def others_are_left_alone() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.usefixtures("others_are_left_alone")
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_shows_no_local_variables(
    log_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(log_format)

    def fail(_body: str) -> None:
        raise ValueError("what was wrong")

    try:
        fail("Xq7wVz".lower())
    except ValueError:
        structlog.get_logger("consumers.service").exception("not sent")
        logging.getLogger("consumers.service").exception("not sent either")
    logged = capsys.readouterr().err
    assert logged.count("what was wrong") >= 2
    assert "xq7wvz" not in logged
