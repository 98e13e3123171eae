"""DeepSentry's own log: events with facts, JSON for machines and colour for people. Never a raw line of the input."""

import logging
import sys
import time
from collections.abc import Callable
from typing import Final

import structlog

from deepsentry.sections import Log

NOISY: Final = {
    "librdkafka": logging.WARNING,
    "aiokafka": logging.WARNING,
    "faust": logging.ERROR,  # its warnings are about sensors and boot steps that we do not use
    "mode": logging.ERROR,
    "httpx": logging.WARNING,  # a line for each question of an agent, ten a second
}
"""Library -> the level at which its own chatter starts."""
REPEAT_AFTER: Final = 30.0
"""Seconds after which a library may say the same thing again: while a broker is away they do so 300 times a second."""
MOST_KINDS: Final = 1000


class Repeats(logging.Filter):
    """Holds back what a library said a moment ago, whatever the values in it; our own events pass."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether `record` is logged; where others like it were held back, it says how many."""
        if not isinstance(record.msg, str):
            return True
        now, kind = self._clock(), (record.name, record.msg)
        at, held = self._said.get(kind, (-REPEAT_AFTER, 0))
        if now - at < REPEAT_AFTER:
            self._said[kind] = (at, held + 1)
            return False
        if len(self._said) >= MOST_KINDS:
            self._said.clear()
        self._said[kind] = (now, 0)
        if held:
            record.msg = f"{record.msg} ({held} more like it since the last)"
        return True


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
    handler.addFilter(Repeats(time.monotonic))
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
