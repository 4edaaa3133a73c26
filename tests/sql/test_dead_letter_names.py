"""Dead letters of before the columns existed get the names that consumers would write."""

import psycopg
import pytest

from below_the_line.catalogue import examples
from below_the_line.contracts.events import Record
from below_the_line.contracts.names import event_names
from below_the_line.resources import SQL
from consumers.core.dead_letters import stored_headers

pytestmark = pytest.mark.stack

ODD: list[tuple[bytes | None, list[tuple[str, bytes | None]]]] = [
    (None, [("ce_source", b"/cms"), ("ce_id", b"1")]),
    (b"{}", [("ce_source", b"\xff"), ("ce_id", b"1")]),
    (b'{"source": "a\\u0000b", "id": "2"}', []),
    (b'{"source": "' + b"s" * 201 + b'", "id": "3"}', []),
    (b'{"source": "/cms", "id": "4"}' + b" " * 262_144, []),
    (b"[" * 100_000, []),
    (b'{"id": 5, "type": "t"}', [("other", None)]),
    (b"\xff", []),
]
READ_LENIENTLY = ("not_json", "not_utf8", "nul_character", "lone_surrogate", "odd")


def test_rows_of_before_get_the_names_that_can_be_read(connection: psycopg.Connection) -> None:
    (migration,) = SQL.glob("migrations/*_dead_letters_by_event.sql")
    given = [(each.record, each.code) for valid in (True, False) for each in examples(valid)]
    given += [(Record("articles", 0, 0, 0, None, value, headers), "odd") for value, headers in ODD]
    records, codes = zip(*given, strict=True)
    connection.execute(
        "alter table ingest.dead_letters"
        " drop column source, drop column event_type, drop column event_id"
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into ingest.dead_letters (topic, topic_id, partition, record_offset,"
            " record_value, record_headers, record_timestamp, stage, code, message,"
            " software_version) values ('articles', gen_random_uuid(), 0, %s, %s, %s, now(),"
            " 'decode', 'not_json', '', '')",
            [
                (offset, record.value, stored_headers(record))
                for offset, record in enumerate(records)
            ],
        )
    connection.execute(migration.read_bytes())
    kept = {
        offset: names
        for offset, *names in connection.execute(
            "select record_offset, source, event_type, event_id from ingest.dead_letters"
        ).fetchall()
    }
    nothing = [None] * 3
    for offset, record in enumerate(records):
        expected = list(event_names(record))
        # Postgres reads strictly, and a text that it cannot hold hides the others.
        if kept[offset] != nothing or (codes[offset] not in READ_LENIENTLY):
            assert kept[offset] == expected, (offset, record)
    assert sum(names != nothing for names in kept.values()) > 50
    # A header that cannot be read does not hide the others.
    assert kept[len(records) - len(ODD) + 1] == [None, None, "1"]
