"""The order of events as bytes is the order of (occurred_at, id, source, digest), ids and sources compared in UTF-8."""

from hypothesis import given
from hypothesis import strategies as st

from below_the_line.contracts.events import order_key

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1, max_size=4)
VERSIONS = st.tuples(
    st.sampled_from([-1, 0, 1, 255, 256, 1_777_777_777_000_000]), TEXTS, TEXTS, st.binary(min_size=32, max_size=32)
)


@given(VERSIONS, VERSIONS)
def test_order_keys_compare_as_their_parts_do(
    one: tuple[int, str, str, bytes], other: tuple[int, str, str, bytes]
) -> None:
    def parts(version: tuple[int, str, str, bytes]) -> tuple[int, bytes, bytes, bytes]:
        return version[0], version[1].encode(), version[2].encode(), version[3]

    assert (order_key(*one) < order_key(*other)) == (parts(one) < parts(other))
    assert (order_key(*one) == order_key(*other)) == (one == other)
