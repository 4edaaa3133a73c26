#!/usr/bin/env bash
# jsonschema 4.26.0 (with its format-nongpl extra) and jsonschema-rs 0.60.0: "format": "date-time".
#
# Expected: both validators, with formats asserted, agree on what RFC 3339 itself gives as an example of a
# valid time (section 5.8: 1990-12-31T23:59:60Z).
# Seen: jsonschema rejects every second 60; jsonschema-rs accepts it where the UTC time reads 23:59:60, in
# any offset, and nowhere else. A contract test in one of them proves nothing about a gateway with the other.
# What helps: name the validator in the contract, and keep a leap second among the valid examples.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    'jsonschema[format-nongpl]==4.26.0' 'jsonschema-rs==0.60.0'
"$folder/venv/bin/python" - <<'PYTHON'
import jsonschema
import jsonschema_rs

SCHEMA = {"type": "string", "format": "date-time"}
python = jsonschema.Draft202012Validator(
    SCHEMA, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
)
rust = jsonschema_rs.validator_for(SCHEMA, validate_formats=True)
results = {}
for text in (
    "1990-12-31T23:59:59Z",
    "1990-12-31T23:59:60Z",
    "1990-12-31T15:59:60-08:00",
    "1990-12-31T12:00:60Z",
):
    results[text] = (python.is_valid(text), rust.is_valid(text))
    print(f"{text:26} jsonschema: {results[text][0]!s:5}  jsonschema-rs: {results[text][1]}")
assert list(results.values()) == [(True, True), (False, True), (False, True), (False, False)]
PYTHON
echo "As described: jsonschema 4.26.0, jsonschema-rs 0.60.0"
