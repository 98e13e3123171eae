from models.evaluation.identity import BAR, ENCODER, measure

VERBS = ("opened", "closed", "refused", "moved to the archive", "written twice", "checked by the auditor")
THINGS = ("ledger", "basket of the customer", "warehouse gate")


def test_the_encoder_and_the_bar_are_measured_on_the_same_statements() -> None:
    lines = [f"the {thing} {number} was {verb}" for thing in THINGS for verb in VERBS for number in range(3)]
    found = measure({"shop": lines, "too small": ["one statement"]}, 0, lambda _stage, _done, _total: None)
    assert set(found) == {ENCODER, BAR}
    assert all(found[name]["right"] > 0.7 for name in found)
    assert all(0 <= found[name]["merged"] <= found[name]["worst_merged"] <= 1 for name in found)
