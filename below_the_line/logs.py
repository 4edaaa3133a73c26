"""Structured logs: one JSON object per line for machines, aligned text on a terminal."""

import logging
import sys

import structlog


def configure_logs(log_format: str, level: int = logging.INFO) -> None:
    """Send structlog and the standard library's loggers to standard error in one form.

    ``log_format`` is ``json``, ``console`` or ``auto`` (console on a terminal). The libraries below us speak from WARNING.
    """
    to_console = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if to_console else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    final: list[structlog.typing.Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if not to_console:
        final.append(structlog.processors.dict_tracebacks)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[*final, renderer]))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    # kafka-python warns of its own loop whenever a core is busy for a tenth of a second: no news to an operator.
    logging.getLogger("kafka.net.selector").setLevel(logging.ERROR)
    for ours in ("below_the_line", "consumers"):
        logging.getLogger(ours).setLevel(level)
