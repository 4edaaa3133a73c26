"""``btl explain``: which event set each field, and why the others did not."""

import sys
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.text import Text

from below_the_line import moderation
from below_the_line.catalogue import load_contracts
from below_the_line.contracts.events import Event, Record, Rejection
from below_the_line.contracts.names import event_names
from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.admin import partition_logs
from below_the_line.partitions import describe_transaction
from below_the_line.plurals import counted
from below_the_line.settings import Settings
from btl.cli import configuration, output
from btl.cli.database import connected, site_settings
from btl.cli.lazy import command_group
from btl.cli.moderation_output import reports_in_words, standing_in_words
from btl.cli.options import AsJson, time_option
from btl.cli.output import Column, clock, print_json, print_table, print_text, printable
from btl.cli.progress import progress
from consumers.adapters import log_search
from consumers.adapters.log_search import articles_of_comment
from consumers.core.batch import Partition
from consumers.core.provenance import Explanation, Place, Setting, explain

_Names = dict[tuple[Place, Rejection], tuple[str | None, str | None]]

app = command_group("Show which event set each field of an article or a comment.")

NoLog = Annotated[
    bool, typer.Option("--no-log", help="Explain from the tables alone, without the topic.")
]
Since = Annotated[datetime | None, time_option("--since", "Search only records from this time on")]

Limit = Annotated[
    int,
    typer.Option(
        min=1,
        max=100_000,
        help="Number of rows of each table, and of records of each type: the latest.",
    ),
]

_LETTERS_NOT_SEARCHED = "Dead letters were not searched: this role may not read them."
_MAX_VALUE = 200
"""Characters of a value."""


@app.command()
def article(
    article_id: Annotated[str, typer.Argument(help="Id of the article.", metavar="ARTICLE")],
    no_log: NoLog = False,
    since: Since = None,
    limit: Limit = 500,
    as_json: AsJson = False,
) -> None:
    """Explain an article: content, status, history, and decisions about its discussion."""
    _explain(article_id, None, no_log=no_log, since=since, limit=limit, as_json=as_json)


@app.command()
def comment(
    comment_id: Annotated[str, typer.Argument(help="Id of the comment.", metavar="COMMENT")],
    article: Annotated[
        str | None,
        typer.Option(
            "--article",
            metavar="ARTICLE",
            help="Id of its article. Without it, the article is searched for.",
            show_default=False,
        ),
    ] = None,
    no_log: NoLog = False,
    since: Since = None,
    limit: Limit = 500,
    as_json: AsJson = False,
) -> None:
    """Explain a comment: posting, edits, deletion, decisions, reports and reactions."""
    if article is None:
        with connected(configuration.settings()) as connection:
            known = articles_of_comment(connection, comment_id)
        if not known:
            raise BelowTheLineError(
                f"No comment {comment_id} is known.",
                "If all of its events were rejected or are not ingested yet, --article finds them.",
            )
        if len(known) > 1:
            raise BelowTheLineError(
                f"Comment {comment_id} is known below {len(known)} articles.",
                "Choose one: " + " or ".join(f"--article {each}" for each in known),
            )
        (article,) = known
    _explain(article, comment_id, no_log=no_log, since=since, limit=limit, as_json=as_json)


def _explain(
    article_id: str,
    comment_id: str | None,
    *,
    no_log: bool,
    since: datetime | None,
    limit: int,
    as_json: bool,
) -> None:
    current = site_settings()
    topic = "articles" if comment_id is None else "comment-events"
    records, more_records, topic_id, unread = (
        ([], 0, None, {})
        if no_log
        else _search(current, topic, article_id, comment_id, since, limit)
    )
    # The tables are read after the log. So a record of the log is either in the tables, or the
    # explanation says that it is not ingested yet.
    stored = _read_tables(current, article_id, comment_id, topic, topic_id, limit)
    events, rejections, names = _decoded(
        records, stored, load_contracts().decode, comment_id, topic, topic_id
    )
    explanation = explain(events, rejections, stored.rows, stored.ingested, stored.more, names)
    more = {**stored.more, **({"records": more_records} if more_records else {})}
    if stored.more_letters:
        more["dead_letters"] = stored.more_letters
    if not explanation.settings and not explanation.records and not any(stored.rows.values()):
        raise _nothing(article_id, comment_id, stored, unread, searched=not no_log)
    if as_json:
        print_json(
            {
                "article_id": article_id,
                "comment_id": comment_id,
                **asdict(explanation),
                "agrees": explanation.agrees,
                "searched_log": not no_log,
                "open_transactions": {str(each): offset for each, offset in unread.items()},
                "searched_dead_letters": stored.read_letters,
                "standing": stored.standing,
                "more": more,
            }
        )
    else:
        _print(article_id, comment_id, explanation, stored, searched=not no_log)
        for what, count in more.items():
            output.console().print(
                Text(f"… and {count:,} more of {what.replace('_', ' ')}: --limit", style="yellow")
            )
        for partition, offset in unread.items():
            output.console().print(
                Text(f"\n{describe_transaction(partition, offset)}", style="yellow")
            )


def _search(
    settings: Settings,
    topic: str,
    article_id: str,
    comment_id: str | None,
    since: datetime | None,
    limit: int,
) -> tuple[list[Record], int, UUID | None, Mapping[Partition, int]]:
    """Return the records in the log that may be about the article or comment, the last ones of each
    type; how many more there are; Kafka's id of the topic; and where in the log open transactions
    end what can be read.
    """
    decode = load_contracts().decode
    kept: dict[str, deque[Record]] = defaultdict(lambda: deque(maxlen=limit))
    count = 0
    with _hint_at_no_log():
        logs = partition_logs(settings, [topic])
        topic_id = next((log.topic_id for log in logs.values()), None)
        unread = {
            Partition(*place): log.open_transaction
            for place, log in logs.items()
            if log.open_transaction is not None
        }
        with _bar(f"Searching {topic}") as progress:
            for record in log_search.search_log(
                settings, topic, article_id.encode(), since, progress
            ):
                result = decode(record)
                if isinstance(result, Rejection):
                    kind, is_about = "", log_search.may_be_about(record.value, comment_id)
                else:
                    kind = result.type
                    is_about = _is_about(result, comment_id)
                if is_about:
                    kept[kind].append(record)
                    count += 1
    records = [record for of_type in kept.values() for record in of_type]
    return records, count - len(records), topic_id, unread


@dataclass(frozen=True, slots=True)
class _Stored:
    """What the tables hold at one moment."""

    rows: Mapping[str, Any]
    more: Mapping[str, int]
    """By table: rows that were not read."""
    comments: int
    """Comments below the article, counted only where there are no rows: they may be thousands."""
    ingested: Mapping[Partition, range]
    letters: Sequence[Any]
    """The dead letters that may be about the article, or the comment."""
    more_letters: int
    """Dead letters that were not kept."""
    read_letters: bool
    """False: this role may not read dead letters."""
    standing: Mapping[str, Any] | None
    """The comment's row of the thread; None: of an article, without a posting, or of too many
    rows.
    """


def _is_about(event: Event, comment_id: str | None) -> bool:
    """Whether an event is about the comment; None: about the article, as all are here."""
    return comment_id is None or getattr(event.data, "comment_id", None) == comment_id


def _read_tables(
    settings: Settings,
    article_id: str,
    comment_id: str | None,
    topic: str,
    topic_id: UUID | None,
    limit: int,
) -> _Stored:
    with connected(settings) as connection, connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        rows, more = log_search.stored_rows(connection, article_id, comment_id, limit)
        read_letters = log_search.may_read_dead_letters(connection)
        letters, more_letters = (
            log_search.dead_letters(connection, article_id, comment_id, limit)
            if read_letters
            else ((), 0)
        )
        return _Stored(
            rows,
            more,
            0 if any(rows.values()) else log_search.comments_below(connection, article_id),
            log_search.ingested(connection, settings.consumer_group, topic, topic_id),
            letters,
            more_letters,
            read_letters,
            # Of thousands of reports, the rounds take longer than all else.
            None
            if comment_id is None or more
            else moderation.comment_standing(connection, article_id, comment_id),
        )


def _decoded(
    records: Sequence[Record],
    stored: _Stored,
    decode: Callable[[Record], Event | Rejection],
    comment_id: str | None,
    topic: str,
    topic_id: UUID | None,
) -> tuple[list[tuple[Place, Event]], list[tuple[Place, Rejection]], _Names]:
    """Return the events and the rejections that explain the rows, with their places in the log, and
    what the rejected records call their events.
    """
    rejected = {letter.place: letter for letter in stored.letters if letter.topic_id == topic_id}
    events, rejections = [], []
    names: _Names = {}
    for record in records:
        place, result = Place(record.topic, record.partition, record.offset), decode(record)
        letter = rejected.get(place)
        if isinstance(result, Rejection):
            next_offset = stored.ingested.get(Partition(*record[:2]), range(0)).stop
            is_new = letter is None and record.offset >= next_offset
            if is_new and log_search.may_be_about(record.value, comment_id):
                coming = result._replace(message=f"{result.message} It is not ingested yet.")
                rejections.append((place, coming))
                names[place, coming] = event_names(record)[1:]
        elif (letter is None or letter.status == "redriven") and (_is_about(result, comment_id)):
            events.append((place, result))
    places = {place for place, _ in events}
    for letter in stored.letters:
        is_of_earlier_topic = (
            topic_id is not None and letter.place.topic == topic and letter.topic_id != topic_id
        )
        if (is_of_earlier_topic or letter.place not in places) and (
            comment_id is not None or letter.place.topic == "articles"
        ):
            message = f"{letter.message} The dead letter is {letter.status}."
            if is_of_earlier_topic:
                message += " Its topic was deleted and created again since."
            rejection = Rejection(
                letter.stage, letter.code, letter.pointer, message, letter.schema_version
            )
            rejections.append((letter.place, rejection))
            names[letter.place, rejection] = (letter.event_type, letter.event_id)
    return events, rejections, names


def _nothing(
    article_id: str,
    comment_id: str | None,
    stored: _Stored,
    unread: Mapping[Partition, int],
    *,
    searched: bool,
) -> BelowTheLineError:
    """Return the error for a thing of which nothing is known."""
    what = (
        f"article {article_id}"
        if comment_id is None
        else f"comment {comment_id} below article {article_id}"
    )
    looked = {
        "no row": True,
        "no record in the log": searched,
        "no dead letter": stored.read_letters,
    }
    where = ", ".join(each for each, was_searched in looked.items() if was_searched)
    unsearched = [] if stored.read_letters else [_LETTERS_NOT_SEARCHED]
    if comment_id is None and stored.comments:
        return BelowTheLineError(
            f"No article event has arrived for {article_id} ({where}), only events of"
            f" {counted(stored.comments, 'comment')} below it.",
            " ".join(
                [
                    "Does the site send article.published?"
                    f" `btl explain comment ID --article {article_id}` explains one of them.",
                    *unsearched,
                ]
            ),
        )
    hints = [
        "Check the id.",
        *unsearched,
        *(describe_transaction(*each) for each in unread.items()),
    ]
    return BelowTheLineError(f"Nothing is known of {what}: {where}.", " ".join(hints))


@contextmanager
def _hint_at_no_log() -> Iterator[None]:
    """Add to an error that `--no-log` works without the topic."""
    try:
        yield
    except BelowTheLineError as error:
        raise BelowTheLineError(
            error.message, f"{error.hint} Or explain from the tables alone: --no-log.".lstrip()
        ) from error


@contextmanager
def _bar(description: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar, on a terminal."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    with progress(description, unit="records") as update:
        yield update


def _print(
    article_id: str,
    comment_id: str | None,
    explanation: Explanation,
    stored: _Stored,
    *,
    searched: bool,
) -> None:
    out = output.console()
    subject = (
        f"Article {article_id}"
        if comment_id is None
        else f"Comment {comment_id} below article {article_id}"
    )
    out.print(Text(printable(subject), style="bold"))
    if stored.standing is not None:
        out.print(_standing(stored.standing))
    out.print()
    print_text("What is stored, and which event set it", style="bold", out=out)
    for setting in explanation.settings:
        out.print()
        print_text(f"{printable(setting.row)}, {setting.register}", out=out)
        rows = [
            (name, _short(value)) for name, value in setting.values.items() if value is not None
        ]
        event = printable(" ".join(filter(None, (setting.event_type, str(setting.by or "?")))))
        at = "" if setting.by is None else f", {clock(setting.by.occurred_at, exact=True)}"
        place = _from(setting, searched=searched)
        print_table(
            [Column("", style="dim"), Column("", wraps=True)],
            [*(rows or [("value", "none")]), ("set by", f"{event}{at} ({place})")],
            headed=False,
            indent=2,
        )
    rules = {setting.register: setting.rule for setting in explanation.settings}
    out.print()
    for name, rule in rules.items():
        out.print(Text(f"{name}: {rule}", style="dim"))
    if {"posted", "edited"} <= rules.keys():
        out.print(Text("body: any edit beats any posting", style="dim"))
    if explanation.records:
        out.print()
        print_table(
            [
                *("record", "type", Column("event", rank=2), Column("at", rank=1)),
                Column("outcome", wraps=True),
            ],
            [
                (
                    str(each.place),
                    each.event_type or "?",
                    each.event_id or "?",
                    None if each.occurred_at is None else clock(each.occurred_at, exact=True),
                    "; ".join(each.outcomes),
                )
                for each in explanation.records
            ],
            title="Its records, and their outcomes",
        )
    for conflict in explanation.conflicts:
        out.print(Text(f"Conflict: {printable(conflict)}", style="yellow"))
    if comment_id is None:
        hint = f"When its discussion is open, and why: btl rules explain {article_id}"
        out.print(Text(hint, style="dim"))
    if searched:
        out.print()
        wrong = [f"{each.row}, {each.register}" for each in explanation.settings if not each.agrees]
        wrong += explanation.missing
        out.print(
            Text(f"The tables contradict the log: {'; '.join(wrong)}.", style="bold red")
            if wrong
            else "The tables agree with the log."
        )
    if not stored.read_letters:
        out.print(Text(_LETTERS_NOT_SEARCHED, "yellow"))


def _standing(row: Mapping[str, Any]) -> str:
    """Return in a sentence what readers see of the comment, and how its reports ended."""
    words = [text for text, _ in standing_in_words(row)]
    seen = "Readers see it" if row["status"] == "visible" else "Readers do not see it"
    said = f"{seen}: {', '.join(words)}." if words else f"{seen}."
    return f"{said} {reports_in_words(row)}." if row["reports"] else said


def _short(value: object) -> str:
    if isinstance(value, datetime):
        return clock(value, exact=True)
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= _MAX_VALUE else f"{text[:_MAX_VALUE]}…"


def _from(setting: Setting, *, searched: bool) -> str:
    if setting.place is not None:
        return str(setting.place)
    return "not in the log any more" if searched else "not searched"
