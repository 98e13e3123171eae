"""Clocks that are wrong: what a host says of the time must not end the sequences of others."""

from dataclasses import replace
from itertools import cycle

from tests.faults.conftest import Finish
from tests.faults.run import Run, placed
from tests.integration.stream import shop_records

LEAPS = (3600.0, -3600.0, 30 * 86_400.0, -300 * 86_400.0, 20 * 365 * 86_400.0)
"""Seconds: summer time, a wrong month, a clock without battery, a date far ahead."""


def test_dates_that_leap_change_no_other_sequence(run: Run, finish: Finish) -> None:
    leaps = cycle(LEAPS)
    wrong = {number: next(leaps) for number in range(70, len(run.lines), 210)}
    spoilt = {run.lines[number].request for number in wrong}
    lines = [replace(line, timestamp=line.timestamp + wrong.get(number, 0.0)) for number, line in enumerate(run.lines)]
    places: dict[int, int] = {}
    apart = set()
    for line, (_, partition) in zip(run.lines, placed(shop_records(lines)), strict=True):
        offset = places[partition] = places.get(partition, -1) + 1
        if line.request in spoilt:
            apart.add((partition, offset))
    disturbed = Run(run.stream, lines, frozenset(apart))
    disturbed.work("sanitize", "score")
    disturbed.publish()
    assert finish(disturbed).nothing
