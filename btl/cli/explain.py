"""``btl explain``: which event set each field, and why the others did not."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from below_the_line.catalogue import load_contracts
from below_the_line.contracts.events import Rejection
from below_the_line.contracts.times import instant, to_datetime
from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.admin import partition_logs
from below_the_line.plurals import counted
from btl.cli import configuration, output
from btl.cli.database import connected
from btl.cli.lazy import command_group
from btl.cli.offsets import AsJson
from btl.cli.output import print_json, printable
from btl.cli.progress import event_progress
from consumers.adapters import log_search
from consumers.adapters.log_search import articles_of_comment
from consumers.core.batch import Partition
from consumers.core.provenance import Explanation, Place, Setting, explain

app = command_group("Show which event set each field of an article or a comment.")

NoLog = Annotated[
    bool, typer.Option("--no-log", help="Do not search the topic: explain from the tables alone.")
]
Since = Annotated[
    str | None, typer.Option("--since", help="Search the topic from this time on only (RFC 3339).")
]

_LONGEST_VALUE = 60


@app.command()
def article(
    article_id: Annotated[str, typer.Argument(help="The article's id.", metavar="ID")],
    no_log: NoLog = False,
    since: Since = None,
    as_json: AsJson = False,
) -> None:
    """Explain an article: its content, its status, its history, decisions about its discussion."""
    _explain(article_id, None, no_log=no_log, since=since, as_json=as_json)


@app.command()
def comment(
    comment_id: Annotated[str, typer.Argument(help="The comment's id.", metavar="ID")],
    article: Annotated[
        str | None,
        typer.Option(
            "--article", help="Its article: found by itself, which takes long in a large database."
        ),
    ] = None,
    no_log: NoLog = False,
    since: Since = None,
    as_json: AsJson = False,
) -> None:
    """Explain a comment: its posting, edits, deletion, decisions, reports and reactions."""
    if article is None:
        with connected(configuration.settings()) as connection:
            known = articles_of_comment(connection, comment_id)
        if not known:
            raise BelowTheLineError(
                f"No comment {comment_id} is known.",
                "If all of its events were refused or are not ingested yet, `--article` finds them"
                " by their article.",
            )
        if len(known) > 1:
            raise BelowTheLineError(
                f"Comment {comment_id} is known below {len(known)} articles.",
                "Say which: " + " or ".join(f"--article {each}" for each in known),
            )
        (article,) = known
    _explain(article, comment_id, no_log=no_log, since=since, as_json=as_json)


def _explain(
    article_id: str, comment_id: str | None, *, no_log: bool, since: str | None, as_json: bool
) -> None:

    current = configuration.settings()
    begin = _time(since)
    records, topic_id = [], None
    topic = "articles" if comment_id is None else "comment-events"
    if not no_log:
        with _able_to_do_without():
            topic_id = next(
                (log.topic_id for log in partition_logs(current, [topic]).values()), None
            )
            with _bar(f"Searching {topic}") as progress:
                records = list(
                    log_search.search_log(current, topic, article_id.encode(), begin, progress)
                )
    # The tables after the log, so that what is there of it is in them, too, or is said to be not
    # ingested yet; and all of them as of one moment.
    with connected(current) as connection, connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        rows = log_search.stored_rows(connection, article_id, comment_id)
        # Asked only where there may be nothing else to say: of a loud article it is thousands of
        # rows.
        comments = 0 if any(rows.values()) else log_search.comments_below(connection, article_id)
        ingested = log_search.ingested(connection, current.consumer_group, topic, topic_id)
        letters = [
            letter
            for letter in log_search.refusals(connection, article_id)
            if log_search.may_be_about(letter.value, comment_id)
        ]
    refused = {letter.place: letter for letter in letters if letter.topic_id == topic_id}
    decode = load_contracts().decode
    events, rejections = [], []
    for record in records:
        place, result = Place(record.topic, record.partition, record.offset), decode(record)
        letter = refused.get(place)
        if isinstance(result, Rejection):
            is_told = letter is not None or not log_search.may_be_about(record.value, comment_id)
            if not is_told and record.offset >= ingested.get(Partition(*record[:2]), range(0)).stop:
                coming = result._replace(message=f"{result.message} It is not ingested yet.")
                rejections.append((place, coming))
            continue
        if letter is not None and letter.status != "redriven":
            continue
        if comment_id is None or result.data.get("comment_id") == comment_id:
            events.append((place, result))
    taken = {place for place, _ in events}
    for letter in letters:
        of_old = (
            topic_id is not None and letter.place.topic == topic and letter.topic_id != topic_id
        )
        if (of_old or letter.place not in taken) and (
            comment_id is not None or letter.place.topic == "articles"
        ):
            message = f"{letter.message} The dead letter is {letter.status}."
            if of_old:
                message += " Its topic was made anew since."
            rejections.append(
                (
                    letter.place,
                    Rejection(
                        letter.stage, letter.code, letter.pointer, message, letter.schema_version
                    ),
                )
            )
    explanation = explain(events, rejections, rows, ingested)
    if not explanation.settings and not explanation.told and not any(rows.values()):
        raise _nothing(article_id, comment_id, comments, searched=not no_log)
    if as_json:
        print_json(
            {
                "article_id": article_id,
                "comment_id": comment_id,
                **asdict(explanation),
                "agrees": explanation.agrees,
                "searched_log": not no_log,
            }
        )
    else:
        _print(article_id, comment_id, explanation, searched=not no_log)


def _nothing(
    article_id: str, comment_id: str | None, comments: int, *, searched: bool
) -> BelowTheLineError:
    """What to say where there is nothing to explain."""
    what = (
        f"article {article_id}"
        if comment_id is None
        else f"comment {comment_id} below article {article_id}"
    )
    where = "no row, no record in the log, no dead letter" if searched else "no row, no dead letter"
    if comment_id is None and comments:
        return BelowTheLineError(
            f"No article event has come for {article_id} ({where}), only events of"
            f" {counted(comments, 'comment')} below it.",
            f"Does the site send article.published? `btl explain comment ID --article {article_id}`"
            " explains one of them.",
        )
    return BelowTheLineError(f"Nothing is known of {what}: {where}.", "Is the id right?")


def _time(text: str | None) -> datetime | None:

    if text is None:
        return None
    found = instant(text)
    if found is None:
        raise BelowTheLineError(
            f"--since is no time: {text!r}.", "Write it as in 2026-11-23T10:00:00Z."
        )
    return to_datetime(found.since_1970)


@contextmanager
def _able_to_do_without() -> Iterator[None]:
    """Where the log can't be searched, say that there is a way without it."""
    try:
        yield
    except BelowTheLineError as error:
        raise BelowTheLineError(
            error.message, f"{error.hint} Or explain from the tables alone: --no-log.".lstrip()
        ) from error


@contextmanager
def _bar(description: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar, for who watches."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    with event_progress() as progress:
        task = progress.add_task(description, total=None, unit="records")
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _print(
    article_id: str, comment_id: str | None, explanation: Explanation, *, searched: bool
) -> None:

    out = output.console()
    subject = (
        f"Article {article_id}"
        if comment_id is None
        else f"Comment {comment_id} below article {article_id}"
    )
    out.print(Text(printable(subject), style="bold"))
    out.print()
    table = _table(
        "What is stored, and by which event", "row", "register", "value", "set by", "at", "from"
    )
    for setting in explanation.settings:
        table.add_row(
            *map(printable, (setting.row, setting.register, _values(setting))),
            printable(" ".join(filter(None, (setting.event_type, str(setting.by or "?"))))),
            "" if setting.by is None else f"{setting.by.occurred_at:%F %T}",
            _from(setting, searched=searched),
        )
    out.print(table)
    rules = {setting.register: setting.rule for setting in explanation.settings}
    out.print()
    for name, rule in rules.items():
        out.print(Text(f"{name}: {rule}", style="dim"))
    if {"posted", "edited"} <= rules.keys():
        out.print(Text("body: any edit beats any posting", style="dim"))
    if explanation.told:
        out.print()
        told = _table("Its records, and what became of them", "record", "event", "at", "outcome")
        for each in explanation.told:
            event = " ".join(filter(None, (each.event_type, each.event_id))) or "?"
            at = "" if each.occurred_at is None else f"{each.occurred_at:%F %T}"
            told.add_row(str(each.place), printable(event), at, printable("; ".join(each.outcomes)))
        out.print(told)
    for conflict in explanation.conflicts:
        out.print(Text(f"Conflict: {printable(conflict)}", style="yellow"))
    if comment_id is None:
        out.print(
            Text(
                f"When its discussion is open, and why: btl rules explain {article_id}", style="dim"
            )
        )
    if searched:
        out.print()
        wrong = [f"{each.row}, {each.register}" for each in explanation.settings if not each.agrees]
        wrong += explanation.missing
        out.print(
            Text(f"The tables contradict the log: {'; '.join(wrong)}.", style="bold red")
            if wrong
            else "The tables agree with the log."
        )


def _table(title: str, *headings: str) -> Table:

    table = Table(box=None, header_style="bold", pad_edge=False, title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _values(setting: Setting) -> str:
    shown = [
        f"{name}={_short(value)}" for name, value in setting.values.items() if value is not None
    ]
    return ", ".join(shown) or "(nothing)"


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def _from(setting: Setting, *, searched: bool) -> str:
    if setting.place is not None:
        return str(setting.place)
    return "not in the log any more" if searched else "not searched"
