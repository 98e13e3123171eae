import numpy as np
import pytest

from models.novelty import UNKNOWN, Identity

KNOWN = ("INFO disk <*> mounted", "INFO user <*> logged in")
VECTORS = np.eye(2, 4)


def identity() -> Identity:
    return Identity(KNOWN, VECTORS, 0.9, 0.5)


def towards(template: int, cosine: float) -> np.ndarray:
    vector = np.zeros(4)
    vector[template], vector[3] = cosine, np.sqrt(1 - cosine**2)
    return vector


def test_a_statement_very_near_a_known_one_is_that_one() -> None:
    assert identity().same("INFO disk <*> is mounted", towards(0, 0.95)) == 0


def test_a_statement_only_like_a_known_one_may_be_it_in_its_place() -> None:
    assert identity().same("INFO volume <*> mounted", towards(0, 0.7)) == UNKNOWN
    assert identity().alike("INFO volume <*> mounted", towards(0, 0.7)) == (0,)


def test_a_statement_like_none_is_news() -> None:
    assert identity().alike("INFO ledger closed", towards(1, 0.2)) == ()


@pytest.mark.parametrize("level", ["ERROR", "[warn]", "FATAL:"])
def test_a_graver_level_is_news_however_like_the_statement_is(level: str) -> None:
    assert identity().alike(f"{level} disk <*> mounted", towards(0, 0.99)) == ()
