"""RFC 3339, as far as it goes and no further."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from below_the_line.contracts.times import EPOCH, instant, microseconds_of_any_form, to_datetime

VALID = {
    "1970-01-01T00:00:00Z": "1970-01-01T00:00:00",
    "2026-10-01T10:00:00Z": "2026-10-01T10:00:00",
    "2026-10-01t10:00:00z": "2026-10-01T10:00:00",
    "2026-10-01T10:00:00z": "2026-10-01T10:00:00",
    "2026-10-01T10:00:00+00:00": "2026-10-01T10:00:00",
    "2026-10-01T10:00:00-00:00": "2026-10-01T10:00:00",
    "2026-10-01T10:00:00+02:00": "2026-10-01T08:00:00",
    "2026-10-01T10:00:00-05:30": "2026-10-01T15:30:00",
    "2026-10-01T10:00:00+23:59": "2026-09-30T10:01:00",
    "2026-10-01T10:00:00-23:59": "2026-10-02T09:59:00",
    "2026-10-01T10:00:00.1Z": "2026-10-01T10:00:00.100000",
    "2026-10-01T10:00:00.123456Z": "2026-10-01T10:00:00.123456",
    "2026-10-01T10:00:00.1234569Z": "2026-10-01T10:00:00.123456",
    "2026-10-01T10:00:00.9999999999999999999Z": "2026-10-01T10:00:00.999999",
    "2026-10-01T09:59:59.9999999+00:00": "2026-10-01T09:59:59.999999",
    "1969-12-31T23:59:59.9999999Z": "1969-12-31T23:59:59.999999",
    "2024-02-29T00:00:00Z": "2024-02-29T00:00:00",
    "2000-02-29T00:00:00Z": "2000-02-29T00:00:00",
    "2016-12-31T23:59:60Z": "2016-12-31T23:59:59.999999",
    "2016-12-31T23:59:60.000Z": "2016-12-31T23:59:59.999999",
    "2016-12-31T23:59:60.75Z": "2016-12-31T23:59:59.999999",
    "2017-01-01T00:59:60+01:00": "2016-12-31T23:59:59.999999",
    "2016-12-31T15:59:60-08:00": "2016-12-31T23:59:59.999999",
    "2026-05-17T23:59:60Z": "2026-05-17T23:59:59.999999",
    "0001-01-01T00:00:00Z": "0001-01-01T00:00:00",
    "9999-12-31T23:59:59.999999Z": "9999-12-31T23:59:59.999999",
}
OUTSIDE_OF_A_DATETIME = {
    "0000-01-01T00:00:00Z": -62_167_219_200_000_000,
    "0000-02-29T12:00:00Z": -62_162_078_400_000_000,
    "0001-01-01T00:00:00+00:01": -62_135_596_860_000_000,
    "9999-12-31T23:59:59-00:01": 253_402_300_859_000_000,
    "9999-12-31T23:59:60Z": 253_402_300_799_999_999,
}
INVALID = [
    "",
    "now",
    "2026-10-01",
    "10:00:00Z",
    "2026-10-01T10:00:00",
    "2026-10-01 10:00:00Z",
    "2026-10-01T10:00Z",
    "2026-10-01T10Z",
    "20261001T100000Z",
    "2026-W40-4T10:00:00Z",
    "2026-274T10:00:00Z",
    "2026-10-01T10:00:00.Z",
    "2026-10-01T10:00:00,5Z",
    "2026-10-01T10:00:00+0200",
    "2026-10-01T10:00:00+02",
    "2026-10-01T10:00:00+24:00",
    "2026-10-01T10:00:00-24:00",
    "2026-10-01T10:00:00+05:60",
    "2026-10-01T10:00:00.123456-05:99",
    "2026-10-01T10:00:00 Z",
    "2026-10-01T10:00:00Z ",
    " 2026-10-01T10:00:00Z",
    "2026-10-01T10:00:00Z\n",
    "2026-10-01T10:00:00+02:00:00",
    "2026-10-01T10:00:00+02:00.5",
    "2026-10-01T10:00:00UTC",
    "2026-10-01T10:00:00ZZ",
    "2026-10-01T24:00:00Z",
    "2026-10-01T24:00:00+00:00",
    "2026-10-01T23:60:00Z",
    "2026-10-01T23:59:61Z",
    "2026-10-01T10:00:60Z",
    "2026-10-01T23:59:60+01:00",
    "2026-10-01T00:59:60Z",
    "2026-00-01T10:00:00Z",
    "2026-13-01T10:00:00Z",
    "2026-10-00T10:00:00Z",
    "2026-10-32T10:00:00Z",
    "2026-09-31T10:00:00Z",
    "2023-02-29T10:00:00Z",
    "2023-02-30T10:00:00Z",
    "1900-02-29T10:00:00Z",
    "2100-02-29T10:00:00Z",
    "+2026-10-01T10:00:00Z",
    "-2026-10-01T10:00:00Z",
    "12026-10-01T10:00:00Z",
    "26-10-01T10:00:00Z",
    "2026-1-1T10:00:00Z",
    "2026-10-01T1:00:00Z",
    "2026\u201110\u201101T10:00:00Z",
    "\u0662\u0660\u0662\u0666-10-01T10:00:00Z",
    "2026-10-01T10:00:0\u0660Z",
    "2026-10-01\u017f10:00:00Z",
]


@pytest.mark.parametrize(("text", "expected"), VALID.items())
def test_a_valid_time_is_truncated_to_microseconds_in_utc(text: str, expected: str) -> None:
    found = instant(text)
    assert found is not None
    assert to_datetime(found.since_1970) == datetime.fromisoformat(expected).replace(tzinfo=UTC)
    assert found.moment is None or (
        found.moment == to_datetime(found.since_1970) and found.moment.tzinfo is UTC
    )


@pytest.mark.parametrize(("text", "expected"), OUTSIDE_OF_A_DATETIME.items())
def test_a_valid_time_that_no_datetime_can_hold_is_still_a_time(text: str, expected: int) -> None:
    found = instant(text)
    assert found is not None
    assert found.since_1970 == expected


@pytest.mark.parametrize("text", INVALID)
def test_what_is_no_rfc_3339_is_no_time(text: str) -> None:
    assert instant(text) is None


@given(
    st.datetimes(),
    st.integers(-1439, 1439),
    st.one_of(st.none(), st.text("0123456789", min_size=1, max_size=9)),
    st.sampled_from("Tt"),
)
def test_the_quick_reading_and_the_arithmetic_agree_with_the_library(
    naive: datetime, offset: int, fraction: str | None, separator: str
) -> None:
    hours, minutes = divmod(abs(offset), 60)
    text = naive.replace(microsecond=0).isoformat(separator)
    text += f".{fraction}" if fraction else ""
    text += f"{'-' if offset < 0 else '+'}{hours:02}:{minutes:02}"
    local = naive.replace(
        microsecond=int((fraction or "")[:6].ljust(6, "0")),
        tzinfo=timezone(timedelta(minutes=offset)),
    )
    expected = (local - EPOCH) // timedelta(microseconds=1)
    found = instant(text)
    assert found is not None
    assert found.since_1970 == microseconds_of_any_form(text) == expected


@given(
    st.from_regex(
        r"\A[0-9]{4}-[0-1][0-9]-[0-3][0-9][Tt][0-2][0-9]:[0-6][0-9]:[0-6][0-9]"
        r"(\.[0-9]{1,9})?([Zz]|[+-][0-2][0-9]:[0-6][0-9])\Z"
    )
)
def test_the_quick_reading_never_differs_from_the_arithmetic(text: str) -> None:
    found = instant(text)
    assert (None if found is None else found.since_1970) == microseconds_of_any_form(text)
