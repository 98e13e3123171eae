"""What a site lets an aggregator ask for: a file that the site owns, held against every message."""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, ValidationError

from aggregator.records import REPORTABLE, WEIGHT
from deepsentry.errors import SettingsError
from deepsentry.section import Section
from models.private import Unit

MESSAGES: Final = frozenset(
    {"train", "evaluate", "query.adopt", *(f"train.{s}" for s in ("keys", "shares", "masked", "agree", "unmask"))}
)


LONGEST_NAME: Final = 100
"""Characters of a job's name; the ledger and the audit know it whole."""


class Policy(Section):
    """policy.toml."""

    apps: tuple[str, ...] = ("deepsentry/federation",)
    """Applications by publisher and name; what runs is the one that is installed here, whatever their bundle holds."""
    bundles: tuple[str, ...] = ()
    """SHA-256 of the bundles that are taken; empty: any of an accepted application."""
    least_sites: int = Field(3, ge=2, le=1000)
    """Fewer sites in a round, and this one takes no part."""
    most_rounds: int = Field(200, ge=1)
    """Rounds of one job."""
    most_steps: int = Field(500, ge=1)
    """Batches of a round; a job that asks for more gets so many."""
    most_rate: float = Field(0.02, gt=0)
    """Learning rate; the same."""
    secure_only: bool = False
    """Take part only where the aggregator learns the sum alone."""
    colluders: int = Field(1, ge=0, le=100)
    """Sites that may side with the aggregator in secure aggregation."""
    changes: Literal["abort", "bear"] = "abort"
    """What to do where the sites of a sum are others than those of the job's first."""
    least_noise: float = Field(0.0, ge=0)
    """Noise multiplier below which this site does not train; 0: it also trains without noise."""
    epsilon: float = Field(8.0, gt=0)
    """Privacy budget of this site over all jobs."""
    delta: float = Field(1e-5, gt=0, lt=1)
    unit: Unit = "sequence"
    """What an epsilon of this site protects: one sequence, or all sequences of one key."""
    report: tuple[str, ...] = ("loss", "auc", "current-auc", "epsilon")
    """Numbers that may leave; how many sequences were trained on always does, as it weighs the mean."""
    adopt: bool = True
    """Whether a version of this site's own is made of what a job gave. Promotion stays with the operator."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a message asks for, as far as a policy looks at it."""

    app: str
    bundle: str
    """SHA-256 of what came, not of what it is said to be."""
    bundle_name: str
    type: str
    config: Mapping[str, object]

    def number(self, name: str) -> float:
        """Return a number of the configuration; 0 where there is none, as one that is not finite passes comparisons."""
        value = self.config.get(name)
        known = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        return float(value) if known else 0.0  # type: ignore[arg-type]


def read_policy(path: Path) -> Policy:
    """Return the policy in a file. Raises SettingsError with the field."""
    try:
        policy = Policy(**tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        message = f"{path}: {error}"
        raise SettingsError(message) from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        message = f"{path}: {'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        raise SettingsError(message) from None
    if unknown := sorted(set(policy.report) - set(REPORTABLE)):
        message = f"{path}: report: {unknown[0]!r} is no number that can be told; there are {', '.join(REPORTABLE)}"
        raise SettingsError(message)
    return policy


def objection(policy: Policy, asked: Asked) -> str:
    """Return why this site does not do what is asked, empty where it does. It quotes nothing that came."""
    sites, rounds, noise = asked.number("sites"), asked.number("rounds"), asked.number("noise")
    trains = asked.type.startswith("train")
    checks = {
        "this application is not accepted": asked.app not in policy.apps,
        "the bundle is not what it is said to be": asked.bundle != asked.bundle_name,
        "this bundle is not accepted": bool(policy.bundles) and asked.bundle not in policy.bundles,
        "this kind of message is not answered": asked.type not in MESSAGES,
        f"the job's name is longer than {LONGEST_NAME} characters": len(str(asked.config.get("job", "")))
        > LONGEST_NAME,
        f"fewer than {policy.least_sites} sites take part": sites < policy.least_sites,
        f"the job has more than {policy.most_rounds} rounds": trains and rounds > policy.most_rounds,
        "this site takes part in secure aggregation only": policy.secure_only and asked.type == "train",
        f"the noise is less than {policy.least_noise:g}": trains and noise < policy.least_noise,
        "this site makes no version of what comes from outside": asked.type == "query.adopt" and not policy.adopt,
    }
    return next((reason for reason, failed in checks.items() if failed), "")


def told(policy: Policy, facts: Mapping[str, float]) -> dict[str, float]:
    """Return the numbers that may leave, each within its bounds."""
    allowed = {WEIGHT, "adopted", *policy.report}
    return {
        name: min(max(value, REPORTABLE[name][0]), REPORTABLE[name][1])
        for name, value in facts.items()
        if name in allowed
    }
