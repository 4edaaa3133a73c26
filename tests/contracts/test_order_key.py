"""The order of events as bytes is the order of (occurred_at, id, source, digest), ids and sources
compared in UTF-8.
"""

from itertools import product

from below_the_line.contracts.events import order_key

# Prefixes, bytes beside the separator, and two that sort otherwise in UTF-16.
TEXTS = ["a", "ab", "a\x01", "b", "\u00e9", "\uffff", "\U00010000"]
VERSIONS = list(
    product(
        [-1, 0, 255, 256, 1_777_777_777_000_000],
        TEXTS,
        TEXTS[:3],
        [bytes(32), bytes(31) + b"\x01", b"\xff" * 32],
    )
)


def test_order_keys_sort_as_their_parts_do_and_no_two_are_alike() -> None:
    by_parts = sorted(
        VERSIONS,
        key=lambda version: (version[0], version[1].encode(), version[2].encode(), version[3]),
    )
    assert sorted(VERSIONS, key=lambda version: order_key(*version)) == by_parts
    assert len({order_key(*version) for version in VERSIONS}) == len(VERSIONS)
