"""Folding a batch is a join: any order, grouping and repetition of the same events gives the same
rows, those of the model.
"""

from collections.abc import Iterable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from consumers.core.fold import Fold
from tests.hypothesis_profiles import examples
from tests.properties import model
from tests.properties.histories import cloud_events, decoded, histories
from tests.properties.model import CloudEvent, Tables


def fold(sent: Iterable[CloudEvent]) -> Fold:
    folded = Fold()
    for number, event in enumerate(decoded(sent)):
        folded.add(number, event)
    return folded


def rows(folded: Fold) -> dict[str, list[dict[str, Any]]]:
    """The staged rows of each table, in the order in which they are staged."""
    return {
        each.table.name: [
            dict(zip(each.table.column_names, row, strict=True)) for row in each.staged()[0]
        ]
        for each in folded
    }


def joined(*folds: Fold) -> Fold:
    """What the merge in SQL does, on folds: each register and each element of one joined into the
    other.
    """
    result = Fold()
    for number, folded in enumerate(folds):
        for each in folded:
            table, into = each.table, result.tables[each.table]
            for row in each.staged()[0]:
                key = tuple(row[: len(table.key)])
                if not table.registers:
                    into.add(number, key, tuple(row[len(key) :]))
                for place, span in enumerate(table.spans):
                    values = row[span]
                    if values[-1] is not None:
                        into.join(number, key, place, values)
    return result


def in_key_order(expected: Tables) -> dict[str, list[dict[str, Any]]]:
    return {
        name: [of_table[key] for key in sorted(of_table)]
        for name, of_table in expected.items()
        if of_table
    }


@examples(50)
@given(histories())
def test_a_folded_batch_is_what_the_model_says(sent: list[CloudEvent]) -> None:
    assert rows(fold(sent)) == in_key_order(model.tables(sent))


@examples(50)
@given(histories(4), histories(4))
def test_folding_is_commutative(one: list[CloudEvent], other: list[CloudEvent]) -> None:
    assert rows(fold(one + other)) == rows(fold(other + one))
    assert rows(fold(one[::-1])) == rows(fold(one))
    assert rows(joined(fold(one), fold(other))) == rows(joined(fold(other), fold(one)))


@examples(50)
@given(histories(3), histories(3), histories(3))
def test_folding_is_associative(
    first: list[CloudEvent], second: list[CloudEvent], third: list[CloudEvent]
) -> None:
    whole = rows(fold(first + second + third))
    one, two, three = fold(first), fold(second), fold(third)
    assert rows(joined(joined(one, two), three)) == whole
    assert rows(joined(one, joined(two, three))) == whole


@examples(50)
@given(histories())
def test_folding_is_idempotent(sent: list[CloudEvent]) -> None:
    once = rows(fold(sent))
    assert rows(fold(sent + sent)) == once
    assert rows(joined(fold(sent), fold(sent))) == once


@examples(50)
@given(histories())
def test_a_row_names_the_records_that_went_into_it(sent: list[CloudEvent]) -> None:
    alone = [model.tables([each]) for each in sent]
    for each in fold(sent):
        for row, records in zip(*each.staged(), strict=True):
            key = tuple(row[: len(each.table.key)])
            assert records == [
                number for number, own in enumerate(alone) if key in own[each.table.name]
            ]


@examples(50)
@given(histories())
def test_rows_that_are_most_likely_new_are_those_whose_first_event_is_in_the_batch(
    sent: list[CloudEvent],
) -> None:
    begun = {"comments": "posted_version", "reports": "reported_version"}
    never_known = {"articles", "reactions"}
    for each in fold(sent):
        name, names = each.table.name, each.table.column_names
        new, others = each.parted()
        both = zip(new.rows + others.rows, new.records + others.records, strict=True)
        assert sorted(both, key=lambda row: row[0][: len(each.table.key)]) == list(
            zip(*each.staged(), strict=True)
        )
        for rows, is_new in ((new.rows, True), (others.rows, False)):
            for row in rows:
                first = begun.get(name)
                expected = (
                    name not in never_known
                    if first is None
                    else row[names.index(first)] is not None
                )
                assert expected == is_new


@examples(50)
@given(st.lists(cloud_events(), min_size=2, max_size=12))
def test_versions_sort_as_time_id_source_and_digest_do(sent: list[CloudEvent]) -> None:
    pairs = sorted(
        (event.version, model.version(each))
        for event, each in zip(decoded(sent), sent, strict=True)
    )
    assert [own for _, own in pairs] == sorted(map(model.version, sent))
    assert len({as_bytes for as_bytes, _ in pairs}) == len({own for _, own in pairs})
