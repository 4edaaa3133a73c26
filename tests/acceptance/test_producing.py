"""`btl archive import`, `btl simulate` and `btl topics create` as people use them."""

import csv
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from btl.cli.configuration import settings
from btl.cli.main import main
from tests.unit.archives.tiny_export import COMMENTS, Export

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def btl(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs `btl` with arguments in a folder of its own; returns exit status, standard output and
    standard error.
    """
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object, bootstrap: str | None = None) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["btl", *map(str, arguments)])
        if bootstrap is None:
            monkeypatch.delenv("BTL_KAFKA_BOOTSTRAP", raising=False)
        else:
            monkeypatch.setenv("BTL_KAFKA_BOOTSTRAP", bootstrap)
        settings.cache_clear()
        status = 0
        try:
            main()
        except SystemExit as exit_:
            status = exit_.code if isinstance(exit_.code, int) else 1 if exit_.code else 0
        finally:
            settings.cache_clear()
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


@pytest.fixture
def export(tmp_path: Path) -> Export:
    return Export(tmp_path)


def import_of(export: Export, *more: object) -> tuple[object, ...]:
    files = (
        "--articles",
        export.articles,
        "--comments",
        export.comments,
        "--mapping",
        export.mapping,
    )
    return ("archive", "import", *files, *more)


def test_a_dry_run_needs_no_broker_and_writes_no_file(
    btl: Run, export: Export, tmp_path: Path
) -> None:
    status, out, _ = btl(*import_of(export, "--dry-run"))
    assert status == 0
    assert "\n2 articles and 3 comments are valid; nothing was produced" in out
    assert not (tmp_path / "rejected-rows.csv").exists()


def test_rejected_rows_go_to_a_file_and_a_dry_run_fails(
    btl: Run, export: Export, tmp_path: Path
) -> None:
    export.write(export.comments, COMMENTS + "4,1,0,u1,otter,May Day,No Headline,x\n")
    status, out, err = btl(*import_of(export, "--dry-run", "--rejects", tmp_path / "left-out.csv"))
    assert status == 1
    assert "\n2 articles and 3 comments are valid" in out
    assert "1 item rejected: posted_at: 'May Day' is not a time" in out
    assert "1 item rejected" in err
    with (tmp_path / "left-out.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["file"], row["place"], row["reason"]) for row in rows] == [
        ("comments.csv", "line 5", "posted_at: 'May Day' is not a time of the format iso")
    ]
    assert orjson.loads(rows[0]["content"]) == [
        "4",
        "1",
        "0",
        "u1",
        "otter",
        "May Day",
        "No Headline",
        "x",
    ]


def test_articles_take_the_ids_of_the_site_and_it_is_said(
    btl: Run, export: Export, tmp_path: Path
) -> None:
    (tmp_path / "ids.csv").write_text("url,article_id\nhttp://example.org/story/2/,second\n")
    _, out, _ = btl(*import_of(export, "--dry-run", "--article-ids", tmp_path / "ids.csv"))
    assert "1 article is at no address of ids.csv, and keeps its id of the export." in out
    assert "article a-1, example.org/story/1 (articles.csv, line 2)" in out


@pytest.mark.parametrize(
    ("break_it", "arguments", "message"),
    [
        (lambda export: export.articles.unlink(), (), "articles.csv cannot be read"),
        (lambda export: export.mapping.unlink(), (), "mapping.toml cannot be read"),
        (lambda export: export.write(export.mapping, "source = 1"), (), "mapping.toml"),
        (
            lambda export: export.write(export.comments, COMMENTS.replace("created", "when")),
            (),
            "The column 'created'",
        ),
        (
            lambda export: export.write(export.comments, COMMENTS + "x\n"),
            ("--rejects", "no/such/folder.csv"),
            "cannot be written",
        ),
    ],
)
def test_what_is_wrong_with_an_import_is_one_line_with_a_cure(
    btl: Run,
    export: Export,
    break_it: Callable[[Export], object],
    arguments: tuple[str, ...],
    message: str,
) -> None:
    break_it(export)
    status, _, err = btl(*import_of(export, "--dry-run", *arguments))
    assert status == 1
    last = err.strip().splitlines()[-1]
    assert last.startswith("btl: ")
    assert message in last
    assert "Traceback" not in err


@pytest.mark.parametrize("arguments", [("simulate",), ("topics", "create"), ("archive", "import")])
def test_a_missing_setting_and_an_unreachable_broker_are_told(
    btl: Run, export: Export, arguments: tuple[str, ...]
) -> None:
    full = import_of(export) if arguments == ("archive", "import") else arguments
    status, _, err = btl(*full)
    assert status == 1
    assert "No Kafka broker is configured" in err
    # In a process of its own: kafka-python leaves the sockets of refused connections to the garbage
    # collector.
    imports = "from below_the_line.kafka import options; from btl.cli.main import main"
    program = f"{imports}; options.CONNECT_SECONDS = 0.3; main()"
    environment = {**os.environ, "BTL_KAFKA_BOOTSTRAP": "127.0.0.1:1"}
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, full)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 1
    assert "127.0.0.1:1 cannot be reached" in done.stderr
    assert "btl up" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_simulated_day_can_be_written_and_is_the_same_twice(btl: Run, tmp_path: Path) -> None:
    for name in ("one.jsonl", "two.jsonl"):
        status, _, err = btl(
            "simulate", "--events", 1_000, "--date", "2026-11-20", "--output", tmp_path / name
        )
        assert status == 0
        assert "bad records left out" in err
    one = (tmp_path / "one.jsonl").read_bytes()
    assert one == (tmp_path / "two.jsonl").read_bytes()
    assert 900 < one.count(b"\n") < 1_000
    status, _, err = btl("validate", tmp_path / "one.jsonl", "--at", "2026-11-21T00:00:00Z")
    assert status == 0, err


def test_fewer_records_than_make_a_day_are_its_beginning(btl: Run, tmp_path: Path) -> None:
    btl("simulate", "--events", 25, "--bad-share", 0, "--output", tmp_path / "few.jsonl")
    assert (tmp_path / "few.jsonl").read_bytes().count(b"\n") == 25


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--day", "--events", "5"), "--day and --events cannot be combined"),
        (("--endless", "--date", "2026-11-20"), "--endless is live"),
        (("--endless", "--speed", "2"), "--endless is live"),
        (("--date", "tomorrow"), "--date is not a date: 'tomorrow'"),
        (("--date", "2999-01-01"), "is not over yet"),
        (("--date", "1960-01-01"), "too long ago"),
        (("--output", "no/such/folder/file.jsonl"), "cannot be written"),
    ],
)
def test_options_that_do_not_fit_are_told(
    btl: Run, arguments: tuple[str, ...], message: str
) -> None:
    status, _, err = btl("simulate", *arguments)
    assert status == 1
    assert message in err
    assert "Traceback" not in err


@pytest.mark.stack
def test_export_and_day_are_produced(btl: Run, export: Export, kafka_bootstrap: str) -> None:
    assert btl("topics", "create", bootstrap=kafka_bootstrap)[0] == 0
    status, out, _ = btl(*import_of(export), bootstrap=kafka_bootstrap)
    assert status == 0
    assert "\n2 articles and 3 comments produced" in out
    status, _, err = btl("simulate", "--events", 300, bootstrap=kafka_bootstrap)
    assert status == 0
    assert "good events produced" in err
