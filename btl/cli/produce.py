"""``btl produce``."""

import typer

from btl.cli.lines import numbered_lines


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(produce)


def produce(
    file: str = typer.Argument(
        "-", help="File of JSON lines, one structured CloudEvent each; - for standard input."
    ),
    unchecked: bool = typer.Option(
        False, "--unchecked", help="Send bad events, too, and see them as dead letters."
    ),
) -> None:
    """Send events to their topics, by hand. A bad event stops it, with the reason, before anything
    after it is sent.
    """
    import time

    import orjson

    from below_the_line.catalogue import load_contracts
    from below_the_line.errors import BelowTheLineError
    from below_the_line.kafka.envelopes import STRUCTURED_HEADERS, Outgoing
    from below_the_line.kafka.producer import Publisher
    from btl.cli.configuration import settings
    from btl.cli.validate import rejection_of

    contracts = load_contracts()
    sent = 0
    with Publisher(settings()) as publisher:
        for number, line in numbered_lines(file):
            rejection = rejection_of(contracts, line, time.time_ns() // 1_000_000)
            if rejection is not None and not unchecked:
                publisher.flush()
                reason = " ".join(
                    filter(None, (rejection.code, rejection.pointer, rejection.message))
                )
                raise BelowTheLineError(
                    f"Line {number} is not sent: {reason}",
                    f"Sent before it: {sent:,}. Mend it (one event a line), or send it anyway with"
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
    typer.echo(f"Events sent: {sent:,}.", err=True)
