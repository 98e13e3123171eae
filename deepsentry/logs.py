"""DeepSentry's own log: events with facts, JSON for machines and colour for people. Never a raw line of the input."""

import logging
import sys
from typing import Final

import structlog

from deepsentry.settings import Log

NOISY: Final = {
    "librdkafka": logging.WARNING,
    "aiokafka": logging.WARNING,
    "faust": logging.ERROR,  # its warnings are about sensors and boot steps that we do not use
    "mode": logging.ERROR,
}
"""Library -> the level at which its own chatter starts."""


def configure(log: Log) -> None:
    """Send every log line of the process, our own and the libraries', to stderr in one form."""
    console = log.format == "console" or (log.format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    render: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if console else structlog.processors.JSONRenderer()
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    logging.basicConfig(handlers=[handler], level=log.level.upper(), force=True)
    for name, level in NOISY.items():
        logging.getLogger(name).setLevel(level)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def get(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a room."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger
