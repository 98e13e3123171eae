import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.evaluation.protocol import Benchmark, Case
from models.evaluation.release import released, rewrite
from models.prepare import LoggedSequence


@given(
    st.lists(st.sampled_from(["block", "<*>", "stored:", "to", "INFO"]), min_size=1, max_size=12), st.integers(0, 99)
)
def test_variables_survive_a_rewording(words: list[str], seed: int) -> None:
    again = rewrite(" ".join(words), np.random.default_rng(seed))
    assert again.split(" ").count("<*>") == words.count("<*>")


def test_a_share_of_the_statements_is_worded_anew_wherever_they_stand() -> None:
    texts = tuple(f"the service {name} has started" for name in ("alpha", "beta", "gamma", "delta", "epsilon"))
    sequence = LoggedSequence("k", "session", 0.0, 1.0, texts * 2, complete=True)
    benchmark = Benchmark("b", [], 0.2, [Case(sequence, anomalous=False)], 1.0, 0.01)
    [test] = released(benchmark, 0.2, np.random.default_rng(0)).test
    changed = {old: new for old, new in zip(sequence.messages, test.sequence.messages, strict=True) if old != new}
    assert len(changed) == 1
    assert test.sequence.messages.count(*changed.values()) == 2
