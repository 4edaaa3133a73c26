"""What a process knows of erasures."""

import pytest

from below_the_line.erasing.erasures import ErasedComment, ErasedPerson, Erasures
from below_the_line.erasing.keys import ErasureKey

KEY = ErasureKey("a key of the tests, long enough")
PSEUDONYM = KEY.pseudonym("user", "u1")


def person(erased_at: int) -> ErasedPerson:
    return ErasedPerson(PSEUDONYM, erased_at)


def comment(erased_at: int) -> ErasedComment:
    return ErasedComment("a1", "c1", erased_at)


def test_nothing_is_erased_at_first() -> None:
    known = Erasures(KEY)
    assert not known
    assert known.person_erased_at("user", "u1") is None
    assert known.comment_erased_at("a1", "c1") is None
    assert known.latest < -(10**18)


def test_a_person_is_recognised_by_kind_and_id_and_by_the_pseudonym() -> None:
    known = Erasures(KEY)
    known.add([person(10)])
    assert known.person_erased_at("user", "u1") == (PSEUDONYM, 10)
    assert known.person_erased_at("user", PSEUDONYM) == (PSEUDONYM, 10)
    assert known.person_erased_at("reporter", "u1") is None
    assert known.person_erased_at("user", "u2") is None


def test_the_latest_erasure_of_a_subject_counts() -> None:
    known = Erasures(KEY)
    known.add([person(10), comment(30), person(20), comment(25)])
    known.add([person(15)])
    assert known.person_erased_at("user", "u1") == (PSEUDONYM, 20)
    assert known.comment_erased_at("a1", "c1") == 30
    assert known.latest == 30


def test_who_is_erased_later_was_asked_for_before() -> None:
    known = Erasures(KEY)
    known.add([comment(5)])
    assert known.person_erased_at("user", "u1") is None
    known.add([ErasedPerson(KEY.pseudonym("user", "u2"), 5)])
    assert known.person_erased_at("user", "u1") is None
    known.add([person(10)])
    assert known.person_erased_at("user", "u1") == (PSEUDONYM, 10)


def test_a_person_cannot_be_known_without_a_key() -> None:
    known = Erasures()
    known.add([comment(5)])
    with pytest.raises(ValueError, match="no key"):
        known.add([person(10)])
