"""What all readers share."""

import pytest

from below_the_line.catalogue import schema_document
from btl.archives.records import MAX_CONTENT, MAX_ID_BYTES, Place, Unreadable, unreadable

PLACE = Place("a.csv", "line 2")


@pytest.mark.parametrize("character", ["o", "ö", "€", "🦦"])
def test_of_an_item_that_cannot_be_read_a_beginning_is_kept(character: str) -> None:
    kept = Unreadable(PLACE, "is too long", character * MAX_CONTENT)
    longer = character * (MAX_CONTENT + 1)
    assert unreadable(PLACE, "is too long", longer) == kept
    assert unreadable(PLACE, ValueError("is too long"), longer.encode()) == kept


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert unreadable(PLACE, "is not UTF-8", b"otter \xff").content == "otter \ufffd"


def test_the_bound_of_ids_is_that_of_the_contract() -> None:
    identifier = schema_document("definitions")["$defs"]["identifier"]
    assert identifier["x-max-bytes"] == MAX_ID_BYTES
