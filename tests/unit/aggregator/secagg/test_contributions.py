"""What a site will not add to a sum, of its own making."""

import numpy as np
import pytest

from aggregator.secagg import Total
from tests.unit.aggregator.secagg.federation import Wire, setup, sites


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38, 1e7])
def test_an_update_that_is_not_finite_or_too_large_is_never_sent(value: float) -> None:
    members = sites(4)
    members["site01"].update["kernel"][1, 2] = value
    found = Wire(members).run(setup(members))
    assert isinstance(found, Total)
    assert found.survivors == ("site00", "site02", "site03")
    [reason] = members["site01"].refusals
    assert "not a finite number" in reason or "give the sites smaller weights" in reason


@pytest.mark.parametrize("weight", [0.0, -1.0, np.nan, np.inf])
def test_a_weight_is_a_number_above_nought(weight: float) -> None:
    members = sites(4)
    members["site01"].weight = weight
    assert isinstance(Wire(members).run(setup(members)), Total)
    assert members["site01"].refusals == ["masked: the weight of a site must be a number above 0"]


def test_training_that_gives_other_arrays_is_refused() -> None:
    members = sites(4)
    members["site01"].update["kernel"] = np.zeros((1, 3, 4), np.float32)
    assert isinstance(Wire(members).run(setup(members)), Total)
    assert members["site01"].refusals == [
        "masked: the trained arrays have other names or shapes than the model that was sent"
    ]
