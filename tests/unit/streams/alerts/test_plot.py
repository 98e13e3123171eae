import struct
import subprocess
import sys

import pytest

from streams.alerts.plot import LIMIT, png
from tests.unit.streams.alerts.builders import alert, anomaly, hostile, line


def size(image: bytes) -> tuple[int, int]:
    assert image.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", image[16:24])
    return width, height


def test_a_plot_is_a_small_picture() -> None:
    image = png(anomaly())
    assert len(image) <= LIMIT
    assert size(image)[0] == 880


@pytest.mark.parametrize("text", ["$\\frac{1}$ costs $5", "日本語 🔥 \u202e", "x" * 10_000, ""])
def test_any_line_can_be_drawn(text: str) -> None:
    strange = anomaly(lines=tuple(line(text, number, deviates=number == 3) for number in range(20)))
    assert len(png(strange)) <= LIMIT


def test_a_hostile_anomaly_and_one_without_lines_can_be_drawn() -> None:
    assert len(png(hostile().alert.anomaly)) <= LIMIT
    assert len(png(anomaly(lines=()))) <= LIMIT


def test_a_picture_of_much_noise_is_made_smaller_until_it_fits() -> None:
    noise = "".join(chr(33 + (n * n * 31 + n * 17) % 93) for n in range(90))
    busy = alert("opened", anomaly(lines=tuple(line(noise[n:] + noise[:n], n) for n in range(20)))).alert.anomaly
    image = png(busy)
    assert len(image) <= LIMIT


def test_nobody_loads_the_drawing_library_who_does_not_draw() -> None:
    told = "import sys, streams.app, deepsentry.__main__; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", told], check=False).returncode == 0
