from datetime import UTC, datetime

import pytest

from btl.archives.go_times import go_time


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2024-06-01T10:00:00Z", datetime(2024, 6, 1, 10, tzinfo=UTC)),
        (" 2024-06-01T10:00:00.5+02:00 ", datetime(2024, 6, 1, 8, 0, 0, 500_000, tzinfo=UTC)),
        ("2024-06-01T10:00:00.123456789Z", datetime(2024, 6, 1, 10, 0, 0, 123_456, tzinfo=UTC)),
        ("2024-06-01T10:00:00.1234567-06:00", datetime(2024, 6, 1, 16, 0, 0, 123_456, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00.000Z", None),
        ("", None),
    ],
)
def test_times_are_in_utc_and_whole_microseconds(text: str, time: datetime | None) -> None:
    assert go_time(text) == time


@pytest.mark.parametrize(
    "text",
    [
        "2024-06-01",
        "2024-06-01T10:00:00",
        "2024-13-01T10:00:00Z",
        "2024-06-01T10:00:00.123456x89Z",
        "2024-06-01T10:00:00.12345678\N{SUPERSCRIPT TWO}Z",
        "2024-06-01T10:00:00x123456789Z",
        "0000-01-01T00:00:00Z",
        "noon",
    ],
)
def test_what_is_no_time_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a time of RFC 3339|outside of the years"):
        go_time(text)
