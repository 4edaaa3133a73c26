"""``btl consume``."""

import typer


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(consume)


def consume(
    topic: list[str] = typer.Option(
        [], "--topic", help="Only this topic (repeatable); default: both input topics."
    ),
) -> None:
    """Load events from the topics into Postgres, exactly once, until SIGTERM or Ctrl-C. Start as
    many as you like.
    """
    import signal

    from below_the_line.logs import configure_logs
    from btl.cli.configuration import settings
    from consumers.app import alternate_threads, build_consumer, relieve_collector, telling

    current = settings()
    with telling(current) as observer:
        consumer = build_consumer(current, topic, observer)
        # Only now: while it looks for a broker, kafka-python logs dozens of lines that the error
        # says in one.
        configure_logs(current.log_format)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: consumer.stop())
        relieve_collector()
        alternate_threads()
        consumer.run()
