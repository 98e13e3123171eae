"""How a site joins: kit, keys, card; and the files that it owns."""

import stat
from pathlib import Path

import pytest

from aggregator import authority, kit, serving
from aggregator.home import Home
from aggregator.policy import Policy, read_policy
from deepsentry.errors import FederationError, SettingsError
from deepsentry.sections import Federation


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return serving.prepare(Federation(home=tmp_path / "aggregator", names="hub.example, 10.1.2.3"))


def test_a_kit_holds_nothing_secret_and_the_keys_are_made_at_the_site(home: Home, tmp_path: Path) -> None:
    folder = kit.make_kit(home, "berlin", "hub.example:9443", "f" * 64)
    assert {path.name for path in folder.iterdir()} == {"ca.crt", "site.toml", "policy.toml"}
    assert all(b"PRIVATE" not in path.read_bytes() for path in folder.iterdir())
    site = tmp_path / "site"
    card = kit.read_card(kit.init_site(folder, site))
    assert card.name == "berlin"
    authority.public_key(card.node_key)
    for name in (kit.NODE_KEY, kit.SIGNING_KEY):
        assert stat.S_IMODE((site / name).stat().st_mode) == 0o600
        assert b"PRIVATE KEY" in (site / name).read_bytes()
    assert b"PRIVATE" not in (site / "berlin.card.json").read_bytes()
    assert read_policy(site / kit.POLICY).bundles == ("f" * 64,)
    assert kit.read_site(site / kit.SITE).aggregator == "hub.example:9443"


def test_a_site_keeps_its_keys(home: Home, tmp_path: Path) -> None:
    folder = kit.make_kit(home, "berlin", "hub.example:9443", "f" * 64)
    kit.init_site(folder, tmp_path / "site")
    with pytest.raises(FederationError, match="has keys already"):
        kit.init_site(folder, tmp_path / "site")


@pytest.mark.parametrize("name", ["", "Berlin", "a/b", "..", "x" * 64, "ber lin"])
def test_a_name_that_is_none_gets_no_kit(home: Home, name: str) -> None:
    with pytest.raises(FederationError, match="is no name of a site"):
        kit.make_kit(home, name, "hub.example:9443", "")


def test_the_authority_lasts_and_the_certificate_follows_the_names(home: Home) -> None:
    before = {name: (home.keys / name).read_bytes() for name in (authority.CA_CERT, authority.CERT)}
    authority.ensure(home.keys, ["hub.example", "10.1.2.3", "127.0.0.1", "localhost"])
    assert (home.keys / authority.CERT).read_bytes() == before[authority.CERT]
    authority.ensure(home.keys, ["other.example"])
    assert (home.keys / authority.CERT).read_bytes() != before[authority.CERT]
    assert (home.keys / authority.CA_CERT).read_bytes() == before[authority.CA_CERT]


def test_secrets_of_the_aggregator_are_its_owners_alone(home: Home) -> None:
    assert stat.S_IMODE(home.keys.stat().st_mode) == 0o700
    for name in (serving.TOKEN, serving.EXECUTOR, authority.CA_KEY, authority.KEY):
        assert stat.S_IMODE((home.keys / name).stat().st_mode) == 0o600


def test_a_short_token_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="it needs at least 32"):
        serving.prepare(Federation(home=tmp_path, token="short"))  # type: ignore[arg-type]


@pytest.mark.parametrize("data", [b"", b"{}", b'{"name": "x", "node_key": 1}', b"\xff" * 99, b"[" * 2000])
def test_a_card_that_is_none_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "card").write_bytes(data)
    with pytest.raises(FederationError, match="is no card of a site"):
        kit.read_card(tmp_path / "card")


def test_a_key_of_another_kind_is_refused() -> None:
    with pytest.raises(FederationError, match="not one on an elliptic curve"):
        authority.public_key("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqP5G6m1dXW7r5J2w0Vh3n5q1T7C4x9y3yQK1B0pE2l")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("least_sites = 1", "least_sites: Input should be greater than or equal to 2"),
        ("epsilon = 0", "epsilon: Input should be greater than 0"),
        ('report = ["password"]', "'password' is no number that can be told"),
        ("most_stepz = 5", "most_stepz: Extra inputs are not permitted"),
        ("apps = [", "policy.toml"),
    ],
)
def test_a_policy_that_cannot_be_is_named_by_its_field(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "policy.toml").write_text(text)
    with pytest.raises(SettingsError, match=r"policy\.toml") as error:
        read_policy(tmp_path / "policy.toml")
    assert said in str(error.value)


def test_an_empty_policy_is_the_careful_default(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text("")
    assert read_policy(tmp_path / "policy.toml") == Policy()
