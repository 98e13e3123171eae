"""Whether global weights become a version: on the weighted mean of what the sites measured, and on the worst site."""

from collections.abc import Mapping
from dataclasses import dataclass

from aggregator.plan import Plan
from aggregator.records import WEIGHT, Facts


@dataclass(frozen=True, slots=True)
class Passed:
    """They may."""

    facts: dict[str, float]


@dataclass(frozen=True, slots=True)
class Failed:
    """They may not, for this reason."""

    reason: str
    facts: dict[str, float]


def judge(plan: Plan, measured: Mapping[str, Facts]) -> Passed | Failed:
    """Return the verdict on what each site said: AUC of the new weights and, where there is one, of the version before.

    A weighted mean of AUCs is not the AUC of the pooled data, which nobody can work out without it.
    """
    told = {name: facts for name, facts in measured.items() if "auc" in facts}
    if not told:
        return Failed("no site told how good the weights are", {})
    total = sum(facts[WEIGHT] for facts in told.values())
    worst = min(told, key=lambda name: told[name]["auc"])
    facts = {
        "mean_auc": sum(f["auc"] * f[WEIGHT] for f in told.values()) / total,
        "worst_auc": told[worst]["auc"],
        "loss": sum(f.get("loss", 0.0) * f[WEIGHT] for f in told.values()) / total,
    }
    before = {name: f for name, f in told.items() if "current-auc" in f}
    if before:
        weight = sum(f[WEIGHT] for f in before.values())
        facts["current_mean_auc"] = sum(f["current-auc"] * f[WEIGHT] for f in before.values()) / weight
    facts = {name: round(value, 5) for name, value in facts.items()}
    if facts["mean_auc"] < plan.floor:
        return Failed(f"the weighted mean AUC is {facts['mean_auc']:.3f}, below {plan.floor:g}", facts)
    if facts["worst_auc"] < plan.floor:
        return Failed(f"the AUC of the worst site, {worst}, is {facts['worst_auc']:.3f}, below {plan.floor:g}", facts)
    if before and facts["mean_auc"] < facts["current_mean_auc"] - plan.tolerance:
        said = f"{facts['mean_auc']:.3f}, that of the version before is {facts['current_mean_auc']:.3f}"
        return Failed(f"the weighted mean AUC is {said}", facts)
    return Passed(facts)
