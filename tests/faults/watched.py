"""``btl consume`` that also logs its reports to the observer, as they are seen from
outside.
"""

import signal
from collections.abc import Mapping

import structlog

from below_the_line.logs import configure_logs
from below_the_line.settings import from_environment
from consumers.app import build_consumer
from consumers.core.batch import Partition
from consumers.core.observer import Cause, Halt, Observer

log = structlog.get_logger("consumers.reports")


class ReportLog(Observer):
    """Logs whether the consumer reads or waits, and for what."""

    def waiting(self, cause: Cause, detail: str) -> None:
        log.info("report", cause=cause.value, detail=detail)

    def reading(self, positions: Mapping[Partition, int], halted: Mapping[Partition, Halt]) -> None:
        log.info("report", cause=None, read=len(positions), halted=len(halted))


def main() -> None:
    """Consume until stopped."""
    current = from_environment()
    consumer = build_consumer(current, observer=ReportLog())
    configure_logs(current.log_format)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: consumer.stop())
    consumer.run()


if __name__ == "__main__":
    main()
