"""A report for people."""

from typing import Any

from deepsentry.bench.report import Report
from deepsentry.commands.output import out, table


def show(found: Report) -> None:
    """Print the figures on stdout."""
    out.print(f"{found.lines:,} lines: {found.source}; DeepSentry {found.version}, {found.machine.processor}")
    if rows := _costs(found):
        table(rows, "processor time, user and system")
    if rows := _waits(found):
        table(rows, "publish to anomaly, milliseconds")
    if found.bytes_per_line:
        size = found.bytes_per_line
        out.print(
            f"bytes a line: {size.raw_sent} sent, {size.raw_stored} read as stored (lz4), {size.clean_stored} written"
        )
    if found.memory_mib:
        out.print(f"memory: {found.memory_mib} MiB resident in both workers; {found.anomalies:,} anomalies explained")
    if soak := found.soak:
        out.print(
            f"soak: {soak.sources:,} sources, {soak.lines:,} lines in {soak.minutes} min: {soak.all_sources_mib} MiB "
            f"when all had come, {soak.peak_mib} at most, {soak.slope_mib_per_million:+} MiB per million lines since; "
            f"{soak.extrapolated_20m_mib} MiB extrapolated to 20 M lines; "
            f"{soak.bytes_per_open_sequence:.0f} bytes an open sequence"
        )
    out.print(f"the machine may be shared (load {found.machine.load}): believe processor time, not pace", style="dim")


def _costs(found: Report) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    samples = {"bare copy loop": found.copy, "stock Faust, copying": found.stock_faust, "naive loop": found.naive}
    for name, cost in samples.items():
        if cost:
            ratio = round(found.copy.cpu_us_per_line / cost.cpu_us_per_line, 3) if found.copy else ""
            rows.append(_row(name, cost.cpu_us_per_line, cost.lines_per_s, ratio, cost.memory_mib))
    both = {f"{name}, both at work": step for name, step in found.together.items()}
    steps = {"sanitize": found.sanitize, "score": found.score, **both, "sanitize + score": found.pipeline}
    rows += [
        _row(name, step.cpu_us_per_line, step.lines_per_s, step.ratio_to_copy, step.memory_mib)
        for name, step in steps.items()
        if step
    ]
    if found.pipeline and found.pipeline.speedup_over_naive:
        out.print(f"sanitize + score: {found.pipeline.speedup_over_naive:,.0f} times the naive loop")
    return rows


def _row(name: str, us: float, pace: float, ratio: object, memory: float) -> dict[str, Any]:
    return {"step": name, "us a line": us, "lines/s of a core": f"{pace:,.0f}", "of copy": ratio, "MiB": memory}


def _waits(found: Report) -> list[dict[str, object]]:
    named = {f"{rate} lines/s": one for rate, one in found.latency.items()}
    named |= {f"{rate} lines/s, one partition": one for rate, one in found.latency_one_partition.items()}
    return [
        {
            "rate": name,
            "p50": one.p50_ms,
            "p99": one.p99_ms,
            "max": one.max_ms,
            **{f"{hop} p99": part.p99_ms for hop, part in one.hops.items()},
            "missing": f"{one.missing} of {one.planted}",
        }
        for name, one in named.items()
    ]
