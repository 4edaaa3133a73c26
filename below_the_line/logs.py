"""Structured logs: one JSON object per line for machines, aligned text on a terminal."""

import logging
import sys

import structlog
from structlog.tracebacks import ExceptionDictTransformer


class _OncePerSecond(logging.Filter):
    """Lets each message of kafka-python pass once a second.

    While a broker is down, it repeats some messages a thousand times.
    """

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is to be logged."""
        if not record.name.startswith("kafka."):
            return True
        message, now = record.getMessage(), record.created
        self._said = {said: at for said, at in self._said.items() if now - at < 1}
        return self._said.setdefault(message, now) == now


def _in_order(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Return the event with its time, level and text first."""
    first = {name: event[name] for name in ("timestamp", "level", "event") if name in event}
    return {**first, **event}


def configure_logs(log_format: str, level: int = logging.INFO) -> None:
    """Send structlog and the standard library's loggers to standard error in one form.

    ``log_format`` is ``json``, ``console`` or ``auto`` (console on a terminal). Libraries log from
    WARNING on.
    """
    to_console = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    shared.append(_in_order)
    # Tracebacks without local variables: among them is what readers wrote.
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if to_console
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    final: list[structlog.typing.Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta
    ]
    if not to_console:
        final.append(
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
        )
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[*final, renderer])
    )
    handler.addFilter(_OncePerSecond())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    # kafka-python warns about its own loop when a core is busy for a tenth of a second. That does
    # not help an operator.
    logging.getLogger("kafka.net.selector").setLevel(logging.ERROR)
    # psycopg warns about every pipeline that ends in an error. This project logs these itself: a
    # rejection by the fence is one line.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    for ours in ("below_the_line", "consumers"):
        logging.getLogger(ours).setLevel(level)
