"""The ServerApp: a job from its first round to the registry. Everything it needs stands in the run's configuration."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from flwr.app import Context, Message
from flwr.serverapp import Grid, ServerApp

from aggregator import records
from aggregator.flower import Bundle, bundle_of
from aggregator.gate import Failed, judge
from aggregator.guard import GuardedGrid
from aggregator.home import Home
from aggregator.keeping import JobFolder
from aggregator.plan import UNITS, Assignment, from_text, quorum_of
from aggregator.records import Facts
from aggregator.rounds import Rounds
from aggregator.secagg import read_roster
from aggregator.secure import Sums
from aggregator.versions import GlobalVersion, Versions
from deepsentry.errors import DeepSentryError
from deepsentry.events import ModelReference
from models.shared import Weights, base_digest, digest

CONFIG: Final = "assignment"
APP: Final = "deepsentry/federation"
"""Publisher and name that a site's policy accepts."""
_PYPROJECT: Final = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "federation"
version = "1.0.0"
description = "Names an installed application; holds no code"
license = "Apache-2.0"
dependencies = []

[tool.flwr.app]
publisher = "deepsentry"

[tool.flwr.app.components]
serverapp = "aggregator.app:app"
clientapp = "aggregator.app:none"

[tool.flwr.app.config]
assignment = ""
"""

app = ServerApp()
none = None
"""A site's application is what its own agent runs; stock executors find nothing here."""


def bundle() -> Bundle:
    """Return what runs are started with; the same in every installation of one release."""
    return bundle_of({"pyproject.toml": _PYPROJECT.encode()})


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Run the job that the run's configuration names."""
    conduct(grid, from_text(str(context.run_config[CONFIG])))


def conduct(
    grid: Grid, assignment: Assignment, now: Callable[[], datetime] = lambda: datetime.now(UTC), poll_s: float = 0.25
) -> None:
    """Run a job's rounds and its gate, and hand its result to the sites. Raises DeepSentryError where it fails."""
    plan, home = assignment.plan, Home(Path(assignment.home))
    folder = JobFolder(home.job(assignment.job))
    quorum = quorum_of(plan, len(assignment.members))
    guarded = GuardedGrid(grid, assignment.members, quorum, plan.wait_s, poll_s=poll_s)
    versions = Versions(home.versions)
    before = versions.latest(assignment.model)
    sums = Sums(assignment.job, read_roster(home.roster), plan.round_s, quorum) if plan.secure else None
    try:
        weights = Rounds(assignment, guarded, quorum, folder, sums).run(before[1] if before else None)
        measured = _measure(guarded, assignment, folder, weights, before[1] if before else None)
        verdict = judge(plan, measured)
        if isinstance(verdict, Failed):
            folder.tell("rejected", verdict.reason, facts=dict(verdict.facts))
            return
        version = _version(assignment, folder, weights, verdict.facts, measured, now())
        reference = versions.save(version, weights)
        adopted = _hand_out(guarded, assignment, version, reference, weights)
    except DeepSentryError as error:
        folder.tell("failed", str(error))
        raise
    message = f"{reference.name} {reference.version} stands in the registry; {adopted} sites made a version of it"
    folder.tell("registered", message, facts={**verdict.facts, "adopted": adopted}, version=reference)


def _measure(
    grid: GuardedGrid, assignment: Assignment, folder: JobFolder, weights: Weights, current: Weights | None
) -> dict[str, Facts]:
    """Return what each site says of the weights, beside the version before. Raises NotEnoughSites."""
    arrays = {records.ARRAYS: weights} | ({records.CURRENT: current} if current else {})

    def tell(why: str, found: int, need: int) -> None:
        folder.tell("waiting_sites", why or "before the gate", found, need)

    def ask(online: list[int], attempt: int) -> dict[str, Facts]:
        folder.tell("validating", f"{len(online)} sites measure the result", 0, len(online))
        content: dict[str, str | int | float | bool] = {
            "job": assignment.job,
            "attempt": attempt,
            "digest": digest(weights),
            "base": base_digest(),
            "sites": len(online),
            "noise": assignment.plan.noise,
        }
        messages = [Message(records.content(content, **arrays), node, "evaluate") for node in online]
        replies = grid.send_and_receive(messages, timeout=assignment.plan.round_s)
        measured = _facts(grid, replies)
        grid.check(len(measured), len(online), replies)
        return measured

    return grid.again(ask, tell)


def _facts(grid: GuardedGrid, replies: list[Message]) -> dict[str, Facts]:
    """Return what each site told, of those that told what can be taken."""
    measured: dict[str, Facts] = {}
    for reply in replies:
        if reply.has_error():
            continue
        try:
            facts = records.facts_of(reply)
        except DeepSentryError:
            continue
        if records.WEIGHT in facts:
            measured[grid.name_of(reply.metadata.src_node_id)] = facts
    return measured


def _version(
    assignment: Assignment,
    folder: JobFolder,
    weights: Weights,
    gate: dict[str, float],
    measured: dict[str, Facts],
    now: datetime,
) -> GlobalVersion:
    kept = folder.rounds()
    spent = [facts["epsilon"] for facts in measured.values() if "epsilon" in facts]
    plan = assignment.plan
    return GlobalVersion(
        name=assignment.model,
        job=assignment.job,
        digest=digest(weights),
        base=base_digest(),
        created_at=now.isoformat(timespec="seconds"),
        rounds=len(kept),
        sites=tuple(sorted({name for k in kept for name, said in k.sites.items() if said == "ok"})),
        strategy=plan.strategy,
        secure=plan.secure,
        epsilon=max(spent, default=None) if plan.noise else None,
        delta=1e-5 if plan.noise else 0.0,
        unit=UNITS[plan.unit] if plan.noise else "",
        gate=gate,
    )


def _hand_out(
    grid: GuardedGrid, assignment: Assignment, version: GlobalVersion, reference: ModelReference, weights: Weights
) -> int:
    """Send the result to every site that is online; return how many made a version of it."""
    config: dict[str, str | int | float | bool] = {
        "job": assignment.job,
        "model": reference.name,
        "version": reference.version,
        "digest": reference.digest,
        "base": version.base,
        "rounds": version.rounds,
        "sites": len(version.sites),
        "noise": assignment.plan.noise,
        "unit": assignment.plan.unit,
    }
    messages = [Message(records.content(config, arrays=weights), node, "query.adopt") for node in grid.get_node_ids()]
    replies = grid.send_and_receive(messages, timeout=assignment.plan.round_s)
    return sum(not reply.has_error() and _adopted(reply) for reply in replies)


def _adopted(reply: Message) -> bool:
    try:
        return records.facts_of(reply).get("adopted") == 1
    except DeepSentryError:
        return False
