"""Naive local times of an export become UTC."""

from datetime import UTC, datetime

import pytest

from btl.archives.times import TimeReader, WholeDay, zone_of


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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2015-10-16 12:00 EDT", "2015-10-16T16:00"),
        ("EDT 2015-10-16 12:00", "2015-10-16T16:00"),
        ("2015-10-16 EDT", "2015-10-16T04:00"),
        ("2015-10-16 12:00:00 UTC", "2015-10-16T12:00"),
        ("2015-10-16 12:00:00 GMT", "2015-10-16T12:00"),
        ("2015-12-16 12:00 PT", "2015-12-16T20:00"),
        ("2015-07-16 12:00 PT", "2015-07-16T19:00"),
    ],
)
def test_names_of_zones_mean_what_is_declared(text: str, expected: str) -> None:
    zones = {"EDT": "-04:00", "PT": "America/Los_Angeles"}
    assert TimeReader("Europe/Vienna", time_zones=zones).read(text) == utc(expected)


def test_a_zone_that_is_not_declared_is_named() -> None:
    with pytest.raises(ValueError, match="time_zones in the mapping does not say what EST is"):
        TimeReader("UTC", time_zones={"EDT": "-04:00"}).read("2015-10-16 12:00 EST")


def test_a_format_may_say_where_the_name_of_the_zone_stands() -> None:
    reader = TimeReader("UTC", "%a %b %d %H:%M:%S %Z %Y", time_zones={"EDT": "-04:00"})
    assert reader.read("Fri Oct 16 12:00:00 EDT 2015") == utc("2015-10-16T16:00")
    with pytest.raises(ValueError, match="is not a time of the format"):
        reader.read("Fri Oct 16 12:00:00 2015")


def test_several_formats_are_tried_in_their_order() -> None:
    reader = TimeReader("UTC", ["iso", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "unix_milliseconds"])
    assert reader.read("2015-10-16T12:00") == utc("2015-10-16T12:00")
    assert reader.read("03/04/2015 12:00") == utc("2015-04-03T12:00")
    assert reader.read("10/16/2015 12:00") == utc("2015-10-16T12:00")
    assert reader.read("1444996800000") == utc("2015-10-16T12:00")
    with pytest.raises(ValueError, match="is not a time of any of the formats iso, %d/%m/%Y"):
        reader.read("yesterday")


def test_seconds_and_milliseconds_are_told_apart_by_what_a_year_can_be() -> None:
    reader = TimeReader("UTC", ["unix", "unix_milliseconds"])
    assert reader.read("1444996800") == utc("2015-10-16T12:00")
    assert reader.read("1444996800123") == utc("2015-10-16T12:00:00.123")


@pytest.mark.parametrize(
    ("time_format", "text", "expected"),
    [
        ("unix", "1483455908.0", "2017-01-03T15:05:08"),
        ("unix", "1.483455908E9", "2017-01-03T15:05:08"),
        ("unix", "1556687654.5930019", "2019-05-01T05:14:14.593001"),
        ("unix_milliseconds", "1556687654593.7", "2019-05-01T05:14:14.593700"),
    ],
)
def test_floats_since_1970_are_cut_off_below_microseconds(
    time_format: str, text: str, expected: str
) -> None:
    assert TimeReader("Europe/Vienna", time_format).read(text) == utc(expected)


@pytest.mark.parametrize("text", ["nan", "inf", "1e400", "1e99999999", ""])
def test_what_is_not_a_number_is_not_a_time_since_1970(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time of the format unix"):
        TimeReader("UTC", "unix").read(text)


def test_a_number_where_none_is_declared_says_which_format_it_may_be() -> None:
    with pytest.raises(ValueError, match=r"perhaps it is of the format unix$"):
        TimeReader("UTC").read("1444996800")
    with pytest.raises(ValueError, match="perhaps it is of the format unix_milliseconds"):
        TimeReader("UTC").read("1444996800123")


@pytest.mark.parametrize(
    ("time_format", "text"),
    [("iso", "2019-10-27"), ("iso", "20191027"), ("%d.%m.%Y", "27.10.2019")],
)
def test_a_date_alone_is_a_whole_day_of_the_time_zone(time_format: str, text: str) -> None:
    """That day has 25 hours in Vienna."""
    reader = TimeReader("Europe/Vienna", time_format)
    assert reader.read(text) == utc("2019-10-26T22:00")
    assert reader.read(text, "end") == utc("2019-10-27T23:00")
    with pytest.raises(ValueError, match="is a date without a time of day: say in the mapping"):
        reader.read(text, "reject")


@pytest.mark.parametrize("zone", ["EDT", "-4", "+25:00", "Mars/Olympus"])
def test_what_is_not_a_zone_is_refused(zone: str) -> None:
    with pytest.raises(ValueError, match="is neither an offset"):
        zone_of(zone)


@pytest.mark.parametrize(
    ("text", "whole_day"),
    [
        ("0001-01-01T00:00:00", "begin"),
        ("9999-12-31T23:30:00-01:00", "begin"),
        ("9999-12-31", "end"),
    ],
)
def test_a_time_that_utc_has_not_is_a_fault_of_the_cell(text: str, whole_day: WholeDay) -> None:
    with pytest.raises(ValueError, match="is not within the years 1 to 9999 in UTC"):
        TimeReader("Europe/Vienna").read(text, whole_day)
