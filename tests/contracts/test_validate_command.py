"""``btl validate``: offline, one line per bad event."""

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from below_the_line.catalogue import examples
from tests.contracts.records import cloud_event, data


def btl(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    program = "from btl.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], input=given, capture_output=True, timeout=60
    )


def line(**changes: Any) -> bytes:
    return json.dumps(cloud_event(**changes)).encode() + b"\n"


def test_good_events_pass_without_a_word_on_standard_output(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    good = [
        example.record.value or b""
        for example in examples(True)
        if b'"specversion"' in (example.record.value or b"")
    ]
    file.write_bytes(b"\r\n".join([*good, b"", b"  "]))
    done = btl("validate", str(file))
    assert (done.returncode, done.stdout) == (0, b"")
    summary = [line for line in done.stderr.decode().splitlines() if "warning: " not in line]
    assert summary == [
        f"{len(good)} events: {len(good)} valid, 0 bad.",
        "Events with members that nothing reads: 1. --strict rejects them.",
    ]


def test_each_bad_event_gets_one_line_with_number_code_pointer_and_message() -> None:
    given = line() + b"\n" + line(data=data(body="")) + b"{\n" + line(type="nope") + line()[:-1]
    done = btl("validate", "-", given=given)
    assert done.returncode == 1
    assert done.stdout.decode().splitlines() == [
        (
            "line 3: schema_violation /data/body body must have at least 1 character, but is an"
            " empty text."
        ),
        (
            "line 4: not_json The value is not JSON (RFC 8259): Expecting property name enclosed in"
            " double quotes at byte 1."
        ),
        (
            "line 5: unknown_type /type The type, a text of 4 characters, is not known and"
            " resembles no known one."
        ),
    ]
    assert done.stderr.decode() == "5 events: 2 valid, 3 bad.\n"


def test_machines_get_json(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl.gz"
    file.write_bytes(gzip.compress(line() + line(data=data(author={"user_id": "u"}))))
    done = btl("validate", str(file), "--format", "json")
    assert done.returncode == 1
    assert [json.loads(found) for found in done.stdout.splitlines()] == [
        {
            "line": 2,
            "stage": "contract",
            "code": "schema_violation",
            "pointer": "/data/author/display_name",
            "message": "display_name is missing.",
            "schema_version": "comment.posted.v1",
        }
    ]


def test_times_are_validated_at_the_given_time_or_now() -> None:
    given = line()
    assert btl("validate", "-", given=given).returncode == 0
    assert btl("validate", "-", "--at", "2026-10-01T09:55:00Z", given=given).returncode == 0
    early = btl("validate", "-", "--at", "2026-10-01T09:54:59.999Z", given=given)
    assert early.returncode == 1
    assert early.stdout.startswith(b"line 1: time_out_of_range /time ")


@pytest.mark.parametrize("event_type", ["article.published.v1", "discussion.closed.v1"])
def test_the_topic_follows_from_the_type(event_type: str) -> None:
    done = btl("validate", "-", given=line(type=event_type))
    assert b"unknown_type" not in done.stdout
    assert b"schema_violation" in done.stdout


def test_a_file_that_cannot_be_read_gets_one_clear_line(tmp_path: Path) -> None:
    broken, cut = tmp_path / "broken.gz", tmp_path / "cut.gz"
    broken.write_bytes(line())
    cut.write_bytes(gzip.compress(line() * 50)[:-20])
    for arguments, words in (
        ([str(tmp_path / "none.jsonl")], b"There is no file"),
        ([str(tmp_path)], b"is a folder"),
        ([str(broken)], b"cannot be read"),
        ([str(cut)], b"cannot be read"),
        (["-", "--at", "yesterday"], b"--at is not a time: 'yesterday'"),
    ):
        done = btl("validate", *arguments)
        assert done.returncode == 1
        assert done.stderr.startswith(b"btl: ")
        assert words in done.stderr
        assert done.stderr.count(b"\n") == 1
