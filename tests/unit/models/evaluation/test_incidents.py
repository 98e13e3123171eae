from models.evaluation.incidents import Window, incidents


def window(minute: int, *, flagged: bool, marked: bool = False) -> Window:
    at = 60.0 * minute
    return Window(at, at + 30, (at + 1,) if marked else (), flagged)


def test_a_burst_is_found_by_any_of_its_windows() -> None:
    found = incidents([window(0, flagged=False, marked=True), window(1, flagged=True, marked=True)])
    assert (found.bursts, found.found, found.false_incidents) == (1, 1, 0)


def test_alarms_soon_after_one_another_are_one_incident() -> None:
    found = incidents([window(m, flagged=True) for m in (0, 2, 4, 60)])
    assert (found.incidents, found.false_incidents) == (2, 2)


def test_false_incidents_are_told_per_day() -> None:
    found = incidents([window(0, flagged=True), window(2 * 1440, flagged=False)])
    assert round(found.false_incidents_a_day, 2) == 0.5
