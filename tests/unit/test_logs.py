"""What reaches the log of a process that others keep talking in."""

import logging

from below_the_line.logs import _OncePerSecond


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
