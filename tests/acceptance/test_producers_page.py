"""The snippets of docs/producers.md make events that become rows."""

import psycopg
import pytest
from kafka import KafkaProducer

from tests.contracts.snippets import javascript_message, snippet
from tests.pipeline import Pipeline, assert_accounted


@pytest.mark.stack
def test_what_the_snippets_send_becomes_comments(
    pipeline: Pipeline, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BTL_KAFKA_BOOTSTRAP", pipeline.bootstrap)
    for title in ("sdk", "plain"):
        names: dict[str, object] = {"__name__": title}
        exec(compile(snippet("python", title), f"docs/producers.md ({title})", "exec"), names)
        producer = names["producer"]
        assert isinstance(producer, KafkaProducer)
        if title == "plain":
            made = javascript_message()
            producer.send(
                "comment-events",
                key=made["key"].encode(),
                value=made["value"].encode(),
                headers=[(name, text.encode()) for name, text in made["headers"].items()],
            ).get(timeout=30)
        producer.close()
    with pipeline.consumer():
        account = pipeline.wait_for_records(connection, 3)
    assert (account["applied"], account["dead_lettered"]) == (3, 0)
    assert connection.execute(
        "select comment_id, article_id, user_id, first_body, parent_comment_id"
        " from discussion.comments order by 1"
    ).fetchall() == [
        ("comment-1", "article-1001", "reader-1", "First!", None),
        ("comment-2", "article-1001", "reader-2", "Second.", "comment-1"),
        ("comment-3", "article-1001", "reader-3", "Third ☕.", None),
    ]
    assert_accounted(connection)
