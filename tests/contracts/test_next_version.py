"""A ``.v2`` beside a ``.v1``: validated by its own schema, converted to what the consumers know,
converging with the first.

The second version of comment.posted in ``next_version`` exists in these tests only. It is added as
schemas/README.md says.
"""

import itertools
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from below_the_line.catalogue import Example, examples, load_contracts, topics
from below_the_line.contracts.conversions import CONVERSIONS, Conversion
from below_the_line.contracts.decoder import Contracts
from below_the_line.contracts.events import Event, Record, Rejection, content_digest
from below_the_line.contracts.strict_json import canonical
from below_the_line.event_tables.description import COMMENTER_ERASED, COMMENTS
from below_the_line.resources import SCHEMAS
from btl.evolution import asyncapi
from btl.evolution.comparison import additions, breaking_changes
from btl.evolution.release import last_release, present
from consumers.core.fold import Fold
from tests.builders import deleted, edited, envelope, posted

FIRST, SECOND = "comment.posted.v1", "comment.posted.v2"


def as_first(data: Any) -> dict[str, Any]:
    """comment.posted.v2 as comment.posted.v1: what would stand in contracts/conversions.py."""
    answered = data.in_reply_to
    return {
        "article_id": data.article_id,
        "comment_id": data.comment_id,
        "author": {
            "user_id": data.author.id,
            "display_name": data.author.name,
            "role": "staff" if data.author.is_staff else "reader",
        },
        "body": data.text,
        "posted_at": data.posted_at,
        "held": data.state == "waiting",
        "parent_comment_id": None if answered is None else answered.comment_id,
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """schemas/ with the second version added."""
    copy = Path(shutil.copytree(SCHEMAS, tmp_path_factory.mktemp("next") / "schemas"))
    shutil.copytree(Path(__file__).parent / "next_version", copy, dirs_exist_ok=True)
    listed = (copy / "topics.yaml").read_text(encoding="utf-8")
    (copy / "topics.yaml").write_text(
        listed.replace(f"      - {FIRST}\n", f"      - {FIRST}\n      - {SECOND}\n"),
        encoding="utf-8",
    )
    return copy


@pytest.fixture(scope="module")
def contracts(folder: Path) -> Contracts:
    return load_contracts(folder).with_conversions({SECOND: Conversion(FIRST, as_first)})


def second_examples(folder: Path, valid: bool) -> list[Example]:
    return [example for example in examples(valid, folder) if example.event_type == SECOND]


def row_of(event: Event) -> dict[str, Any]:
    fold = Fold()
    fold.add(0, event)
    ((row,), _) = fold.tables[COMMENTS].staged()
    return dict(zip(COMMENTS.column_names, row, strict=True))


def decoded(
    contracts: Contracts, event_type: str, data: dict[str, Any], *, at: str, event_id: str
) -> Event:
    value = envelope(event_type, data, at=at, event_id=event_id)
    record = Record("comment-events", 0, 0, 1_793_491_200_000, data["article_id"].encode(), value)
    result = contracts.decode(record)
    assert isinstance(result, Event), result
    return result


TWINS: dict[str, dict[str, Any]] = {
    "top-level": {
        "article_id": "article-1001",
        "comment_id": "comment-1",
        "author": {"user_id": "user-1", "display_name": "Reader One"},
        "body": "First.",
        "posted_at": "2026-10-05T10:00:00Z",
    },
    "staff-reply": {
        "article_id": "article-1001",
        "comment_id": "comment-2",
        "author": {"user_id": "user-2", "display_name": "Desk", "role": "staff"},
        "body": "Thanks.",
        "posted_at": "2026-10-05T10:01:00Z",
        "held": True,
        "parent_comment_id": "comment-1",
    },
}
"""What version 1 would say for each valid example of version 2."""


def test_an_event_of_the_second_version_makes_the_row_that_one_of_the_first_makes(
    folder: Path, contracts: Contracts
) -> None:
    chosen = second_examples(folder, valid=True)
    assert {example.name for example in chosen} == set(TWINS)
    for example in chosen:
        second = contracts.decode(example.record)
        assert isinstance(second, Event), second
        sent = json.loads(example.record.value or b"")
        first = decoded(contracts, FIRST, TWINS[example.name], at=sent["time"], event_id=sent["id"])
        assert second.type == FIRST == contracts.read_as(SECOND)
        assert second.data == first.data
        rows = [row_of(event) for event in (first, second)]
        # Digest and order are those of what was sent, so the versions of the rows differ, and
        # nothing else does.
        assert second.digest == content_digest(SECOND, second.occurred_at, canonical(sent["data"]))
        assert rows[0].pop("posted_version") != rows[1].pop("posted_version")
        assert rows[0] == rows[1]


def test_a_conversion_may_pass_on_an_object_as_it_is(contracts: Contracts) -> None:
    def unchanged(data: Any) -> dict[str, Any]:
        return {name: getattr(data, name) for name in data.__struct_fields__}

    times = {"at": "2026-10-05T10:01:00Z", "event_id": "event-1"}
    sent = decoded(contracts, FIRST, TWINS["staff-reply"], **times)
    converting = contracts.with_conversions({FIRST: Conversion(FIRST, unchanged)})
    assert decoded(converting, FIRST, TWINS["staff-reply"], **times) == sent


def test_the_second_version_is_validated_by_its_own_schema(
    folder: Path, contracts: Contracts
) -> None:
    chosen = second_examples(folder, valid=False)
    assert len(chosen) >= 3
    for example in chosen:
        result = contracts.decode(example.record)
        assert isinstance(result, Rejection)
        assert (result.code, result.pointer, result.schema_version) == (
            example.code,
            example.pointer,
            SECOND,
        )


def test_consumers_that_do_not_know_it_yet_keep_it_as_a_dead_letter(folder: Path) -> None:
    for example in second_examples(folder, valid=True):
        result = load_contracts().decode(example.record)
        assert isinstance(result, Rejection)
        assert result.code == "unknown_type"


def test_it_belongs_to_its_topic_only(folder: Path, contracts: Contracts) -> None:
    for example in second_examples(folder, valid=True):
        result = contracts.decode(example.record._replace(topic="articles"))
        assert isinstance(result, Rejection)
        assert result.code == "unknown_type"


def test_the_names_of_topics_do_not_matter_to_conversions(
    folder: Path, contracts: Contracts
) -> None:
    renamed = contracts.with_topics({"comment-events": "events-of-readers"})
    for example in second_examples(folder, valid=True):
        assert isinstance(renamed.decode(example.record._replace(topic="events-of-readers")), Event)


def test_both_versions_in_flight_converge_in_any_order_and_any_batching(
    contracts: Contracts,
) -> None:
    at = "2026-05-01T10:00:0{}Z"
    second_data = {
        "article_id": "a1",
        "comment_id": "c1",
        "author": {"id": "u1", "name": "Reader One"},
        "text": "as of version 2",
        "posted_at": at.format(1),
        "state": "visible",
    }
    history = [
        # The comment was posted once, and sent again in the other version: the earlier event
        # stands, whichever it is.
        decoded(contracts, SECOND, second_data, at=at.format(1), event_id="e1"),
        posted("c1", at=at.format(2), body="as of version 1", event_id="e2"),
        # The same id in both versions: two events in their own right.
        posted("c1", at=at.format(1), body="the same id", event_id="e1"),
        edited("edited", at=at.format(3)),
        deleted(at=at.format(4)),
    ]
    outcomes = set()
    for order in itertools.permutations(history):
        for cut in range(len(order)):
            outcomes.add(joined(order[:cut], order[cut:]))
    assert len(outcomes) == 1
    (row,) = outcomes
    stands = min(history[:3], key=lambda event: event.version)
    assert dict(zip(COMMENTS.column_names, row, strict=True))["first_body"] == stands.data.body


def joined(*batches: tuple[Event, ...]) -> tuple[Any, ...]:
    """The row that these batches come to: each folded, their registers joined as the merge in SQL
    joins them.
    """
    merged: list[Any] = [None] * len(COMMENTS.columns)
    for batch in batches:
        fold = Fold()
        for number, event in enumerate(batch):
            fold.add(number, event)
        for row in fold.tables[COMMENTS].staged()[0]:
            merged[: len(COMMENTS.key)] = row[: len(COMMENTS.key)]
            for span, register in zip(COMMENTS.spans, COMMENTS.registers, strict=True):
                held, offered = merged[span][-1], row[span][-1]
                if offered is None or held == offered:
                    continue
                if held is None or (offered < held) == (register.keeps == "least"):
                    merged[span] = row[span]
    return tuple(merged)


def test_a_further_version_breaks_nothing_and_is_described_for_producers(folder: Path) -> None:
    assert breaking_changes(last_release(folder), present(folder)) == []
    assert f"{SECOND} is new, on topic comment-events." in [
        str(change) for change in additions(last_release(folder), present(folder))
    ]
    document = asyncapi.document(folder)
    assert f"#/components/messages/{SECOND}" in str(document["channels"]["comment-events"])


def test_every_input_type_is_known_to_the_consumers_or_converted_to_one_that_is() -> None:
    contracts = load_contracts()
    assert set(CONVERSIONS) <= set(contracts.event_types)
    inputs = [topic for topic in topics() if topic.direction == "in"]
    for topic in inputs:
        assert {
            contracts.topic_of(contracts.read_as(event_type)) for event_type in topic.event_types
        } == {topic.name}
    for example in examples(True):
        if contracts.topic_of(example.event_type) in {topic.name for topic in inputs}:
            event = contracts.decode(example.record)
            assert isinstance(event, Event)
            fold = Fold()
            fold.add(0, event)
            assert list(fold) or event.type == COMMENTER_ERASED, example.event_type
