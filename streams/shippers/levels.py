"""Levels: the words and numbers of shippers and applications as one scale (the OpenTelemetry mapping)."""

from collections.abc import Callable
from typing import Final

from deepsentry.events import Level

FromNumber = Callable[[float], Level]
"""What a number means as a level; empty where it means none."""

WORDS: Final[dict[str, Level]] = {
    "trace": "trace",
    "finest": "trace",
    "verbose": "trace",
    "debug": "debug",
    "fine": "debug",
    "info": "info",
    "information": "info",
    "informational": "info",
    "notice": "info",
    "warn": "warn",
    "warning": "warn",
    "error": "error",
    "err": "error",
    "crit": "error",  # syslog 2; the whole word is an application's and means its worst
    "alert": "error",
    "severe": "error",
    "critical": "fatal",
    "fatal": "fatal",
    "panic": "fatal",
    "emerg": "fatal",
    "emergency": "fatal",
}
_SYSLOG: Final[tuple[Level, ...]] = ("fatal", "error", "error", "error", "warn", "info", "info", "debug")
_OTLP: Final[tuple[Level, ...]] = ("trace", "debug", "info", "warn", "error", "fatal")
_FIRST_TOKENS: Final = 10
_HEAD: Final = 200


def from_word(word: str) -> Level:
    """Return the level that `word` names, empty where it names none."""
    return WORDS.get(word.strip().lower(), "")


def from_syslog(number: float) -> Level:
    """Return the level of a syslog severity, 0 (worst) to 7."""
    return _SYSLOG[int(number)] if 0 <= number <= 7 and number == int(number) else ""  # noqa: PLR2004 - RFC 5424, 6.2.1


def from_otlp(number: float) -> Level:
    """Return the level of an OTLP severityNumber, 1 to 24, four to a level."""
    return _OTLP[(int(number) - 1) // 4] if 1 <= number <= 24 else ""  # noqa: PLR2004 - OTLP logs data model


def from_application(number: float) -> Level:
    """Return the level of a numeric `level` of JSON loggers (bunyan, pino: 10 to 60); other scales say nothing."""
    return _OTLP[int(number) // 10 - 1] if number in {10, 20, 30, 40, 50, 60} else ""


def _written() -> dict[str, Level]:
    """Return the ways in which a level stands in a line, so that finding one is a look-up and no search."""
    ways: dict[str, Level] = {}
    for word, level in WORDS.items():
        loud = word.upper()
        ways |= dict.fromkeys((loud, f"{loud}:", f"{loud},", f"({loud})", f"<{loud}>", f"|{loud}|"), level)
        ways |= dict.fromkeys((f"[{loud}]", f"[{word}]", f"[{word.title()}]", f"[{loud}]:", f"[{word}]:"), level)
        ways |= dict.fromkeys((word.title(), f"{word.title()}:", f"{word}:"), level)
        for key in ("level", "lvl", "severity"):
            ways |= dict.fromkeys((f"{key}={word}", f'{key}="{word}"', f"{key}={loud}"), level)
    # Words that sentences use ("Call Trace:"): only their loud or marked forms name a level.
    for word in ("Fine", "Notice", "Alert", "Trace", "Trace:", "Fine:", "fine:", "alert:", "notice:", "trace:"):
        ways.pop(word, None)
    return ways


_WRITTEN: Final = _written()


def from_message(message: str) -> Level:
    """Return the level written among the first ten words of `message`, empty where there is none."""
    head = message if len(message) <= _HEAD else message[:_HEAD]
    words = head.split(None, _FIRST_TOKENS)
    for word in words if len(words) <= _FIRST_TOKENS else words[:_FIRST_TOKENS]:
        if word in _WRITTEN:
            return _WRITTEN[word]
    return ""
