"""Every table at 80, 120 and 200 columns: lines fit, and no cell is cut or broken within a word. In
a pipe each row is one line.
"""

import dataclasses
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from below_the_line.accounting.audit import PartitionAccount, Report
from below_the_line.accounting.ledger import Marks
from below_the_line.closing.rules import Rule
from below_the_line.closing.timeline import (
    AnchorChange,
    ClosingEvent,
    Interval,
    Piece,
    TimelineReport,
)
from below_the_line.metrics.definitions import definitions
from below_the_line.metrics.periods import Kind, Period
from below_the_line.metrics.queries import ArticleFigures
from below_the_line.metrics.report import FIGURES, SiteReport
from below_the_line.moderation import CommentHistory, Queue, Thread
from below_the_line.partitions import PartitionLog, PartitionStatus, Position
from btl.cli import (
    audit,
    dead_letters_output,
    discussion,
    explain,
    figures,
    moderation,
    offsets,
    output,
    rules_output,
)
from btl.cli import report as report_command
from btl.cli import status as status_command
from btl.cli.picture import Picture
from btl.stack.checks import Notice
from btl.stack.stack import PartStatus, Stack
from consumers.adapters.dead_letters import DeadLetter
from consumers.core.provenance import EventName, Explanation, Place, RecordOutcome, Setting
from tests.benchmarks import metrics_report, report
from tests.benchmarks.rates import Throughput
from tests.benchmarks.spent import Spent

AT = datetime(2026, 11, 20, 7, 15, 0, 123_000, tzinfo=UTC)
TOPIC_ID = UUID("6f2ed804-8ae1-4f26-8968-901d35c8c6eb")
EVENT_ID = "6f2ed804-8ae1-4f26-8968-901d35c8c6eb"
SOURCE = "https://cms.example.org/publishing"
ARTICLE = "world/2026/nov/20/marrowby-divided-over-the-grain-treaty"
HEADLINE = "Explainer: how the summit came about in Wexbridge, and what it means (updated)"
BODY = (
    "The treaty says nothing about the mills. It was signed within a week, and who is to pay for"
    " the grain that is in store already is left open (see the annex)."
)
VIENNA = ZoneInfo("Europe/Vienna")


def filled(kind: type[Any], /, **values: Any) -> Any:
    """One of a dataclass, whose other fields are zero, empty or unknown."""
    for field in dataclasses.fields(kind):
        needed = field.default is field.default_factory is dataclasses.MISSING
        if needed and field.name not in values:
            known = {"int": 0, "str": "x", "bool": True}
            values[field.name] = known.get(getattr(field.type, "__name__", str(field.type)))
    return kind(**values)


def status() -> None:
    parts = [
        filled(
            PartStatus, name=name, state="running", since=AT, pid=78_551, address=address, log=log
        )
        for name, address, log in (
            ("postgres", "127.0.0.1:26683", Path("/srv/newsroom/below-the-line/logs/postgres.log")),
            ("airflow-dag-processor", "", Path("/srv/newsroom/below-the-line/logs/dags.log")),
            ("consumer-1", "http://127.0.0.1:26687/metrics", None),
        )
    ]
    notices = [
        filled(
            Notice, subject="comment-events-3", sentence="its breaker has tripped " * 9 + "again"
        ),
        filled(Notice, subject="airflow", sentence="it does not answer", command="btl up"),
    ]
    now = AT + timedelta(hours=99)
    status_command._print(Stack(Path("/nowhere"), {}), parts, notices, now)


def positions() -> None:
    offsets._print(
        [
            filled(
                PartitionStatus,
                consumer_group="below-the-line-of-the-daily",
                topic=topic,
                partition=partition,
                position=filled(
                    Position,
                    topic=topic,
                    partition=partition,
                    topic_id=TOPIC_ID,
                    next_offset=1_234_567_890,
                    owner=TOPIC_ID,
                    moved_at=AT,
                    status="consuming",
                    status_detail=None,
                    accepted_offset=None,
                ),
                log=filled(PartitionLog, topic_id=TOPIC_ID, end=1_234_567_990 + partition),
                required_decision=None,
            )
            for topic in ("articles", "comment-events")
            for partition in range(3)
        ],
        None,
        AT + timedelta(seconds=154),
    )


def account() -> None:
    accounts = tuple(
        filled(
            PartitionAccount,
            topic="comment-events",
            partition=partition,
            records=123_456_789 + partition,
            applied=123_456_000,
            batches=1_234_000 + partition,
            ledger_end=1_234_567_890,
            next_offset=1_234_567_890 + partition,
            log_end=1_234_567_990 + partition,
            lag=100,
        )
        for partition in range(3)
    )
    audit._print(
        filled(
            Report,
            consumer_group="g",
            partitions=accounts,
            findings=(),
            marks=filled(Marks, articles=12, articles_since=AT),
            away=None,
        ),
        AT + timedelta(seconds=154),
    )


def rules() -> None:
    rules_output.print_rules([rule(1), rule(23, site="daily", section="politics")], VIENNA)


def rule(number: int, site: str | None = None, section: str | None = None) -> Rule:
    found = filled(
        Rule,
        rule_id=number,
        scope="all",
        site=site,
        section=section,
        window_hours=14 * 24 + number,
        reactions_window_hours=168,
        valid_from=AT if site else None,
        valid_until=None,
        created_at=AT,
        created_by="the-desk-of-community-editors",
        note="Because we may, said the editor in chief of the daily paper",
        standing="superseded for later articles",
    )
    return cast(Rule, found)


def timeline() -> TimelineReport:
    def event(kind: str, at: datetime) -> ClosingEvent:
        found = filled(
            ClosingEvent,
            kind=kind,
            version=b"",
            event_id=EVENT_ID,
            source=SOURCE,
            occurred_at=at,
            effective_at=at,
            decided_by="legal-desk",
            reason="legal",
        )
        return cast(ClosingEvent, found)

    hold, later = event("hold", AT + timedelta(hours=4)), AT + timedelta(days=14)
    found = filled(
        TimelineReport,
        article_id=ARTICLE,
        headline=HEADLINE,
        anchor=AT,
        site="daily",
        section="politics",
        rule=rule(1),
        pieces=[
            Piece(None, hold.effective_at, True, "rule", None),
            Piece(hold.effective_at, later, False, "hold", hold),
            Piece(later, None, False, "rule", None),
        ],
        events=[event("published", AT), hold],
        anchor_changes=[
            AnchorChange(AT - timedelta(days=3_652), "first", event("published", AT)),
            AnchorChange(AT, "corrected", event("updated", AT)),
        ],
        cut_off=AT + timedelta(days=2),
        intervals=[Interval(AT, hold.effective_at)],
        closes_at=later,
        closed_at=hold.effective_at,
        state="closed",
        stored_state="closed",
    )
    return cast(TimelineReport, found)


def top() -> None:
    row = {
        "article_id": ARTICLE,
        "headline": HEADLINE,
        "section": "politics",
        **dict.fromkeys(("comments", "people", "reactions", "engagement", "late"), 12_345),
        **dict.fromkeys(("reports", "open_reports", "rejected"), 1_234),
        "state": "cannot_close",
    }
    short = row | {"article_id": "20261120-1-0003", "comments": 7}
    figures._print_rows([short | {"comments": 8}, short], "comments")
    figures._print_rows([row, short], "reports")


def article() -> None:
    def value(unit: str | None) -> object:
        return {"time": "2026-11-20T07:15:00Z", "seconds": 5_348.2, "share": 0.333}.get(
            unit or "", 1_234_567
        )

    figures._print(
        ARTICLE,
        ArticleFigures(
            {
                "headline": HEADLINE,
                "site": "daily",
                "section": "politics",
                "status": "published",
                "published_at": "2026-11-20T07:15:00Z",
                "url": f"https://www.example.org/{ARTICLE}",
            },
            {
                name: {column.name: value(column.unit) for column in definitions(name).columns}
                for name in ("article_engagement", "article_abuse")
            },
            [
                {
                    "reason": reason,
                    **dict.fromkeys(("reports", "upheld", "dismissed", "open_reports"), 12_345),
                    "unique_reporters": 7,
                }
                for reason in ("personal_abuse", "off_topic")
            ],
        ),
    )


def dead_letters() -> None:
    letters = [
        filled(
            DeadLetter,
            topic="comment-events",
            topic_id=TOPIC_ID,
            partition=4,
            record_offset=1_234_567_890,
            record_key=key.encode(),
            record_timestamp=AT,
            code="number_out_of_range",
            pointer="/data/author/user_id",
            message="The integer does not fit into signed 64 bits, and so on and so forth.",
            status="discarded",
            dead_lettered_at=AT,
            source="/comment-service",
            event_type="comment.posted.v1",
            event_id=f"posted-{key[:9]}",
        )
        for key in ("20261120-1-0003", ARTICLE)
    ]
    dead_letters_output.print_list(letters, 12_345)
    dead_letters_output.print_list(letters[:1], 1)


def explanation() -> None:
    explain._print(
        ARTICLE,
        None,
        filled(
            Explanation,
            settings=(
                filled(
                    Setting,
                    row="articles",
                    register="content",
                    values={"headline": HEADLINE, "topics": ["grain", "treaty"], "at": AT},
                    rule="the last one counts",
                    by=EventName(AT, EVENT_ID, SOURCE),
                    event_type="discussion.overridden.v1",
                    place=Place("comment-events", 11, 1_234_567),
                ),
            ),
            records=tuple(
                filled(
                    RecordOutcome,
                    place=Place("comment-events", 11, 1_234_567 + number),
                    event_type="discussion.overridden.v1",
                    event_id=EVENT_ID,
                    occurred_at=AT,
                    outcomes=("set articles, content", "set articles, status"),
                )
                for number in range(2)
            ),
            conflicts=(),
            missing=(),
        ),
        filled(explain._Stored, rows={}, ingested={}, letters=()),
        searched=True,
    )


def queue() -> None:
    row = {
        "urgency": 12_345.6,
        "open_reports": 1_234,
        "reasons": ["personal_abuse", "hate_speech", "misinformation"],
        "oldest_open_at": AT - timedelta(days=14),
        "exposure_seconds": 86_400.0 * 13,
        "visible": True,
        "article_id": ARTICLE,
        "comment_id": EVENT_ID,
        "posted_at": AT,
        "body": BODY,
    }
    short = row | {"article_id": "20261120-1-0003", "reasons": ["off_topic"], "body": None}
    moderation._print_queue(Queue([row, short, short | {"visible": False}], 12_345), AT)


def comment(number: int) -> dict[str, Any]:
    return {
        "comment_id": EVENT_ID,
        "depth": number,
        "user_id": "reader-20261120-000123456",
        "display_name": "Marrowby Grain Traders for a Lasting Treaty",
        "role": "staff" if number % 2 else "reader",
        "posted_at": AT,
        "edited_at": AT,
        "body": BODY if number % 2 else f"{SOURCE}/{ARTICLE}/comments/{EVENT_ID}",
        "status": "late" if number % 3 else "rejected",
        "erased_at": None if number % 4 else AT,
        "decision": None if number % 3 else "rejected",
        "late_by_seconds": 86_400.0,
        "reports": 1_240,
        **dict.fromkeys(("open_reports", "upheld", "dismissed", "other_outcomes"), 310),
    }


def thread() -> None:
    found = Thread(ARTICLE, HEADLINE * 2, [comment(number) for number in range(1, 14)])
    moderation._print_thread(found, found.comments, 12, VIENNA)


def thread_of_one_comment() -> None:
    entry = dict.fromkeys(
        ("name", "report_id", "decision", "reason", "text", "law", "automated", "outcome", "erased")
    )
    entries: list[dict[str, Any]] = [
        entry
        | {
            "what": "posted",
            "who": "reader-20261120-000123456",
            "name": "Marrowby Grain Traders for a Lasting Treaty",
            "text": BODY,
        },
        entry
        | {
            "what": "reported",
            "who": EVENT_ID,
            "name": "anonymous",
            "report_id": EVENT_ID,
            "reason": "personal_abuse",
            "text": BODY,
            "law": "an-act-about-what-may-be-said",
            "outcome": "open",
        },
        entry
        | {
            "what": "moderated",
            "who": "the-desk-of-community-editors",
            "automated": True,
            "decision": "rejected",
            "reason": "personal_abuse",
        },
    ]
    moderation._print_history(
        CommentHistory(
            ARTICLE,
            EVENT_ID,
            HEADLINE * 2,
            comment(4),
            [comment(number) for number in range(1, 4)],
            [{"happened_at": AT, **each} for each in entries],
            12_345,
        ),
        VIENNA,
    )


def thread_without_posting() -> None:
    moderation._print_history(CommentHistory(ARTICLE, EVENT_ID, None, None, [], [], 0), VIENNA)


def weekly_report() -> None:
    figures_of_site = dict.fromkeys(FIGURES, 12_345_678) | {"commenters_a_day": 1_234.5}
    row = dict.fromkeys(("comments", "reactions", "reports", "rejected", "late"), 1_234_567)
    articles = [
        {"headline": HEADLINE, "article_id": each, **row} for each in (ARTICLE, "20261120-1-0003")
    ]
    report_command._print(
        SiteReport(
            site="the-daily-of-marrowby-and-wexbridge",
            time_zone="America/Argentina/ComodRivadavia",
            period=Period.of(Kind.MONTH, AT.date()),
            is_over=False,
            figures=figures_of_site,
            before=figures_of_site | {"comments": 0, "late": 12},
            sections=[
                {"section": section, "articles": 12_345, **row}
                for section in ("foreign-affairs-and-diplomacy", None)
            ],
            most_discussed=articles,
            most_reported=articles,
        )
    )


def benchmark() -> None:
    rates = Throughput(1_000_000, 8.0, 3.2, None)
    results = report.Results(rates={report.FLOOR: [rates], report.ONE: [rates]})
    report.print_report(
        output.console(),
        results,
        {"machine": {"cores": 2}, "workload": "a day", "options": {"copies": 4}, "commit": "abc"},
    )


def metrics_benchmark() -> None:
    spent = Spent(60.0, 102.0, 5.0, 0.7, 0.01)
    look_ups = {"the moderation queue": metrics_report.LookUps(0.5, 2.5, 0.3, spent)}
    size = filled(
        metrics_report.Size,
        comments=10_000_000,
        aggregates=[spent],
        rebuild=spent,
        floor=metrics_report.Floor(spent, spent, 7_000_000),
        spread=spent,
        largest_article=[spent, spent],
        look_ups=look_ups,
    )
    metrics_report.print_report(output.console(), size)


TABLES: dict[str, Callable[[], None]] = {
    "status": status,
    "offsets show": positions,
    "audit": account,
    "rules list": rules,
    "rules explain": lambda: rules_output.print_explanation(timeline(), VIENNA),
    "discussion": lambda: discussion._print(
        timeline(),
        Picture(AT, timedelta(hours=6), [549, 3] + [0] * 50, [0] * 52, [0] * 52),
        {"open": 1, "upheld": 2},
        VIENNA,
    ),
    "top": top,
    "article": article,
    "dead-letters list": dead_letters,
    "explain article": explanation,
    "queue": queue,
    "thread": thread,
    "thread --comment": thread_of_one_comment,
    "thread --comment, without posting": thread_without_posting,
    "report": weekly_report,
    "make bench": benchmark,
    "the metrics of make bench": metrics_benchmark,
}


def shown(name: str, width: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a terminal of this width gets."""
    file = io.StringIO()
    found = Console(file=file, width=width, force_terminal=True, color_system=None, highlight=False)
    with monkeypatch.context() as patched:
        patched.setattr(output, "console", lambda **_: found)
        # One figure a line.
        patched.delattr(output._Table, "print_cells")
        TABLES[name]()
    return file.getvalue()


def words(text: str) -> set[str]:
    return {word.strip(".,()") for word in text.split()}


@pytest.mark.parametrize("width", [80, 120, 200])
@pytest.mark.parametrize("name", TABLES)
def test_lines_fit_and_words_are_whole(
    name: str, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    TABLES[name]()
    whole = words(capsys.readouterr().out) | words("In every row: Not shown, for want of width:")
    said = shown(name, width, monkeypatch)
    # A command in a line of its own stays whole, so that it can be copied.
    rest = [line for line in said.splitlines() if not line.startswith("  btl ")]
    long = [line for line in rest if len(line) > width]
    assert all(len(max(line.split(), key=len)) > width - 12 for line in long), long
    assert not {word.removesuffix("…") for word in words(said)} - whole - {""}


@pytest.mark.parametrize("name", TABLES)
def test_in_a_pipe_lines_are_whole_and_end_without_blanks(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    TABLES[name]()
    piped = capsys.readouterr().out
    assert [line for line in piped.splitlines() if line != line.rstrip()] == []
    assert "…" not in piped.replace("… and", "")
    assert "Not shown" not in piped
    seen = words(shown(name, 900, monkeypatch))
    assert {word for word in seen if "…" not in word} <= words(piped)


def test_dead_letters_have_source_type_and_id_where_there_is_room(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dead_letters()
    said = {"/comment-service", "comment.posted.v1", "posted-20261120-"}
    assert said <= words(capsys.readouterr().out)
    assert said <= words(shown("dead-letters list", 200, monkeypatch))
