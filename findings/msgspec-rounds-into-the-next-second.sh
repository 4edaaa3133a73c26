#!/usr/bin/env bash
# msgspec 0.22.0: RFC 3339 times with more than six fraction digits.
#
# Expected: digits beyond a datetime's microseconds are cut off, as datetime.fromisoformat does.
# Seen: they are rounded, and the carry goes all the way up: 23:59:59.9999999 on the last day of the year
# decodes as midnight of the next. Code that asks "was this before the window closed?" gets another answer
# from msgspec than from Python itself, for the same text, from producers with nanosecond clocks.
# What helps: check the text's fraction first, or decode times yourself where a boundary counts.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'msgspec==0.22.0'
"$folder/venv/bin/python" - <<'PYTHON'
from datetime import datetime

import msgspec

seen = {}
for text in ("2026-05-01T09:59:59.9999994Z", "2026-05-01T09:59:59.9999995Z", "2026-12-31T23:59:59.9999999Z"):
    by_msgspec = msgspec.json.decode(f'"{text}"', type=datetime)
    by_python = datetime.fromisoformat(text)
    seen[text] = (by_msgspec.isoformat(), by_python.isoformat())
    print(f"{text}  msgspec: {seen[text][0]}  datetime.fromisoformat: {seen[text][1]}")
assert [pair[0] for pair in seen.values()] == [
    "2026-05-01T09:59:59.999999+00:00",
    "2026-05-01T10:00:00+00:00",
    "2027-01-01T00:00:00+00:00",
]
assert [pair[1] for pair in seen.values()] == [
    "2026-05-01T09:59:59.999999+00:00",
    "2026-05-01T09:59:59.999999+00:00",
    "2026-12-31T23:59:59.999999+00:00",
]
PYTHON
echo "As described: msgspec 0.22.0"
