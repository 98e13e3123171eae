"""Trains on the first half of the raw HDFS sample, judges the second, prints the figures beside simple baselines.

Data: HDFS_v1 of Loghub, cut to whole blocks; DEEPSENTRY_DATA names the folder that holds it as hdfs/hdfs_2pct.log.gz
with hdfs/labels.csv.
"""

import csv
import gzip
import os
import re
import sys
import time
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from models.detector import Detector
from models.prepare import LoggedSequence, Observed
from models.registry import Registry
from models.training import TrainingOptions, train

BLOCK = re.compile(r"blk_-?\d+")


def sequences(path: Path) -> tuple[list[LoggedSequence], float]:
    lines: dict[str, list[str]] = defaultdict(list)
    times: dict[str, list[float]] = defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for raw in file:
            line = raw.rstrip("\n")
            block = BLOCK.search(line)
            if block is None:
                continue
            stamp = datetime.strptime(line[:13], "%y%m%d %H%M%S").replace(tzinfo=UTC).timestamp()
            lines[block[0]].append(line)
            times[block[0]].append(stamp)
    found = [
        LoggedSequence(k, "session", times[k][0], times[k][-1], tuple(lines[k]), complete=True, times=tuple(times[k]))
        for k in sorted(lines, key=lambda k: times[k][0])
    ]
    return found, max(s.end for s in found)


def figures(alarms: np.ndarray, truth: np.ndarray) -> str:
    hit = int((alarms & truth).sum())
    precision = hit / max(int(alarms.sum()), 1)
    recall = hit / int(truth.sum())
    f1 = 2 * precision * recall / max(precision + recall, 1e-9)
    return f"precision {precision:.3f}  recall {recall:.3f}  F1 {f1:.3f}  alarms {int(alarms.sum())}"


def main() -> None:
    folder = os.environ.get("DEEPSENTRY_DATA")
    if not folder:
        sys.exit("DEEPSENTRY_DATA names no folder; the raw HDFS log is HDFS_v1 of Loghub (He et al., ISSRE 2023)")
    hdfs = Path(folder) / "hdfs"
    found, end = sequences(hdfs / "hdfs_2pct.log.gz")
    with (hdfs / "labels.csv").open(encoding="utf-8") as file:
        labels = {row["block_id"]: row["anomalous"] == "1" for row in csv.DictReader(file)}
    half = len(found) // 2
    began = time.perf_counter()
    stages: dict[str, float] = {}

    def progress(stage: str, _done: int, _total: int) -> None:
        stages[stage] = round(time.perf_counter() - began, 1)

    trained = train(found[:half], TrainingOptions(key_pattern=BLOCK.pattern), progress)
    print("training ends of stages, s:", stages)
    print(trained.metadata.counts, trained.metadata.set_aside, trained.metadata.metrics, trained.metadata.notes)
    print(trained.thresholds)
    with TemporaryDirectory() as root:
        registry = Registry(Path(root))
        reference = registry.save("detector", trained)
        detector = registry.load("detector", reference.version)
    report(detector, found[:half], found[half:], end, labels)


def report(
    detector: Detector, first: list[LoggedSequence], second: list[LoggedSequence], end: float, labels: dict[str, bool]
) -> None:
    began = time.perf_counter()
    templates = [tuple(detector.template(m) for m in s.messages) for s in second]
    encoded = time.perf_counter()
    observed = [
        Observed(t, end - s.end > detector.patience(t[-1]), "session") for t, s in zip(templates, second, strict=True)
    ]
    verdicts = []
    for i in range(0, len(observed), 256):
        verdicts += detector.judge(observed[i : i + 256])
    judged = time.perf_counter()
    lines = sum(len(t) for t in templates)
    print(
        f"template() {(encoded - began) / lines * 1e6:.2f} us/line, "
        f"judge() {(judged - encoded) / lines * 1e6:.2f} us/line; "
        f"{sum(not o.complete for o in observed)} of {len(observed)} sessions unfinished when the log ends"
    )
    truth = np.array([labels[s.key] for s in second])
    print("deepsentry   ", figures(np.array([v.score > 1 for v in verdicts]), truth))
    for view in ("novelty", "profile", "sequence"):
        alone = np.array([any(x.view == view and x.score > 1 for x in v.views) for v in verdicts])
        print(f"  {view:11}", figures(alone, truth))
    known = [tuple(detector.template(m) for m in s.messages) for s in first]
    for name, shape in (("set unseen", frozenset), ("counts unseen", lambda t: frozenset(Counter(t).items()))):
        seen = {shape(t) for t in known}
        print(f"{name:13}", figures(np.array([shape(t) not in seen for t in templates]), truth))
    strange = [(v, s, o) for v, s, o in zip(verdicts, second, observed, strict=True) if v.score > 1]
    for verdict, sequence, o in sorted(strange, key=lambda item: -item[0].score)[:2]:
        print(sequence.key, labels[sequence.key], verdict.score, detector.explain(o, verdict))


if __name__ == "__main__":
    main()
