"""``btl consume``."""

import signal

import typer

from below_the_line.logs import configure_logs
from btl.cli import configuration
from consumers.app import alternate_threads, build_consumer, monitoring, relieve_collector


def consume(
    topic: list[str] = typer.Option(
        [],
        "--topic",
        metavar="TOPIC",
        help="Only this topic. Can be given several times. Default: all input topics.",
        show_default=False,
    ),
) -> None:
    """Load events from the topics into Postgres, exactly once.

    Runs until SIGTERM or Ctrl-C. Any number of consumers can run side by side.
    """
    current = configuration.settings()
    with monitoring(current) as observer:
        consumer = build_consumer(current, topic, observer)
        # Only now: while it looks for a broker, kafka-python logs dozens of lines that the error
        # says in one.
        configure_logs(current.log_format)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: consumer.stop())
        relieve_collector()
        alternate_threads()
        consumer.run()
