"""CloudEvents in structured and in binary mode."""

from typing import Any

import pytest

from below_the_line.catalogue import load_contracts
from below_the_line.contracts.events import Rejection
from tests.contracts.records import (
    STRUCTURED,
    TYPE,
    accept,
    binary,
    cloud_event,
    code,
    data,
    decode,
    refuse,
    structured,
)


@pytest.mark.parametrize("name", ["id", "source", "type", "time", "specversion"])
def test_a_required_attribute_is_a_text_that_is_not_empty(name: str) -> None:
    wrong: list[Any] = ["", 1, True, [], {}, 1.0]
    for bad in wrong:
        result = refuse(structured(cloud_event(**{name: bad})))
        assert (result.code, result.pointer, result.schema_version) == (
            "not_cloudevent",
            f"/{name}",
            None,
        )
    missing = {key: value for key, value in cloud_event().items() if key != name}
    for event in (missing, {**cloud_event(), name: None}):
        assert (refuse(structured(event)).code, refuse(structured(event)).pointer) == (
            "not_cloudevent",
            f"/{name}",
        )
    headers = [header for header in binary(cloud_event()).headers if header[0] != f"ce_{name}"]
    for record in (
        binary(cloud_event(), headers=headers),
        binary(cloud_event(), headers=[*headers, (f"ce_{name}", None)]),
        binary(cloud_event(), headers=[*headers, (f"ce_{name}", b"")]),
    ):
        assert (refuse(record).code, refuse(record).pointer) == ("not_cloudevent", f"/{name}")


@pytest.mark.parametrize("name", ["subject", "dataschema", "datacontenttype"])
def test_an_optional_attribute_is_unset_or_a_text_that_is_not_empty(name: str) -> None:
    wrong: list[Any] = ["", 1, False, []]
    for bad in wrong:
        assert refuse(structured(cloud_event(**{name: bad}))).pointer == f"/{name}"
    accept(structured({**cloud_event(), name: None}))
    accept(structured(cloud_event(**{name: "x"})))
    headers = list(binary(cloud_event()).headers)
    assert code(binary(cloud_event(), headers=[*headers, (f"ce_{name}", b"")])) == "not_cloudevent"
    accept(binary(cloud_event(), headers=[*headers, (f"ce_{name}", None)]))


@pytest.mark.parametrize("name", ["id", "source"])
def test_id_and_source_have_at_most_200_bytes(name: str) -> None:
    for fits, too_long in (
        ("x" * 200, "x" * 201),
        ("ö" * 100, "ö" * 100 + "x"),
        ("🙂" * 50, "🙂" * 50 + "x"),
    ):
        accept(structured(cloud_event(**{name: fits})))
        accept(binary(cloud_event(**{name: fits})))
        assert refuse(structured(cloud_event(**{name: too_long}))).pointer == f"/{name}"
        assert refuse(binary(cloud_event(**{name: too_long}))).pointer == f"/{name}"


@pytest.mark.parametrize(
    "content_type",
    [
        "application/cloudevents+json",
        "application/cloudevents+json;charset=utf-8",
        'application/cloudevents+json ; Charset="UTF-8"',
        "Application/CloudEvents+JSON; charset=UTF-8; x=y",
        'application/cloudevents+json; x="a;charset=latin1"',
        f"application/cloudevents+json; x={'y' * 1000}",
    ],
)
def test_a_content_type_of_cloudevents_means_structured_mode(content_type: str) -> None:
    stray: list[tuple[str, bytes | None]] = [("ce_id", b"other"), ("ce_type", None)]
    event = accept(
        structured(cloud_event(), headers=[("content-type", content_type.encode()), *stray])
    )
    assert event.id == "event-1"


@pytest.mark.parametrize(
    "content_type",
    [
        "application/cloudevents",
        "application/cloudevents+avro",
        "application/cloudevents-batch+json",
        "application/cloudevents+json; charset=latin1",
        "application/json; charset=utf-16",
        "text/plain; charset=us-ascii",
        f"application/json; x={'y' * 1000};charset=latin1",
    ],
)
def test_other_event_formats_and_charsets_are_refused_in_both_modes(content_type: str) -> None:
    header = ("content-type", content_type.encode())
    assert code(structured(cloud_event(), headers=[header])) == "not_cloudevent"
    assert (
        code(binary(cloud_event(), headers=[header, *list(binary(cloud_event()).headers)[1:]]))
        == "not_cloudevent"
    )


def test_without_such_headers_a_specversion_means_structured_mode() -> None:
    accept(structured(cloud_event(), headers=()))
    accept(structured(cloud_event(), headers=[("content-type", b"application/json")]))
    accept(
        structured(
            cloud_event(),
            headers=[("content-type", None), ("CE_ID", b"x"), ("Content-Type", b"text/xml")],
        )
    )
    assert code(structured(cloud_event(), headers=[("ce_extra", b"x")])) == "not_cloudevent"
    assert code(structured(data(), headers=())) == "not_cloudevent"
    accept(structured(cloud_event(), headers=[("content-type", b"")]))
    assert refuse(
        binary(
            cloud_event(), headers=[("content-type", b""), *list(binary(cloud_event()).headers)[1:]]
        )
    ).pointer == ("/datacontenttype")
    accept(binary(cloud_event(), headers=list(binary(cloud_event()).headers)[1:]))


def test_a_header_of_ours_that_is_given_twice_is_refused() -> None:
    for twice in (("ce_id", b"event-1"), ("content-type", b"application/json"), ("ce_id", None)):
        assert (
            code(binary(cloud_event(), headers=[*binary(cloud_event()).headers, twice]))
            == "not_cloudevent"
        )
    assert (
        code(structured(cloud_event(), headers=[*STRUCTURED, ("ce_x", b""), ("ce_x", b"")]))
        == "not_cloudevent"
    )
    assert (
        code(structured(cloud_event(), headers=[("content-type", None), *STRUCTURED]))
        == "not_cloudevent"
    )
    accept(
        structured(
            cloud_event(),
            headers=[*STRUCTURED, ("CE_ID", b""), ("CE_ID", b""), ("Content-Type", b"x")],
        )
    )


def test_both_modes_give_the_same_event_and_the_same_verdicts() -> None:
    for event in (
        cloud_event(),
        cloud_event(subject="comment-1", extension="ö"),
        cloud_event(data=data(body="")),
        cloud_event(data=data(extra=1.5)),
        cloud_event(data=data(posted_at="1980-01-01T00:00:00Z")),
        cloud_event(type="nope"),
        cloud_event(type="article.published.v1"),
    ):
        assert decode(structured(event)) == decode(binary(event))


def test_a_type_that_is_unknown_or_belongs_elsewhere_is_refused() -> None:
    for record in (
        structured(cloud_event(type="comment.posted")),
        structured(cloud_event(type="Comment.Posted.v1")),
        structured(cloud_event(type="comment.posted.v2")),
        structured(cloud_event(), topic="articles"),
        structured(cloud_event(), topic="discussion-events"),
        structured(cloud_event(), topic=""),
        structured(cloud_event(type="comment.late.v1")),
    ):
        result = refuse(record)
        assert (result.stage, result.code, result.pointer) == (
            "envelope",
            "unknown_type",
            "/type",
        )
        assert result.schema_version is None


def test_topics_may_have_other_names() -> None:
    renamed = load_contracts().with_topics({"comment-events": "copy"})
    assert renamed.topic_of(TYPE) == "copy"
    assert renamed.topic_of("article.published.v1") == "articles"
    assert not isinstance(renamed.decode(structured(cloud_event(), topic="copy")), Rejection)
    assert isinstance(renamed.decode(structured(cloud_event())), Rejection)
