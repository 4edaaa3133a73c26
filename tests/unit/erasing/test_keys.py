"""The key of erasures: what stands in place of ids and digests."""

import hashlib
import hmac

import pytest

from below_the_line.contracts.events import order_key, read_order_key
from below_the_line.contracts.times import from_datetime
from below_the_line.erasing.keys import (
    ErasureKey,
    key_problem,
    keyed_version,
    required_key,
    time_of,
)
from below_the_line.errors import BelowTheLineError
from below_the_line.times import parse_time

KEY = ErasureKey("a key of the tests, long enough")
OTHER = ErasureKey("another key of the tests, as long")


def test_a_pseudonym_is_the_keyed_hash_of_kind_and_id() -> None:
    digest = hmac.new(b"a key of the tests, long enough", b"user\nu1", hashlib.sha256).hexdigest()
    assert KEY.pseudonym("user", "u1") == f"erased:{digest[:32]}"


def test_the_same_id_has_another_pseudonym_by_kind_and_by_key() -> None:
    found = {
        KEY.pseudonym("user", "u1"),
        KEY.pseudonym("reporter", "u1"),
        KEY.pseudonym("user", "u2"),
        OTHER.pseudonym("user", "u1"),
    }
    assert len(found) == 4


def test_a_text_that_is_nobodys_id_has_a_pseudonym_too() -> None:
    assert KEY.pseudonym("user", "\ud83d") != KEY.pseudonym("user", "?")


def test_the_version_of_an_erased_event_keeps_time_id_and_source() -> None:
    at = from_datetime(parse_time("2026-05-04T10:00:00.000001Z", "at"))
    plain = order_key(at, "é", "/a", hashlib.sha256(b"a text").digest())
    erased = keyed_version(KEY, plain)
    assert read_order_key(erased)[:3] == (at, "é", "/a") == read_order_key(plain)[:3]
    assert read_order_key(erased)[3] == KEY.keyed(hashlib.sha256(b"a text").digest())
    assert time_of(erased) == at


def test_a_short_key_is_refused_without_showing_it() -> None:
    with pytest.raises(BelowTheLineError, match="too short") as raised:
        ErasureKey("guess me")
    assert "guess me" not in str(raised.value)


def test_a_missing_key_is_named_with_what_needs_it() -> None:
    with pytest.raises(
        BelowTheLineError, match=r"2 people are erased\. BTL_ERASURE_KEY is not set"
    ):
        required_key(None, "2 people are erased.")


@pytest.mark.parametrize(
    ("kept", "has_problem"), [(None, False), (KEY.check, False), (OTHER.check, True)]
)
def test_a_key_that_made_no_pseudonym_of_the_database_is_a_problem(
    kept: str | None, has_problem: bool
) -> None:
    assert (key_problem(KEY, kept) is not None) == has_problem


def test_a_key_does_not_show_itself() -> None:
    assert "a key of the tests" not in repr(KEY)
