"""Times as people write them."""

from datetime import UTC, datetime

import pytest

from below_the_line.errors import BelowTheLineError
from below_the_line.times import EXAMPLE, parse_time


@pytest.mark.parametrize("text", [EXAMPLE, "2026-05-01t12:00:00+02:00", "2026-05-01T10:00:00.0Z"])
def test_an_rfc_3339_time_is_read_in_utc(text: str) -> None:
    assert parse_time(text, "--since") == datetime(2026, 5, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-05-01", "2026-05-01T10:00:00", "0000-01-01T00:00:00Z"]
)
def test_another_text_is_named_with_its_option_and_an_example(text: str) -> None:
    with pytest.raises(BelowTheLineError, match=r"--since is not a time: '.*such as 2026-05-01T10"):
        parse_time(text, "--since")
