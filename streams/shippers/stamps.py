"""The time stamp at the head of a line, in the forms that programs write without any envelope."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final

_DAY: Final = timedelta(days=1)
_HEAD: Final = 160
"""Characters in which a time must stand."""
_LEAP: Final = 8
"""Years within which there is a 29 February."""
_NAMES: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS: Final = {name: number for number, name in enumerate(_NAMES, 1)} | {f"{n:02}": n for n in range(1, 13)}
_WEEKDAYS: Final = frozenset(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"))

_YEAR: Final = r"(?P<year>\d{4})"
_MONTH: Final = r"(?P<month>\d\d)"
_NAME: Final = rf"(?P<month>{'|'.join(_NAMES)})"
_DATE: Final = r"(?P<day>\d\d)"
_CLOCK: Final = r"(?P<hour>\d\d?):(?P<minute>\d\d?):(?P<second>\d\d?)(?:[.,:](?P<fraction>\d{1,9}))?(?!\d)"
_ZONE: Final = r"(?: ?(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d)(?![\w:]))?"


_PARTS: Final = ("year", "month", "day", "hour", "minute", "second", "fraction", "zone")


def _form(pattern: str) -> re.Pattern[str]:
    """Compile `pattern` with an empty group for each part that it lacks, so that all forms are read alike."""
    lacking = (f"(?P<{part}>)" for part in _PARTS if f"<{part}>" not in pattern)
    return re.compile(pattern + "".join(lacking), re.ASCII)


_ISO: Final = _form(f"{_YEAR}[-/]{_MONTH}[-/]{_DATE}[T ]{_CLOCK}{_ZONE}")
_RAS: Final = _form(
    rf"{_YEAR}-{_MONTH}-{_DATE}-(?P<hour>\d\d)\.(?P<minute>\d\d)\.(?P<second>\d\d)(?:\.(?P<fraction>\d{{1,9}}))?(?!\d)"
)
_SHORT: Final = _form(rf"(?P<year>\d\d)/{_MONTH}/{_DATE} {_CLOCK}")
_HDFS: Final = _form(rf"(?P<year>\d\d){_MONTH}{_DATE} (?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)(?!\d)")
_HEALTH: Final = _form(f"{_YEAR}{_MONTH}{_DATE}[-T ]{_CLOCK}")
_MONTH_DAY: Final = _form(f"{_MONTH}[-.]{_DATE} {_CLOCK}")
_SYSLOG: Final = _form(rf"{_NAME} (?P<day>[ \d]?\d) {_CLOCK}")
_CTIME: Final = _form(rf"[A-Z][a-z]{{2}} {_NAME} (?P<day>[ \d]\d) {_CLOCK} {_YEAR}(?!\d)")
_ACCESS: Final = _form(rf"{_DATE}/{_NAME}/{_YEAR}:{_CLOCK}{_ZONE}")
_EPOCH: Final = _form(r"(?P<second>[12]\d{9})(?P<fraction>\.\d{1,9}|\d{3}|)(?![\w.:/-])")
_EPOCH_DATE: Final = _form(r"(?P<second>[12]\d{9}) \d{4}\.\d\d\.\d\d ")
_EPOCH_FIFTH: Final = _form(r"\d{1,9} \S{1,64} \S{1,64} \S{1,64} (?P<second>[12]\d{9}) ")


def find_time(line: str, reference: float, zone: tzinfo) -> float | None:
    """Return the time at the head of `line`, Unix seconds, or None.

    It may stand in brackets, and after a first column (a label, a file name, an address). A stamp without a zone is
    in `zone`; one without a year gets the latest that is not more than a day after `reference`, Unix seconds.
    """
    head = line[:_HEAD]
    form = _form_at(head)
    found = form.match(head, head[0] == "[") if form is not None else None
    if found is None:
        found = _behind_a_column(head)
    return _seconds(found, reference, zone) if found is not None else None


def _form_at(text: str) -> re.Pattern[str] | None:
    """Return the one form that can stand at the start of `text`, by its first characters."""
    if text[:1] == "[":
        text = text[1:]
    if text[:1].isdigit():
        return _numeric_form(text)
    if text[3:4] != " ":
        return None
    if text[:3] in _MONTHS:
        return _SYSLOG
    return _CTIME if text[:3] in _WEEKDAYS else None


def _numeric_form(text: str) -> re.Pattern[str]:
    match text[2:3], text[4:5]:
        case _, "-" | "/":
            return _RAS if text[10:11] == "-" else _ISO
        case "/", _:
            return _SHORT if text[5:6] == "/" else _ACCESS
        case "-" | ".", _:
            return _MONTH_DAY
        case _:
            if text[6:7] == " ":
                return _HDFS
            return _EPOCH if text[8:9].isdigit() else _HEALTH


def _behind_a_column(head: str) -> re.Match[str] | None:
    """Match the forms that come after a label, a file name, an address or a record number."""
    column = head.find(" ")
    if column < 1:
        return None
    rest = head[column + 1 :]
    found = _EPOCH_DATE.match(rest) or _EPOCH_FIFTH.match(head)
    if found is None:
        form = _form_at(rest)
        # A large number behind a word is seldom a time: "user 1117838570 logged in".
        found = form.match(rest, rest[0] == "[") if form is not None and form is not _EPOCH else None
    if found is None and "[" in rest:
        found = _ACCESS.search(rest)
    return found


def _seconds(found: re.Match[str], reference: float, zone: tzinfo) -> float | None:
    year, month, day, hour, minute, second, digits, offset = found.group(*_PARTS)
    fraction = float(f"0.{digits.removeprefix('.')}") if digits else 0.0
    if not month:
        return float(second) + fraction
    clock = (_MONTHS.get(month, 0), int(day), int(hour), int(minute), int(second))
    if offset:
        zone = _zone(offset) or zone
    if not year:
        whole = _yearless(clock, reference, zone)
    else:
        whole = _moment(int(year) + (2000 if len(year) == 2 else 0), clock, zone)  # noqa: PLR2004 - written `17/06/09`
    return whole + fraction if whole is not None and whole > 0 else None


def _yearless(clock: tuple[int, int, int, int, int], reference: float, zone: tzinfo) -> float | None:
    """Return the latest such time that is not more than a day after `reference`.

    It is the nearest one unless that lies in the future; lines of December that are read in January get the old year.
    """
    if reference <= 0:
        return None
    try:
        latest = datetime.fromtimestamp(reference, zone) + _DAY
    except (ValueError, OverflowError, OSError):
        return None
    for year in range(latest.year, latest.year - _LEAP - 1, -1):
        found = _moment(year, clock, zone)
        if found is not None and found <= latest.timestamp():
            return found
    return None


def _moment(year: int, clock: tuple[int, int, int, int, int], zone: tzinfo) -> float | None:
    try:
        return datetime(year, *clock, tzinfo=zone).timestamp()
    except (ValueError, OverflowError):
        return None


def _zone(text: str) -> tzinfo | None:
    if text in {"Z", "UTC", "GMT"}:
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    if offset >= _DAY:
        return None
    return timezone(-offset if text[0] == "-" else offset)
