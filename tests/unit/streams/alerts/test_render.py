import io
import unicodedata
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from deepsentry.events import Explanation, ViewScore
from streams.alerts import render
from streams.alerts.notice import Notice, Occasion
from tests.unit.streams.alerts.builders import alert, anomaly, hostile

GOLDEN = Path(__file__).parent / "golden"


def printed(renderable: RenderableType, *, colour: bool = False) -> str:
    file = io.StringIO()
    console = Console(
        file=file,
        width=100,
        color_system="truecolor" if colour else None,
        force_terminal=colour,
        legacy_windows=False,
    )
    console.print(renderable)
    return "".join(text.rstrip() + "\n" for text in file.getvalue().splitlines())


def step_missing() -> Notice:
    explanation = Explanation("it ended before 'order shipped'", (ViewScore("sequence", 2.0),), deviation=None)
    return alert("opened", anomaly(explanation=explanation, lines=()))


RENDERED = {
    "opened": alert("opened", *(anomaly(f"a{n}", host=f"web-{n}") for n in range(1, 8))),
    "resolved": alert("resolved"),
    "missing": step_missing(),
    "hostile": hostile(),
}


@pytest.mark.parametrize("name", RENDERED)
def test_an_alert_looks_as_reviewed(name: str) -> None:
    assert printed(render.alert(RENDERED[name])) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def test_an_anomaly_by_itself_looks_as_reviewed() -> None:
    assert printed(render.anomaly(anomaly())) == (GOLDEN / "anomaly.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("occasion", ["opened", "resolved"])
def test_hostile_text_sends_no_control_to_the_terminal(occasion: Occasion) -> None:
    told = Notice(hostile().alert, occasion)
    assert "\x1b" not in printed(render.alert(told))
    assert {unicodedata.category(character) for character in printed(render.alert(told))} & {"Cc", "Cf", "Cs"} == {"Cc"}
    coloured = printed(render.alert(told), colour=True)
    assert "\x1b]0" not in coloured
    assert "\x1b[2J" not in coloured


def test_a_forged_line_stays_in_its_place() -> None:
    assert not any(
        text.lstrip("│ ").startswith("ERROR forged") for text in printed(render.alert(hostile())).splitlines()
    )
