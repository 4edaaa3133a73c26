"""``btl produce``."""

import time
from typing import Annotated

import orjson
import typer

from below_the_line.catalogue import load_contracts
from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.envelopes import STRUCTURED_HEADERS, Outgoing
from below_the_line.kafka.producer import Publisher
from btl.cli import configuration
from btl.cli.lines import numbered_lines
from btl.cli.options import AsJson
from btl.cli.output import print_json
from btl.cli.validate import rejection_of


def produce(
    file: Annotated[
        str,
        typer.Argument(
            help="File of JSON lines, one structured CloudEvent each; - for standard input."
        ),
    ] = "-",
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Send bad events, too. They become dead letters.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Send events from a file to Kafka.

    A bad event stops the command: its reason is printed, and no event after it is sent.
    """
    contracts = load_contracts()
    sent = 0
    with Publisher(configuration.settings()) as publisher:
        for number, line in numbered_lines(file):
            rejection = rejection_of(contracts, line, time.time_ns() // 1_000_000)
            if rejection is not None and not unchecked:
                publisher.flush()
                reason = " ".join(
                    filter(None, (rejection.code, rejection.pointer, rejection.message))
                )
                raise BelowTheLineError(
                    f"Line {number} is not sent: {reason}",
                    f"Sent before it: {sent:,}. Fix it (one event a line), or send it with"
                    " --unchecked.",
                )
            try:
                event = orjson.loads(line)
                topic, key = (
                    contracts.topic_of(event["type"]),
                    str(event["data"]["article_id"]).encode(),
                )
            except (orjson.JSONDecodeError, KeyError, TypeError):
                topic, key = None, None
            publisher.send(Outgoing(topic or "comment-events", key, line, STRUCTURED_HEADERS))
            sent += 1
    if as_json:
        print_json({"sent": sent})
    else:
        typer.echo(f"Events sent: {sent:,}.", err=True)
