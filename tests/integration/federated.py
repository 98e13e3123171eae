"""Logs of small services for the sites of a federation, jobs over them, and ways to kill what runs."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import psutil

from aggregator.audit import Line
from aggregator.children import Child
from deepsentry import wire
from deepsentry.demo.cluster import Cluster
from deepsentry.events.work import Job, JobReport

KEY = r"req=(\w+)"
STEMS = ("cartwheel", "lighthouse", "marmalade", "quicksand", "tambourine")
"""A word that occurs in one site's log alone."""
WITHIN = 1800.0


def log_of(place: int) -> list[bytes]:
    """A site's log: requests of a small service, and a kind of them that only this site has."""
    rng = np.random.default_rng(place)
    found: list[tuple[float, bytes]] = []
    for i in range(260):
        at = 1_700_000_000.0 + 5.0 * i
        steps = ["request opened by visitor {}", "basket loaded with {} articles", "request answered within {} ms"]
        if rng.random() < 0.4:
            steps.insert(2, "voucher accepted worth {} euros")
        if rng.random() < 0.3:
            steps.insert(1, STEMS[place] + " warmed up after {} tries")
        for k, step in enumerate(steps):
            moment = at + 0.1 * k
            stamp = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            found.append((moment, f"{stamp} INFO req={place}x{i} {step.format(int(rng.integers(10, 99)))}".encode()))
    return [line for _, line in sorted(found)]


def logs(names: Sequence[str]) -> dict[str, list[bytes]]:
    return {name: log_of(place) for place, name in enumerate(names)}


def job(name: str, model: str = "detector", **parameters: str | float | bool) -> Job:
    chosen: dict[str, str | int | float | bool] = {"rounds": 1, "encoder_rounds": 0, "steps": 40, "round_s": 900.0}
    return Job(name, "federate", "", "", "test", model, datetime.now(UTC), {**chosen, **parameters})


def silent(_report: JobReport) -> None:
    """Hear nothing."""


def audit(cluster: Cluster, site: str) -> list[Line]:
    path = cluster.site_folder(site) / "audit.jsonl"
    whole = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [wire.decode(Line, line) for line in whole]


def answered(cluster: Cluster, site: str, job_: str, kind: str, round_: int = 1) -> bool:
    """Tell whether a site answered a message of a job's round."""
    return (job_, kind, round_, "answered") in {(x.job, x.type, x.round, x.outcome) for x in audit(cluster, site)}


def process(cluster: Cluster, word: str) -> psutil.Process:
    """Return the aggregator's child whose command holds `word`."""
    assert cluster.aggregator is not None
    below = psutil.Process(cluster.aggregator.pid).children(recursive=True)
    return next(p for p in below if any(word in part for part in _command(p)))


def kill(child: Child) -> None:
    """Kill a process and all that it started, as a power cut would."""
    root = psutil.Process(child.pid)
    for each in [*root.children(recursive=True), root]:
        each.kill()


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []  # it has just ended
