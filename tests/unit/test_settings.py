from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepsentry.errors import SettingsError
from deepsentry.settings import effective, known_keys, load

SECRET = "hunter2-and-sixteen-more"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No deepsentry.toml of anybody is in the way."""
    monkeypatch.chdir(tmp_path)


def toml(folder: Path, text: str) -> Path:
    path = folder / "deepsentry.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_environment_goes_over_the_file_and_the_file_over_defaults(tmp_path: Path) -> None:
    path = toml(tmp_path, "[kafka]\nbootstrap = 'file:1'\npartitions = 7\n")
    settings, origins = load({"DEEPSENTRY_KAFKA__BOOTSTRAP": "env:1"})
    assert (settings.kafka.bootstrap, settings.kafka.partitions, settings.kafka.replication) == ("env:1", 7, 1)
    assert origins == {"kafka.bootstrap": "DEEPSENTRY_KAFKA__BOOTSTRAP", "kafka.partitions": path.name}


def test_the_file_may_stand_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    path = toml(tmp_path / "other", "[models]\nbudget = 3\n")
    settings, _ = load({"DEEPSENTRY_CONFIG": str(path)})
    assert settings.models.budget == 3


def test_a_file_that_was_named_must_exist() -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.toml: no such file"):
        load({"DEEPSENTRY_CONFIG": "nowhere.toml"})


@pytest.mark.parametrize(
    ("variable", "nearest"),
    [
        ("DEEPSENTRY_KAFKA__BOOTSTAP", "kafka.bootstrap"),
        ("DEEPSENTRY_KAFAK__BOOTSTRAP", "kafka.bootstrap"),
        ("DEEPSENTRY_REDACTION__SITEKEY", "redaction.site_key"),
        ("DEEPSENTRY_ALERTS__TARGETS__MINE__ADRESS", "alerts.targets"),
    ],
)
def test_an_unknown_key_is_an_error_that_names_the_nearest_known_one(variable: str, nearest: str) -> None:
    with pytest.raises(SettingsError, match=rf"^{variable}: unknown setting .* '{nearest}"):
        load({variable: "x"})


def test_an_unknown_key_of_the_file_is_named_with_the_file(tmp_path: Path) -> None:
    toml(tmp_path, "[sequences]\nidel = 3\n")
    with pytest.raises(SettingsError, match=r"^deepsentry\.toml: unknown setting 'sequences\.idel'.*'sequences\.idle'"):
        load({})


def test_a_value_out_of_range_names_its_key_and_not_the_value() -> None:
    with pytest.raises(SettingsError, match=r"^DEEPSENTRY_KAFKA__PARTITIONS: kafka\.partitions: .*integer") as raised:
        load({"DEEPSENTRY_KAFKA__PARTITIONS": SECRET})
    assert SECRET not in str(raised.value)


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    toml(tmp_path, "[kafka\n")
    with pytest.raises(SettingsError, match=r"^deepsentry\.toml: "):
        load({})


def test_a_value_where_a_table_is_due_is_an_error() -> None:
    with pytest.raises(SettingsError, match="kafka"):
        load({"DEEPSENTRY_KAFKA": "x", "DEEPSENTRY_KAFKA__BOOTSTRAP": "y"})


def test_a_secret_is_read_from_a_file_without_its_last_newline(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(SECRET + "\n", encoding="utf-8")
    settings, origins = load({"DEEPSENTRY_REDACTION__SITE_KEY_FILE": str(tmp_path / "key")})
    assert settings.redaction.site_key.get_secret_value() == SECRET
    assert origins == {"redaction.site_key": "DEEPSENTRY_REDACTION__SITE_KEY_FILE"}


def test_a_secret_file_that_is_missing_is_named_by_its_variable() -> None:
    with pytest.raises(SettingsError, match=r"^DEEPSENTRY_REDACTION__SITE_KEY_FILE: cannot read nowhere"):
        load({"DEEPSENTRY_REDACTION__SITE_KEY_FILE": "nowhere"})


def test_a_setting_that_is_a_path_is_not_read_as_a_secret(tmp_path: Path) -> None:
    settings, _ = load({"DEEPSENTRY_REDACTION__RULES_FILE": str(tmp_path / "rules.toml")})
    assert settings.redaction.rules_file == tmp_path / "rules.toml"


def test_a_table_may_come_as_json() -> None:
    settings, _ = load({"DEEPSENTRY_INGEST__FORMATS": '{"deepsentry.logs.raw.v1":"gelf"}'})
    assert settings.ingest.formats == {"deepsentry.logs.raw.v1": "gelf"}


def test_json_that_is_none_names_the_variable_and_not_the_value() -> None:
    with pytest.raises(SettingsError, match=r"^DEEPSENTRY_INGEST__FORMATS: not JSON") as raised:
        load({"DEEPSENTRY_INGEST__FORMATS": "{" + SECRET})
    assert SECRET not in str(raised.value)


def test_what_is_shown_masks_every_secret() -> None:
    settings, _ = load(
        {
            "DEEPSENTRY_KAFKA__SASL_PASSWORD": SECRET,
            "DEEPSENTRY_REDACTION__SITE_KEY": SECRET,
            "DEEPSENTRY_ALERTS__TARGETS__MINE__KIND": "webhook",
            "DEEPSENTRY_ALERTS__TARGETS__MINE__URL": f"https://example.com/{SECRET}",
            "DEEPSENTRY_ALERTS__TARGETS__MINE__SECRET": SECRET,
        }
    )
    shown = effective(settings)
    assert SECRET not in str(shown)
    assert SECRET not in repr(settings)
    assert [key for key, value in shown.items() if value == "********"] == [
        "kafka.sasl_password",
        "redaction.site_key",
        "alerts.targets.mine.url",
        "alerts.targets.mine.secret",
        "mongo.url",
        "redis.url",
    ]


def test_settings_cannot_be_changed_after_they_were_loaded() -> None:
    settings, _ = load({})
    with pytest.raises(ValueError, match="frozen"):
        settings.kafka.partitions = 3  # type: ignore[misc]


def test_every_default_is_shown_under_a_key_that_can_be_set() -> None:
    settings, _ = load({})
    tables = {"ingest.formats", "alerts.routes", "alerts.runbooks", "alerts.silences", "alerts.targets"}
    assert {key for key in effective(settings) if key not in known_keys()} <= tables


@given(st.dictionaries(st.text(st.characters(codec="ascii"), max_size=20), st.text(max_size=20), max_size=3))
def test_any_environment_gives_settings_or_a_settings_error(environ: dict[str, str]) -> None:
    try:
        settings, _ = load({f"DEEPSENTRY_{name.upper()}": value for name, value in environ.items()})
    except SettingsError:
        return
    assert effective(settings)["kafka.bootstrap"]


@pytest.mark.parametrize("name", ["secret", "token", "password", "routing_key", "webhook"])
def test_a_secret_of_a_target_is_refused_in_the_file_with_the_variable_to_set(tmp_path: Path, name: str) -> None:
    toml(tmp_path, f"[alerts.targets.oncall]\nkind = 'slack'\n{name} = '{SECRET}'\n")
    with pytest.raises(SettingsError, match=rf"set DEEPSENTRY_ALERTS__TARGETS__ONCALL__{name.upper()}_FILE") as raised:
        load({})
    assert SECRET not in str(raised.value)


def test_the_key_of_links_is_refused_in_the_file_with_the_variable_to_set(tmp_path: Path) -> None:
    toml(tmp_path, f"[alerts.links]\nurl = 'https://deepsentry.example.com'\nkey = '{SECRET}'\n")
    with pytest.raises(SettingsError, match="set DEEPSENTRY_ALERTS__LINKS__KEY_FILE") as raised:
        load({})
    assert SECRET not in str(raised.value)


def test_a_target_without_a_kind_is_told_which_there_are(tmp_path: Path) -> None:
    toml(tmp_path, "[alerts.targets.oncall]\ntimeout = 3\n")
    with pytest.raises(SettingsError, match=r"^deepsentry\.toml: alerts\.targets\.oncall\.kind: .*webhook, slack, "):
        load({})


def test_a_setting_of_another_kind_of_target_is_unknown(tmp_path: Path) -> None:
    toml(tmp_path, "[alerts.targets.oncall]\nkind = 'pagerduty'\nchannel = 'ops'\n")
    with pytest.raises(SettingsError, match=r"^deepsentry\.toml: unknown setting 'alerts\.targets\.oncall\.channel'"):
        load({})


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("recipients = []", "recipients"),
        ('recipients = ["a@example.org\\nBcc: b@example.org"]', r"recipients\.0"),
        ('sender = "nobody"', "sender"),
        ("port = 70000", "port"),
    ],
)
def test_a_target_that_cannot_be_is_named_by_its_key(tmp_path: Path, line: str, key: str) -> None:
    fields = {"host": 'host = "h"', "sender": 'sender = "s@e.org"', "recipients": 'recipients = ["r@e.org"]'}
    fields[line.partition(" ")[0]] = line
    toml(tmp_path, "\n".join(["[alerts.targets.desk]", 'kind = "email"', *fields.values()]))
    with pytest.raises(SettingsError, match=rf"^deepsentry\.toml: alerts\.targets\.desk\.{key}: "):
        load({})


def test_routes_come_from_the_file_in_its_words(tmp_path: Path) -> None:
    toml(tmp_path, "[[alerts.routes]]\nmatch = 'service=shop'\ntargets = ['oncall']\ncontinue = true\n")
    settings, _ = load({})
    [route] = settings.alerts.routes
    assert (route.match, route.targets, route.go_on) == (("service=shop",), ("oncall",), True)


def test_a_route_that_cannot_be_is_named_with_its_number(tmp_path: Path) -> None:
    toml(tmp_path, "[[alerts.routes]]\nmatch = 'service=shop'\n")
    with pytest.raises(SettingsError, match=r"^deepsentry\.toml: alerts\.routes\.0\.targets: "):
        load({})
