"""``btl produce``."""

import time
from typing import Annotated

import typer

from below_the_line.catalogue import load_contracts
from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.envelopes import STRUCTURED_HEADERS, Outgoing
from below_the_line.kafka.producer import Publisher
from below_the_line.plurals import counted
from btl.cli import configuration
from btl.cli.given_events import given_events
from btl.cli.options import AsJson
from btl.cli.output import print_json
from btl.cli.validate import GIVEN_FILE, Warnings, findings


def produce(
    file: Annotated[str, typer.Argument(help=GIVEN_FILE)] = "-",
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Send bad events, too. They become dead letters.")
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
    that nothing reads, perhaps since they are misspelt, are warnings.
    """
    if unchecked and strict:
        raise BelowTheLineError("--unchecked and --strict were given.", "Give one of them.")
    contracts = load_contracts()
    warnings = Warnings()
    sent = 0
    with Publisher(configuration.settings()) as publisher:
        for number, record in given_events(file, contracts):
            record = record._replace(timestamp=time.time_ns() // 1_000_000)
            rejection = next(findings(contracts, record, strict=strict), None)
            if rejection is not None and not unchecked:
                publisher.flush()
                reason = " ".join(
                    filter(None, (rejection.code, rejection.pointer, rejection.message))
                )
                raise BelowTheLineError(
                    f"Line {number} is not sent: {reason}",
                    f"Sent before it: {sent:,}. Fix it, or send it with --unchecked.",
                )
            warnings.look(number, contracts, record)
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
        raise BelowTheLineError(
            f"No event was sent: {'standard input' if str(file) == '-' else file} has none.",
            "Give one structured CloudEvent a line.",
        )
    if as_json:
        print_json({"sent": sent})
    else:
        typer.echo(f"{counted(sent, 'event')} sent.", err=True)
