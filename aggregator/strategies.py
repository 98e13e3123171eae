"""Which rule makes one set of weights of many; the rules are Flower's."""

from typing import Any, assert_never

from flwr.serverapp.strategy import FedAdam, FedAvg, FedMedian, FedProx, Krum

from aggregator.plan import Plan

_FAREST = 1e-3
"""FedAdam's tau: how far from plain sign steps it stays."""


def strategy_of(plan: Plan, quorum: int) -> FedAvg:
    """Return the rule that a plan names; every site online takes part in every round."""
    common: dict[str, Any] = {
        "fraction_train": 1.0,
        "fraction_evaluate": 0.0,
        "min_train_nodes": quorum,
        "min_available_nodes": quorum,
    }
    match plan.strategy:
        case "fedavg":
            return FedAvg(**common)
        case "fedprox":
            return FedProx(**common, proximal_mu=plan.mu)
        case "fedadam":
            return FedAdam(**common, eta=plan.server_rate, tau=_FAREST)
        case "fedmedian":
            return FedMedian(**common)
        case "krum":
            return Krum(**common, num_malicious_nodes=plan.dishonest)
        case _:
            assert_never(plan.strategy)
