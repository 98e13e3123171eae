"""What the commands about federations print, and what they refuse, without a server."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from aggregator import kit
from aggregator.home import Enrolled, Home
from deepsentry import wire
from deepsentry.__main__ import FEDERATED, app
from deepsentry.commands import aggregator, federation, site
from deepsentry.errors import DeepSentryError

runner = CliRunner()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.chdir(tmp_path)
    home = Home(tmp_path / ".deepsentry" / "federation")
    home.root.mkdir(parents=True)
    home.make()
    return home


def said(*words: str) -> str:
    done = runner.invoke(federation.federation, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_groups_that_are_loaded_late_are_the_real_ones() -> None:
    assert {group.name for group in app.registered_groups} >= set(FEDERATED)
    for module, name in (
        (aggregator.aggregator, "aggregator"),
        (federation.federation, "federation"),
        (site.site, "site"),
    ):
        assert module.info.help == FEDERATED[name]


def test_a_job_is_queued_and_listed(home: Home) -> None:
    asked = wire.from_json(said("start", "--rounds", "3", "--set", "quorum=4", "--json"))
    assert isinstance(asked, dict)
    [job] = home.queued()
    assert job.id == asked["job"]
    assert (job.kind, job.parameters["rounds"], job.parameters["quorum"]) == ("federate", 3, "4")
    assert job.id in said("jobs", "--json")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("start", "--set", "quorum"), "write name=value"),
        (("start", "--set", "rounds_=2"), "is no parameter of a federation"),
        (("start", "--strategy", "sum"), "Invalid enum value"),
        (("start", "--every", "weekly"), "write 30m, 12h or 7d"),
        (("stop", "nothing"), "there is no job nothing"),
        (("watch", "nothing"), "there is no job 'nothing'"),
        (("enrol", "missing.json"), "is no card of a site"),
        (("revoke", "rome"), "'rome' is not enrolled"),
    ],
)
def test_what_cannot_be_is_refused_with_the_remedy(home: Home, words: tuple[str, ...], reason: str) -> None:
    with pytest.raises(DeepSentryError) as error:
        runner.invoke(federation.federation, list(words), catch_exceptions=False)
    assert reason in str(error.value)
    assert home.queued() == []


def test_sites_are_listed_while_the_superlink_is_away(home: Home) -> None:
    home.enrol("rome", Enrolled(7, "", "", "2026-01-01T00:00:00+00:00"))
    [row] = wire.from_json(said("sites", "--json"))  # type: ignore[misc]
    assert (row["site"], row["status"]) == ("rome", "unknown")


def test_a_kit_goes_to_a_site_which_makes_its_keys(home: Home, tmp_path: Path) -> None:
    said("kit", "rome")
    done = runner.invoke(
        site.site, ["init", str(home.kits / "rome"), "--home", str(tmp_path / "s")], catch_exceptions=False
    )
    assert done.exit_code == 0
    assert kit.read_card(tmp_path / "s" / "rome.card.json").name == "rome"


def test_a_site_that_does_not_know_what_to_learn_from_does_not_serve(home: Home, tmp_path: Path) -> None:
    said("kit", "rome")
    folder = tmp_path / "s"
    kit.init_site(home.kits / "rome", folder)
    (folder / kit.SITE).write_text('name = "rome"\naggregator = "127.0.0.1:9443"\n')
    with pytest.raises(DeepSentryError, match="name what to learn from"):
        runner.invoke(site.site, ["serve", "--home", str(folder)], catch_exceptions=False)
