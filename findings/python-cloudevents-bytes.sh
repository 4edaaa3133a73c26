#!/usr/bin/env bash
# cloudevents 2.2.0 (Python), structured mode over Kafka, datacontenttype application/json.
#
# Expected: an event whose data is `{"a":1}` leaves as `"data":{"a":1}`, however the data was given.
# Seen: a dict leaves as `data`; the same JSON as bytes leaves as `data_base64`; as str it leaves as a
# JSON string that holds JSON. In binary mode the dict and the bytes are the same value. So one event
# has two forms by mode, and a consumer that reads only `data` rejects the structured one.
# What helps: give the SDK an object. Below the Line reads `data_base64` where `data` is absent.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'cloudevents==2.2.0'
"$folder/venv/bin/python" - <<'PYTHON'
import json
from datetime import datetime, timezone

from cloudevents.core.bindings.kafka import to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent


def event(data):
    attributes = {
        "id": "1",
        "source": "urn:example",
        "type": "example",
        "specversion": "1.0",
        "datacontenttype": "application/json",
        "time": datetime(2026, 11, 30, tzinfo=timezone.utc),
    }
    return CloudEvent(attributes, data)


def structured(data):
    written = json.loads(to_structured(event(data), JSONFormat()).value)
    return {name: written[name] for name in written if name.startswith("data") and "type" not in name}


def binary(data):
    return json.loads(to_binary(event(data), JSONFormat()).value)


for data in ({"a": 1}, b'{"a":1}', '{"a":1}'):
    print(f"{data!r:12} structured: {structured(data)}  binary value: {binary(data)!r}")
assert structured({"a": 1}) == {"data": {"a": 1}}
assert structured(b'{"a":1}') == {"data_base64": "eyJhIjoxfQ=="}
assert structured('{"a":1}') == {"data": '{"a":1}'}
assert binary({"a": 1}) == binary(b'{"a":1}') == {"a": 1}
PYTHON
echo "As described: cloudevents 2.2.0"
