from btl.archives.joins import batches, temporary_tables


def test_rows_come_by_their_key_in_the_order_in_which_they_were_added() -> None:
    with temporary_tables("likes") as (likes,):
        likes.add("b", ["heron", 1])
        likes.add("a", ["otter", None])
        likes.add("b", ["heron", 2])
        assert likes.find(["b", "c", "b"]) == {"b": [["heron", 1], ["heron", 2]]}
        assert likes.find(["a", "b"]) == {
            "a": [["otter", None]],
            "b": [["heron", 1], ["heron", 2]],
        }


def test_a_row_is_taken_once_and_what_nobody_took_is_the_rest() -> None:
    with temporary_tables("likes") as (likes,):
        for number in range(20):
            likes.add(f"key {number // 2}", [number])
        assert likes.take(["key 0", "key 9"]) == {"key 0": [[0], [1]], "key 9": [[18], [19]]}
        assert likes.take(["key 0", "key 4"]) == {"key 4": [[8], [9]]}
        left = [number for number in range(20) if number // 2 not in (0, 4, 9)]
        assert list(likes.rest()) == [(f"key {number // 2}", [number]) for number in left]


def test_finding_takes_nothing() -> None:
    with temporary_tables("names") as (names,):
        names.add("1", ["otter"])
        assert names.find(["1"]) == names.take(["1"]) == {"1": [["otter"]]}
        assert names.find(["1"]) == {"1": [["otter"]]}


def test_a_table_without_rows_has_none() -> None:
    with temporary_tables("names", "likes") as (names, likes):
        assert names.find(["1"]) == likes.take([]) == {}
        assert list(names.rest()) == []


def test_more_rows_than_one_bundle() -> None:
    with temporary_tables("likes") as (likes,):
        for number in range(12_345):
            likes.add(str(number % 1_000), [number])
        assert likes.take(["344"])["344"] == [[number] for number in range(344, 12_345, 1_000)]
        assert sum(1 for _ in likes.rest()) == 12_345 - 13


def test_batches_keep_the_order_and_the_last_one_is_shorter() -> None:
    assert list(batches(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(batches([], 2)) == []
