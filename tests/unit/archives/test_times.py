"""Naive local times of an export become UTC."""

from datetime import UTC, datetime

import pytest

from btl.archives.times import TimeReader


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2019-05-01T07:14:14.593000", "2019-05-01T05:14:14.593"),
        ("2019-05-21 05:16:10", "2019-05-21T03:16:10"),
        ("2019-01-15T12:00:00", "2019-01-15T11:00:00"),
        ("2019-03-31T01:59:59.999999", "2019-03-31T00:59:59.999999"),
        ("2019-03-31T03:00:00", "2019-03-31T01:00:00"),
        ("2019-05-01T07:14:14Z", "2019-05-01T07:14:14"),
        ("2019-05-01T07:14:14-05:00", "2019-05-01T12:14:14"),
    ],
)
def test_local_times_follow_summer_time_and_offsets_are_believed(local: str, expected: str) -> None:
    assert TimeReader("Europe/Vienna").read(local) == utc(expected)


def test_an_hour_that_came_twice_is_taken_as_the_mapping_says() -> None:
    twice = "2019-10-27T02:30:00"
    assert TimeReader("Europe/Vienna").read(twice) == utc("2019-10-27T00:30:00")
    assert TimeReader("Europe/Vienna", ambiguous="later").read(twice) == utc("2019-10-27T01:30:00")
    with pytest.raises(ValueError, match="is ambiguous in Europe/Vienna"):
        TimeReader("Europe/Vienna", ambiguous="reject").read(twice)


def test_an_hour_that_never_was_is_moved_on_by_the_gap_or_refused() -> None:
    never = "2019-03-31T02:30:00"
    assert TimeReader("Europe/Vienna").read(never) == utc("2019-03-31T01:30:00")
    with pytest.raises(ValueError, match="does not exist in Europe/Vienna"):
        TimeReader("Europe/Vienna", nonexistent="reject").read(never)


@pytest.mark.parametrize(
    ("time_format", "text", "expected"),
    [
        ("unix", "1556687654", "2019-05-01T05:14:14"),
        ("unix", "1556687654.593001", "2019-05-01T05:14:14.593001"),
        ("unix_milliseconds", "1556687654593", "2019-05-01T05:14:14.593"),
        ("%d.%m.%Y %H:%M", "01.05.2019 07:14", "2019-05-01T05:14:00"),
    ],
)
def test_other_formats_can_be_declared(time_format: str, text: str, expected: str) -> None:
    assert TimeReader("Europe/Vienna", time_format).read(text) == utc(expected)


@pytest.mark.parametrize("text", ["", "yesterday", "2019-13-01T00:00:00", "2019-02-29T00:00:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time of the format iso"):
        TimeReader("UTC").read(text)
