"""``btl consume``."""

import typer


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(consume)


def consume(
    topic: list[str] = typer.Option([], "--topic", help="Only this topic (repeatable); default: both input topics."),
) -> None:
    """Load events from the topics into Postgres, exactly once, until SIGTERM or Ctrl-C. Start as many as you like."""
    import signal

    from below_the_line.catalogue import load_contracts, topics
    from below_the_line.database.migrations import require_current
    from below_the_line.errors import BelowTheLineError
    from below_the_line.logs import configure_logs
    from below_the_line.publishing import kafka_options
    from below_the_line.settings import settings
    from consumers.adapters.kafka import Source
    from consumers.adapters.postgres import Store
    from consumers.core.batch import BatchPolicy
    from consumers.service import Consumer

    current = settings()
    url = current.require_database_url()
    inputs = [each.name for each in topics() if each.direction == "in"]
    unknown = sorted(set(topic) - set(inputs))
    if unknown:
        raise BelowTheLineError(
            f"{', '.join(unknown)} is no input topic.", f"The input topics are {', '.join(inputs)}."
        )
    require_current(url)
    source = Source(
        topic or inputs,
        current.consumer_group,
        kafka_options(current),
        current.batch_records,
        current.session_seconds,
    )
    # Only now: while it looks for a broker, kafka-python logs dozens of lines that the error says in one.
    configure_logs(current.log_format)
    store = Store(url, current.consumer_group)
    consumer = Consumer(source, store, load_contracts(), BatchPolicy(current.batch_records, current.batch_seconds))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: consumer.stop())
    consumer.run()
