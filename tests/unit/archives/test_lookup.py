import msgspec
import pytest

from btl.archives import lookup
from btl.archives.lookup import temporary_lookup


class Person(msgspec.Struct):
    name: str
    is_staff: bool = False


def test_values_are_found_by_key_and_the_first_one_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lookup, "_CACHED", 100)
    with temporary_lookup(Person) as people:
        for number in range(12_000):
            people.add(str(number % 11_000), Person(f"bird {number}", number == 10_999))
        assert len(people) == 11_000
        assert people.find("7") == Person("bird 7")
        assert people.find("10999") == Person("bird 10999", True)
        assert people.find("11000") is None
        assert sorted(people, key=int)[-2:] == ["10998", "10999"]
