"""A site's own channel, as it is installed beside DeepSentry."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from deepsentry.errors import SettingsError
from deepsentry.targets import Plugin
from streams.alerting.receipts import HeldReceipts
from streams.alerts.notifiers.breaker import Breaker
from streams.alerts.notifiers.compose import build
from streams.alerts.notifiers.delivery import Surroundings
from tests.unit.streams.alerts.builders import START, alert

MODULE = """
class Pager:
    shows_context = True

    def __init__(self, name, target, surroundings):
        self.path, self.secret = target.options["path"], target.secret

    async def notify(self, notice):
        with open(self.path, "a", encoding="utf-8") as file:
            print(notice.key, self.secret.get_secret_value(), file=file)
        return "paged"
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "site_pager.py").write_text(MODULE)
    folder = tmp_path / "site_pager-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: site-pager\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("[deepsentry.notifiers]\npager = site_pager:Pager\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("site_pager", None)


def plugin(name: str, path: Path) -> Plugin:
    return Plugin.model_validate(
        {"kind": "plugin", "plugin": name, "options": {"path": str(path / "paged")}, "secret": "s3cret"}
    )


def built(target: Plugin) -> Breaker:
    surroundings = Surroundings(lambda: START)
    return build({"mine": target}, Console(), surroundings, HeldReceipts(), time.monotonic)["mine"]


async def test_a_plug_in_is_told_with_its_options_and_its_secret(installed: Path) -> None:
    notifier = built(plugin("pager", installed))
    assert await notifier.notify(alert()) == "paged"
    assert notifier.shows_context
    assert (installed / "paged").read_text() == f"{alert().key} s3cret\n"


def test_one_that_is_not_installed_is_an_error_that_names_the_setting(installed: Path) -> None:
    with pytest.raises(SettingsError, match=r"^alerts\.targets\.mine\.plugin: nothing installed has"):
        built(plugin("other", installed))
