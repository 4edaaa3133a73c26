"""Hide the comment forms of closed discussions: an example of a site that reads discussion-events.

    python comment_forms.py --bootstrap localhost:29092 --database forms.sqlite

A small database holds which forms are shown. You may start and kill the program at any time: an
event that is read twice changes nothing, and no event is skipped.
"""

import argparse
import json
import sqlite3

from kafka import KafkaConsumer

SHOWN = {
    "discussion.opened.v1": True,
    "discussion.reopened.v1": True,
    "discussion.closed.v1": False,
}

TABLE = """
create table if not exists comment_forms (
    article_id text primary key,
    is_shown integer not null,
    closes_at text,
    sequence integer not null
)
"""

# The sequence rises within an article. An event changes nothing if it was read before, or if a
# later one was read before it.
REMEMBER = """
insert into comment_forms (article_id, is_shown, closes_at, sequence)
values (:article_id, :is_shown, :closes_at, :sequence)
on conflict (article_id) do update
set is_shown = excluded.is_shown, closes_at = excluded.closes_at, sequence = excluded.sequence
where excluded.sequence > comment_forms.sequence
"""


def apply(database: sqlite3.Connection, event: dict) -> bool:
    """Show or hide the form of the event's article. Return whether anything changed."""
    if event["type"] not in SHOWN:
        return False  # about a comment, or of a newer type
    data = event["data"]
    changed = database.execute(
        REMEMBER,
        {
            "article_id": data["article_id"],
            "is_shown": SHOWN[event["type"]],
            "closes_at": data.get("closes_at"),
            "sequence": data["sequence"],
        },
    )
    return changed.rowcount > 0


def main() -> None:
    """Read until stopped, or until no event has come for ``--idle-seconds``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", default="localhost:29092", help="Kafka, host:port")
    parser.add_argument("--topic", default="discussion-events")
    parser.add_argument("--group", default="comment-forms", help="consumer group")
    parser.add_argument("--database", default="forms.sqlite", help="file")
    parser.add_argument("--idle-seconds", type=float, default=float("inf"))
    options = parser.parse_args()

    database = sqlite3.connect(options.database)
    database.execute(TABLE)
    consumer = KafkaConsumer(
        options.topic,
        bootstrap_servers=options.bootstrap,
        group_id=options.group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        consumer_timeout_ms=options.idle_seconds * 1000,
    )
    for record in consumer:
        event = json.loads(record.value)
        with database:  # First our own commit …
            if apply(database, event):
                verb = "show" if SHOWN[event["type"]] else "hide"
                print(
                    f"{verb} the form of {event['data']['article_id']} ({event['data']['cause']})",
                    flush=True,
                )
        consumer.commit()  # … then the offset: what dies in between is read again.
    consumer.close()
    database.close()


if __name__ == "__main__":
    main()
