import numpy as np

from models.prepare import Observed
from models.trimming import trim

TEMPLATES = [
    "request opened",
    "step one done",
    "step two done",
    "step three done",
    "request answered",
    "java.io.IOException: disk lost",
    "refund opened",
    "refund booked",
    "refund mailed",
]


def sessions(*groups: tuple[tuple[int, ...], int]) -> list[Observed]:
    return [Observed(templates, complete=True, kind="session") for templates, times in groups for _ in range(times)]


def kept(found: list[Observed], templates: tuple[int, ...]) -> list[bool]:
    keep = trim(found, TEMPLATES, np.random.default_rng(0)).keep
    return [bool(k) for o, k in zip(found, keep, strict=True) if o.templates == templates]


def test_a_rare_but_regular_kind_of_request_stays() -> None:
    found = sessions(((0, 1, 2, 3, 4), 980), ((0, 6, 7, 8, 4), 20))
    assert all(kept(found, (0, 6, 7, 8, 4)))


def test_a_rare_statement_that_names_a_failure_is_set_aside() -> None:
    found = sessions(((0, 1, 2, 3, 4), 980), ((0, 1, 5, 4), 20))
    assert not any(kept(found, (0, 1, 5, 4)))


def test_a_failure_that_is_common_is_normal() -> None:
    found = sessions(((0, 1, 2, 3, 4), 700), ((0, 1, 5, 4), 300))
    assert all(kept(found, (0, 1, 5, 4)))


def test_what_breaks_off_is_set_aside() -> None:
    found = sessions(((0, 1, 2, 3, 4), 980), ((0,), 20))
    assert not any(kept(found, (0,)))


def test_nothing_is_set_aside_where_all_is_alike() -> None:
    found = sessions(((0, 1, 2, 3, 4), 500), ((0, 1, 3, 4), 500))
    assert trim(found, TEMPLATES, np.random.default_rng(0)).keep.all()
