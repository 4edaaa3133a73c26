"""``btl produce``."""

import time
from typing import Annotated

import typer

from below_the_line.catalogue import load_contracts, topics
from below_the_line.contracts.events import Record, Rejection
from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.envelopes import STRUCTURED_HEADERS, Outgoing
from below_the_line.kafka.producer import Publisher
from below_the_line.plurals import counted
from btl.cli import configuration
from btl.cli.given_events import given_events
from btl.cli.options import AsJson
from btl.cli.output import print_json
from btl.cli.validate import GIVEN_FILE, Warnings, findings, no_events


def produce(
    file: Annotated[str, typer.Argument(help=GIVEN_FILE)] = "-",
    unchecked: Annotated[
        bool,
        typer.Option(
            "--unchecked",
            help=(
                "Send bad events, too, which become dead letters; and events of the product's own"
                " output topic."
            ),
        ),
    ] = False,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Members that nothing reads make an event bad, not only a warning."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Send events from a file to Kafka.

    A bad event stops the command: its reason is printed, and no event after it is sent. Members
    that nothing reads, perhaps since they are misspelt, are warnings. Events of the topic that only
    the closing DAG writes are not sent.
    """
    if unchecked and strict:
        raise BelowTheLineError("--unchecked and --strict were given.", "Give one of them.")
    contracts = load_contracts()
    warnings = Warnings()
    sent = bad = 0
    with Publisher(configuration.settings()) as publisher:
        for place, record in given_events(file, contracts):
            record = record._replace(timestamp=time.time_ns() // 1_000_000)
            rejection = next(findings(contracts, record, strict=strict), None)
            bad += rejection is not None
            reason, cure = why_not(record, rejection)
            if reason is not None and not unchecked:
                publisher.flush()
                where = str(place)
                raise BelowTheLineError(
                    f"{where[0].upper()}{where[1:]} is not sent: {reason}",
                    f"Sent before it: {sent:,}. {cure}, or send it with --unchecked.",
                )
            warnings.look(place, contracts, record)
            # kafka-python sends no header without a value.
            headers = tuple(
                (name, content) for name, content in record.headers if content is not None
            )
            publisher.send(
                Outgoing(
                    record.topic or "comment-events",
                    record.key,
                    record.value,
                    headers or STRUCTURED_HEADERS,
                )
            )
            sent += 1
    warnings.close()
    if not sent:
        raise no_events("sent", file)
    if as_json:
        print_json({"sent": sent, "bad": bad} if unchecked else {"sent": sent})
    else:
        rejected = f" No contract accepts {bad:,} of them: dead letters." if unchecked else ""
        typer.echo(f"{counted(sent, 'event')} sent.{rejected}", err=True)


def why_not(record: Record, rejection: Rejection | None) -> tuple[str | None, str]:
    """Return why an event is not sent, None if it is, and the cure: a clause.

    ``rejection`` is what is wrong with it as an event.
    """
    if rejection is not None:
        parts = (rejection.code, rejection.pointer, rejection.message)
        return " ".join(filter(None, parts)), "Fix it"
    if any(topic.name == record.topic and topic.direction == "out" for topic in topics()):
        return (
            f"only the closing DAG writes to {record.topic}, the product's own output; those who"
            " read it would take this for a decision.",
            "Leave it out",
        )
    return None, ""
