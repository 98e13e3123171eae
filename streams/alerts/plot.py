"""The scores of an anomaly and its sequence as a picture, for channels that show one."""

import io
from typing import Any, Final

from deepsentry.events import Anomaly
from streams.alerts import wording
from streams.alerts.visible import visible

LIMIT: Final = 120_000
"""Bytes of a picture."""
STEPS: Final = ((110, 90), (80, 60), (60, 40), (60, 15))
"""Dots per inch and characters of a line, tried until it fits."""
LONGEST: Final = 6.0
"""Units of the threshold at which a bar ends; its number says more."""
STRANGE: Final = "#b00020"
USUAL: Final = "#5b6b7a"


def png(strange: Anomaly) -> bytes:
    """Return a PNG of at most LIMIT bytes. Slow (a quarter of a second): call it in a thread."""
    # imported here: workers that tell nobody by picture do not load it
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    for dpi, characters in STEPS:
        rows = len(strange.lines)
        figure = Figure(figsize=(8, 1.6 + 0.22 * rows), dpi=dpi, layout="constrained")
        FigureCanvasAgg(figure)
        ratios = [1.2, 0.22 * rows + 0.01]
        above, below = figure.subplots(2, 1, gridspec_kw={"height_ratios": ratios})
        _bars(above, strange)
        _sequence(below, strange, characters)
        file = io.BytesIO()
        figure.savefig(file, format="png", metadata={"Software": "DeepSentry"})
        image = file.getvalue()
        if len(image) <= LIMIT:
            break
    return image


def _bars(axes: Any, strange: Anomaly) -> None:
    views = strange.explanation.views[::-1]
    shown = [min(max(view.score, 0.0), LONGEST) for view in views]
    axes.barh(
        [view.view for view in views], shown, color=[STRANGE if view.score > 1 else USUAL for view in views], height=0.6
    )
    for row, (view, width) in enumerate(zip(views, shown, strict=True)):
        axes.text(width + 0.05, row, f"{view.score:.2f}", va="center", fontsize=8, parse_math=False)
    axes.axvline(1.0, color="black", linestyle="--", linewidth=1)
    axes.set_xlim(0, LONGEST + 0.6)
    axes.set_xlabel("score in units of the threshold", fontsize=8)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _sequence(axes: Any, strange: Anomaly, characters: int) -> None:
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(max(len(strange.lines), 1) - 0.5, -0.5)
    drawable = _drawable()
    for row, line in enumerate(strange.lines):
        colour = STRANGE if line.deviates else USUAL
        axes.plot([0.01], [row], marker="o" if line.deviates else ".", color=colour)
        message = visible(line.message, characters)
        text = "".join(character if ord(character) in drawable else "?" for character in message)
        axes.text(
            0.03,
            row,
            f"{wording.clock(line.timestamp)}  {text}",
            color=colour,
            fontsize=7,
            family="DejaVu Sans Mono",
            va="center",
            clip_on=True,
            parse_math=False,
        )


def _drawable() -> frozenset[int]:
    """Return the characters that the font has; for others matplotlib warns and draws boxes."""
    from matplotlib import font_manager  # noqa: PLC0415

    font = font_manager.get_font(font_manager.findfont("DejaVu Sans Mono"))
    return frozenset(font.get_charmap())
