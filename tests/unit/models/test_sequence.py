import numpy as np

from models.sequence import Model, Network, Walk, surprises, usual_shares

EVEN = np.log(np.full(6, 1 / 6))


def network(seed: int = 0) -> Network:
    rng = np.random.default_rng(seed)

    def draw(*shape: int) -> np.ndarray:
        return rng.normal(0, 0.3, shape).astype(np.float32)

    return Network(draw(128, 256), draw(64, 256), draw(256), draw(64, 128), draw(128), draw(128, 128), *draw(3, 128))


def model() -> Model:
    vectors = np.random.default_rng(1).normal(size=(5, 128))
    return Model(network(), vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.ones(5, np.bool_))


def test_what_is_expected_does_not_depend_on_the_rest_of_the_batch() -> None:
    walks = [Walk((0, 1, 2), begins=True), Walk((4, 4, 4, 4, 4, 4, 3), begins=False), Walk((), begins=True)]
    together = model().expect(walks)
    for walk, expected in zip(walks, together, strict=True):
        np.testing.assert_allclose(model().expect([walk])[0], expected, atol=1e-12)


def test_probabilities_of_each_place_add_up_to_one() -> None:
    (expected,) = model().expect([Walk((0, 1, 2), begins=True)])
    np.testing.assert_allclose(np.exp(expected).sum(1), 1.0)


def test_a_line_that_comes_within_the_tolerance_is_excused() -> None:
    expected = np.log(np.array([[0.01, 0.98, 0.01], [0.98, 0.01, 0.01], [0.01, 0.01, 0.98]]))
    usual = np.log(np.full(3, 1 / 3))
    assert surprises(expected, usual, (0, 1), 0, ended=True)[0] > 3
    assert surprises(expected, usual, (0, 1), 1, ended=True)[0] == 0.0


def test_a_rare_statement_is_not_surprising_for_being_rare() -> None:
    expected = np.log(np.array([[0.001, 0.989, 0.01], [0.98, 0.01, 0.01]]))
    rare = usual_shares([[1] * 1000, [0]], 1, 2)
    assert surprises(expected, rare, (0,), 0, ended=False)[0] < 1
    assert surprises(expected, np.log(np.full(3, 1 / 3)), (0,), 0, ended=False)[0] > 5


def test_an_unfinished_sequence_is_never_more_surprising_than_the_same_one_finished() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        lines = tuple(rng.integers(0, 5, int(rng.integers(1, 30))).tolist())
        (expected,) = model().expect([Walk(lines, begins=True)])
        for tolerance in (0, 1, 3):
            open_ = surprises(expected, EVEN, lines, tolerance, ended=False)
            assert (open_ <= surprises(expected, EVEN, lines, tolerance, ended=True)[: len(open_)]).all()
