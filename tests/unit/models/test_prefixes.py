from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.prefixes import Prefixes
from models.sequence import Model, Network, Walk, strongest, surprises

TEMPLATES = 9
NORMAL = np.array([True] * 7 + [False] * 2)
NORMAL_OR_END = np.append(NORMAL, True)


def draw(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.normal(0, 0.5, shape).astype(np.float32)


def made(scale: float = 1.0) -> tuple[Model, np.ndarray]:
    """Return a network whose logits are `scale` times as far apart."""
    rng = np.random.default_rng(0)
    parts = [draw(rng, *shape) for shape in ((128, 256), (64, 256), (256,), (64, 128), (128,), (128, 128))]
    network = Network(*parts, *draw(rng, 3, 128))
    network = replace(
        network, query=np.float32(scale) * network.query, query_bias=np.float32(scale) * network.query_bias
    )
    vectors = rng.normal(size=(TEMPLATES, 128))
    shares = np.log(rng.dirichlet(np.ones(TEMPLATES + 1)))
    return Model(network, vectors / np.linalg.norm(vectors, axis=1, keepdims=True), NORMAL), shares


MODEL, SHARES = made()


def plain(walk: Walk, *, ended: bool, tolerance: int, lines: int) -> float:
    expected = MODEL.expect([walk])[0]
    return strongest(surprises(expected, SHARES, walk.rows, tolerance, ended=ended), lines)


walks = st.builds(Walk, st.lists(st.integers(0, 6), max_size=24).map(tuple), st.booleans())


@settings(deadline=None)
@given(st.lists(st.tuples(walks, st.booleans()), max_size=12), st.sampled_from([0, 1, 3, 6]), st.integers(1, 3))
def test_sums_of_surprises_are_those_of_the_plain_network(
    found: list[tuple[Walk, bool]], tolerance: int, lines: int
) -> None:
    prefixes = Prefixes(MODEL, SHARES)
    for _ in range(2):  # the second time from what is remembered
        sums = prefixes.strongest([walk for walk, _ in found], [ended for _, ended in found], tolerance, lines)
        wanted = [plain(walk, ended=ended, tolerance=tolerance, lines=lines) for walk, ended in found]
        assert sums == pytest.approx(wanted, abs=1e-4)


@settings(deadline=None)
@given(walks, st.lists(walks, max_size=12))
def test_what_is_expected_is_what_the_plain_network_expects(walk: Walk, others: list[Walk]) -> None:
    prefixes = Prefixes(MODEL, SHARES)
    alone = prefixes.expect(walk)
    prefixes.strongest(others, [False] * len(others), 1, 3)
    np.testing.assert_array_equal(prefixes.expect(walk), alone)
    wanted = MODEL.expect([walk])[0]
    np.testing.assert_allclose(alone[:, NORMAL_OR_END], wanted[:, NORMAL_OR_END], atol=1e-4)
    assert (alone[:, ~NORMAL_OR_END] < -1e8).all()


@settings(deadline=None)
@given(walks, st.lists(walks, max_size=40))
def test_a_sum_does_not_depend_on_what_is_walked_before_and_beside(walk: Walk, others: list[Walk]) -> None:
    alone = Prefixes(MODEL, SHARES).strongest([walk], [True], 1, 3)[0]
    busy = Prefixes(MODEL, SHARES)
    busy.strongest(others[::2], [False] * len(others[::2]), 1, 3)
    together = [*others, walk]
    assert busy.strongest(together, [True] * len(together), 1, 3)[-1] == alone


@pytest.mark.parametrize(("scale", "near"), [(0.1, True), (4.0, False)])
def test_logits_may_lie_close_together_or_so_far_apart_that_no_shift_holds_them(scale: float, *, near: bool) -> None:
    model, shares = made(scale)
    prefixes = Prefixes(model, shares)
    assert prefixes._balanced == near
    walk = Walk((0, 3, 3, 6, 1), begins=True)
    wanted = strongest(surprises(model.expect([walk])[0], shares, walk.rows, 1, ended=True), 3)
    assert prefixes.strongest([walk], [True], 1, 3) == pytest.approx([wanted], abs=1e-3)


def test_beginnings_that_agree_are_walked_once() -> None:
    prefixes = Prefixes(MODEL, SHARES)
    prefixes.strongest([Walk((0, 1, 2, 3), begins=True)], [True], 1, 1)
    before = len(prefixes)
    prefixes.strongest([Walk((0, 1, 2), begins=True), Walk((0, 1, 2, 4), begins=True)], [True, True], 1, 1)
    assert len(prefixes) == before + 1


def test_what_is_remembered_is_bounded_and_forgetting_changes_no_sum() -> None:
    rng = np.random.default_rng(2)
    prefixes = Prefixes(MODEL, SHARES, most=200)
    found = [Walk(tuple(rng.integers(0, 7, 20).tolist()), begins=True) for _ in range(60)]
    sums = []
    for walk in found:
        sums += prefixes.strongest([walk], [True], 1, 2)
        assert len(prefixes) <= 200
    assert sums == Prefixes(MODEL, SHARES).strongest(found, [True] * 60, 1, 2)
