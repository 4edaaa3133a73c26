"""Each published example does what it says."""

from collections import Counter

import pytest

from below_the_line.catalogue import EXAMPLES_TIMESTAMP, Example, examples, load_contracts, topics
from below_the_line.contracts.codes import STAGES
from below_the_line.contracts.events import Event, Rejection
from below_the_line.event_tables.description import COMMENTER_ERASED
from below_the_line.resources import SCHEMAS

VALID = list(examples(True))
INVALID = list(examples(False))
FAR_LATER = EXAMPLES_TIMESTAMP + 40 * 365 * 86_400_000


def label(example: Example) -> str:
    return f"{example.event_type}/{example.name}"


@pytest.mark.parametrize("example", VALID, ids=label)
def test_a_valid_example_is_an_event_of_its_type(example: Example) -> None:
    for record in (example.record, example.record._replace(timestamp=FAR_LATER)):
        result = load_contracts().decode(record)
        assert isinstance(result, Event), result
        assert result.type == load_contracts().read_as(example.event_type)


@pytest.mark.parametrize("example", INVALID, ids=label)
def test_an_invalid_example_fails_for_its_stated_reason(example: Example) -> None:
    for record in (example.record, example.record._replace(timestamp=FAR_LATER)):
        result = load_contracts().decode(record)
        assert isinstance(result, Rejection)
        assert (result.code, result.pointer) == (example.code, example.pointer)
        assert result.stage == STAGES[result.code]
        assert result.message.endswith(".")
        assert len(result.message) < 400
        assert "\0" not in result.message
        result.message.encode()


def test_every_type_has_examples_of_both_kinds() -> None:
    valid = Counter(example.event_type for example in VALID)
    invalid = Counter(example.event_type for example in INVALID)
    for event_type in load_contracts().event_types:
        assert valid[event_type] >= 2, event_type
        assert invalid[event_type] >= 3, event_type


def test_every_code_that_can_be_reached_without_a_database_has_an_example() -> None:
    assert {example.code for example in INVALID} == set(STAGES) - {"rejected_by_database"}


def test_every_file_of_examples_belongs_to_an_event_type() -> None:
    files = {path.name for path in (SCHEMAS / "examples").iterdir()}
    assert files == {f"{event_type}.json" for event_type in load_contracts().event_types}


def test_the_valid_examples_are_events_apart_and_speak_of_the_same_few_articles() -> None:
    read = [load_contracts().decode(example.record) for example in VALID]
    accepted = [result for result in read if isinstance(result, Event)]
    assert len({event.version for event in accepted}) == len(accepted)
    assert len({(event.source, event.id) for event in accepted}) == len(accepted)
    assert {event.article_id for event in accepted if event.type != COMMENTER_ERASED} == {
        "article-1001",
        "article-1002",
        "article-1003",
    }


def test_there_are_valid_examples_in_both_modes_for_both_topics() -> None:
    modes = {
        (topic.name, any(name == "ce_id" for name, _ in example.record.headers))
        for example in VALID
        for topic in topics()
        if topic.direction == "in" and example.event_type in topic.event_types
    }
    assert len(modes) == 4
