"""The page of a benchmark: one HTML file with its plots drawn as SVG, nothing loaded from elsewhere."""

import html
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from models.evaluation.figures import Judged, curve
from models.evaluation.suite import Outcome

_WIDTH: Final = 460
_HEIGHT: Final = 260
_EDGE: Final = 40
_COLOURS: Final = ("#0b5fa5", "#c4551b", "#2f7d32", "#7b3fa0", "#8a6d00", "#00838f", "#b0003a", "#555555", "#9e9d24")
_BINS: Final = 40
_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:.2rem .5rem;text-align:right}"
    "td:first-child,th:first-child{text-align:left}figure{display:inline-block;margin:1rem 1rem 0 0}"
)

Points = Sequence[tuple[float, float]]


def page(outcomes: Sequence[Outcome]) -> str:
    """Return the page of some sets."""
    body = "".join(_section(outcome) for outcome in outcomes)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>DeepSentry: evaluation</title>'
        f"<style>{_STYLE}</style><h1>Evaluation</h1>{body}</html>\n"
    )


def _section(outcome: Outcome) -> str:
    found = outcome.found
    parts = [f"<h2>{html.escape(str(found['set']))}</h2>", _protocol(found["protocol"]), _table(found["results"])]
    if outcome.judged:
        parts += [_curves(outcome.judged), _histogram(outcome.judged["deepsentry"])]
    if outcome.delays:
        parts.append(_delays(outcome.delays))
    return "".join(parts)


def _protocol(protocol: dict[str, Any]) -> str:
    rows = (
        f"<li>{html.escape(key.replace('_', ' '))}: {html.escape(str(value))}</li>" for key, value in protocol.items()
    )
    return f"<ul>{''.join(rows)}</ul>"


def _table(results: dict[str, dict[str, float]]) -> str:
    names = list(dict.fromkeys(name for row in results.values() for name in row))
    head = "".join(f"<th>{html.escape(name.replace('_', ' '))}</th>" for name in names)
    rows = "".join(
        f"<tr><td>{html.escape(detector)}</td>"
        + "".join(f"<td>{row[name]:.4g}</td>" if name in row else "<td></td>" for name in names)
        + "</tr>"
        for detector, row in results.items()
    )
    return f"<table><tr><th>detector</th>{head}</tr>{rows}</table>"


def _curves(judged: dict[str, Judged]) -> str:
    lines = []
    for number, (name, each) in enumerate(judged.items()):
        recall, precision = curve(each)
        points = [(float(r), float(p)) for r, p in zip(recall, precision, strict=True)]
        lines.append(_line(points, _COLOURS[number % len(_COLOURS)], name, number))
    return _figure("".join(lines), "Precision over recall, all thresholds (first seed)", ("0", "recall", "1"))


def _histogram(judged: Judged) -> str:
    """Draw scores on a log axis, normal and anomalous apart, with the threshold at 1."""
    logs = np.log10(np.clip(judged.score, 1e-2, 1e2))
    edges = np.linspace(-2, 2, _BINS + 1)
    bars = []
    for colour, which in ((_COLOURS[0], ~judged.anomalous), (_COLOURS[1], judged.anomalous)):
        count, _ = np.histogram(logs[which], edges, weights=judged.times[which])
        heights = np.log10(1 + count) / max(np.log10(1 + judged.times.sum()), 1e-9)
        bars += [_bar(i / _BINS, float(h), colour) for i, h in enumerate(heights)]
    threshold = _line([(0.5, 0.0), (0.5, 1.0)], "#222", "threshold", 0)
    caption = "Score in units of the threshold, sequences on a log scale; blue normal, orange anomalous (first seed)"
    return _figure("".join(bars) + threshold, caption, ("0.01", "1", "100"))


def _delays(delays: Sequence[int]) -> str:
    most = max(delays)
    count, _ = np.histogram(delays, np.linspace(0, most, _BINS + 1))
    bars = "".join(_bar(i / _BINS, float(n) / max(int(count.max()), 1), _COLOURS[0]) for i, n in enumerate(count))
    return _figure(
        bars, "Lines until the first alarm, of anomalous sequences that were found", ("0", "lines", str(most))
    )


def _figure(inside: str, caption: str, axis: tuple[str, str, str]) -> str:
    ticks = "".join(
        f'<text x="{_x(place):.0f}" y="{_HEIGHT - 12}" font-size="12" text-anchor="middle">{html.escape(text)}</text>'
        for place, text in zip((0.0, 0.5, 1.0), axis, strict=True)
    )
    frame = f'<path d="M{_x(0):.0f} {_y(1):.0f}V{_y(0):.0f}H{_x(1):.0f}" fill="none" stroke="#888"/>'
    drawing = f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" role="img">{frame}{inside}{ticks}</svg>'
    return f"<figure>{drawing}<figcaption>{html.escape(caption)}</figcaption></figure>"


def _line(points: Points, colour: str, name: str, row: int) -> str:
    path = "M" + "L".join(f"{_x(x):.1f} {_y(y):.1f}" for x, y in points)
    label = f'<text x="{_x(1) - 4:.0f}" y="{_y(0) - 8 - 13 * row}" font-size="11" text-anchor="end" fill="{colour}">'
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>{label}{html.escape(name)}</text>'


def _bar(left: float, height: float, colour: str) -> str:
    top = _y(height)
    return (
        f'<rect x="{_x(left):.1f}" y="{top:.1f}" width="{(_WIDTH - 2 * _EDGE) / _BINS:.1f}" '
        f'height="{_y(0) - top:.1f}" fill="{colour}" fill-opacity=".55"/>'
    )


def _x(share: float) -> float:
    return _EDGE + share * (_WIDTH - 2 * _EDGE)


def _y(share: float) -> float:
    return _HEIGHT - _EDGE - share * (_HEIGHT - 2 * _EDGE)
