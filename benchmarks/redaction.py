"""What redaction finds, what it masks in vain, what leaks through a real run, and how fast it is.

`make bench-redaction`; `JSON=1` ends with one object. DEEPSENTRY_DATA names the folder with loghub_2k and hdfs.
"""

import argparse
import gzip
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Final

import msgspec

from benchmarks import redaction_detection, redaction_leaks
from benchmarks.planting import corpus, negatives
from benchmarks.planting.corpus import VALUES
from benchmarks.redaction_detection import Detection
from benchmarks.redaction_leaks import Leaks
from benchmarks.redaction_recall import Masks, OfKind, harmless, in_clean, recall
from benchmarks.redaction_speed import speeds, templates
from deepsentry import settings, wire
from deepsentry.commands.output import err, table
from deepsentry.errors import DataError, DeepSentryError
from streams.batch import offline
from streams.redaction import Redactor, create_redactor
from streams.sanitizing.sanitize import Sanitizer
from streams.shippers import create_decoder
from streams.windowing.keying import Keyer

KEY: Final = b"a key of this measurement only"
TRUE: Final = frozenset({"email"})
"""Rules whose masks in the clean logs are right: docs/redaction.md lists the lines."""


class Templates(msgspec.Struct, frozen=True):
    """Templates that training would find, over all systems."""

    before: int
    after: int


class Report(msgspec.Struct, frozen=True):
    """All figures; `recall` and `worst_class` are shares, `leaked` parts of secrets found right of sanitize."""

    recall: float
    worst_class: float
    worst_class_is: str
    classes: int
    planted: int
    leaked: int | None
    secrets_searched: int | None
    false_masks: int
    masks_in_harmless_lines: int
    lines_per_s: dict[str, int]
    templates: Templates
    detection: Detection | None = None


class Found(msgspec.Struct):
    """What people are shown beside the figures."""

    kinds: list[OfKind]
    clean: Masks
    harmless: Masks
    leaks: Leaks | None = None


def clean_logs(data: Path) -> dict[str, list[str]]:
    """Return file -> lines of the small samples of 16 systems. Raises DataError where they are absent."""
    found = {
        path.name.removesuffix(".log.gz"): gzip.decompress(path.read_bytes()).decode("utf-8", "replace").splitlines()
        for path in sorted((data / "loghub_2k").glob("*.gz"))
    }
    if not found:
        message = f"{data}: holds no loghub_2k (the 2k samples of Loghub, Zhu, He et al., ISSRE 2023)"
        raise DataError(message)
    return found


def _templates(logs: dict[str, list[str]], redactor: Redactor) -> Templates:
    after = ([result.text for result in redactor.redact(lines)] for lines in logs.values())
    return Templates(sum(map(templates, logs.values())), sum(map(templates, after)))


def run(data: Path, seed: int, values: int, *, leaks: bool, detection: bool) -> tuple[Report, Found]:
    """Measure. Raises DeepSentryError."""
    effective, _ = settings.load({})
    redactor = create_redactor(effective.redaction, KEY)
    sanitizer = Sanitizer(create_decoder(effective.ingest), redactor, Keyer(offline.BUILT_IN))
    planted = list(corpus.corpus(seed, values))
    err.print(f"{len(planted):,} records with secrets of {len(corpus.kinds())} kinds")
    logs = clean_logs(data)
    found = Found(recall(planted, sanitizer), in_clean(logs, redactor), harmless(negatives.negatives(seed), redactor))
    lines = [line for each in logs.values() for line in each]
    rates = speeds(lines, KEY)
    grown = _templates(logs, redactor)
    if leaks:
        with tempfile.TemporaryDirectory(prefix="deepsentry-leaks-") as home:
            found.leaks = redaction_leaks.measure(planted, Path(home), KEY.hex())
    worst = min(found.kinds, key=lambda kind: kind.recall)
    report = Report(
        recall=round(sum(kind.masked for kind in found.kinds) / len(planted), 5),
        worst_class=round(worst.recall, 4),
        worst_class_is=worst.kind,
        classes=len(found.kinds),
        planted=len(planted),
        leaked=len(found.leaks.leaked) if found.leaks else None,
        secrets_searched=found.leaks.secrets if found.leaks else None,
        false_masks=sum(mask.rule not in TRUE for mask in found.clean.found),
        masks_in_harmless_lines=len(found.harmless.found),
        lines_per_s=rates,
        templates=grown,
        detection=redaction_detection.measure(effective, data) if detection else None,
    )
    return report, found


def show(report: Report, found: Found) -> None:
    """Print the figures for people."""
    groups: dict[str, list[OfKind]] = {}
    for kind in found.kinds:
        groups.setdefault(kind.group, []).append(kind)
    table(
        [
            {
                "group": name,
                "kinds": len(kinds),
                "planted": sum(kind.planted for kind in kinds),
                "recall": f"{sum(kind.masked for kind in kinds) / sum(kind.planted for kind in kinds):.5f}",
                "worst": f"{min(kind.recall for kind in kinds):.4f}",
            }
            for name, kinds in groups.items()
        ],
        f"recall {report.recall:.5f}, {report.classes} kinds, worst {report.worst_class:.4f} ({report.worst_class_is})",
    )
    for kind in sorted((kind for kind in found.kinds if kind.missed_in), key=lambda kind: kind.recall):
        print(f"  {kind.kind}: {kind.recall:.4f}, missed in {kind.missed_in}")
    print(f"\n{found.clean.lines:,} real lines: {report.false_masks} false masks; masked at all:")
    for (rule, line), count in Counter((mask.rule, mask.where) for mask in found.clean.found).items():
        print(f"  {line}: {rule}, {count} times")
    print(f"{found.harmless.lines:,} lines that only look as if: {len(found.harmless.found)} masks")
    for mask in found.harmless.found:
        print(f"  {mask.where}: {mask.rule} in {mask.line}")
    print(f"templates of the real lines: {report.templates.before} before, {report.templates.after} after")
    print(
        "lines a second of one core, by processor time: "
        + ", ".join(f"{n} {r:,}" for n, r in report.lines_per_s.items())
    )
    if "detect_secrets" not in report.lines_per_s:
        print("detect-secrets is not installed and was not run beside them")
    if found.leaks:
        _show_leaks(found.leaks)
    if report.detection:
        print(f"HDFS F1: {report.detection.f1_on:.4f} with redaction, {report.detection.f1_off:.4f} without; ", end="")
        print(f"{report.detection.changed} of {report.detection.lines:,} lines changed")


def _show_leaks(leaks: Leaks) -> None:
    print(
        f"\n{leaks.records:,} records through a broker and three workers, {leaks.secrets:,} different secrets searched"
    )
    print(f"  {leaks.anomalies:,} anomalies, {leaks.alerts:,} alerts, {leaks.rejected:,} rejected")
    for place, size in leaks.searched_bytes.items():
        print(f"  {size:>13,} bytes searched of {place}")
    print(f"  {leaks.found_in_raw:,} found in the raw topic, {len(leaks.leaked)} right of sanitize")
    for survivor in leaks.leaked[:20]:
        print(f"  {survivor.place}: {survivor.part}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="end with one JSON object instead of tables")
    parser.add_argument("--seed", type=int, default=0, help="of the secrets and of the harmless lines")
    parser.add_argument("--values", type=int, default=VALUES, help="secrets of each kind")
    parser.add_argument(
        "--without-leaks", action="store_true", help="leave out the run through Kafka, which takes minutes"
    )
    parser.add_argument("--detection", action="store_true", help="train on HDFS too, with redaction and without it")
    arguments = parser.parse_args()
    try:
        data = os.environ.get("DEEPSENTRY_DATA")
        if not data:
            message = "DEEPSENTRY_DATA names no folder; it must hold loghub_2k"
            raise DataError(message)
        report, found = run(
            Path(data),
            arguments.seed,
            arguments.values,
            leaks=not arguments.without_leaks,
            detection=arguments.detection,
        )
    except DeepSentryError as error:
        sys.exit(str(error))
    if arguments.json:
        for survivor in found.leaks.leaked if found.leaks else ():
            err.print(f"leaked into {survivor.place}: {survivor.part}", markup=False)
        print(wire.encode(report).decode())
    else:
        show(report, found)


if __name__ == "__main__":
    main()
