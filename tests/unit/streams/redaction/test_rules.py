"""The table of rules: what it covers, and how a mistake in one is named."""

from pathlib import Path

import pytest

from deepsentry.errors import RuleError, SettingsError
from deepsentry.sections import Redaction
from streams.redaction import Redactor, create_redactor
from streams.redaction.examples import expand
from streams.redaction.rulebook import load, shipped
from streams.redaction.rulefile import RuleRow, parse

KEY = b"a key of this test run only"
SHIPPED = {item.name: parse(item.name, item.read_text(encoding="utf-8")) for item in shipped()}
ROWS = [row for source in SHIPPED.values() for row in source.file.rule if row.group != "network"]
OWN = """
[[rule]]
id = "badge"
kind = "badge"
keywords = ["badge"]
pattern = 'badge ([0-9]{4})\\b'
matches = ["badge «1234»"]
"""


def test_vendor_keys_are_at_least_as_many_kinds_as_the_best_public_list() -> None:
    assert len(SHIPPED["vendors.toml"].file.rule) >= 222


def test_every_id_is_used_once() -> None:
    ids = [row.id for source in SHIPPED.values() for row in (*source.file.rule, *source.file.field)]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("row", ROWS, ids=[row.id for row in ROWS])
def test_no_example_of_a_rule_survives_the_whole_table(redactor: Redactor, row: RuleRow) -> None:
    for written in row.matches:
        text, masked = expand(written)
        (result,) = redactor.redact([text])
        assert result.findings
        if masked:
            assert masked not in result.text


def test_network_addresses_are_masked_on_request_only(portable: Redactor) -> None:
    text = "10.0.0.1 2001:db8::1 00:1B:44:11:3A:B7 db.example.com"
    network = create_redactor(Redaction(mask_ip=True, engine="portable"), KEY)
    kinds = [finding.kind for finding in network.redact([text])[0].findings]
    assert kinds == ["ip", "ip", "mac", "host"]
    assert portable.redact([text])[0].findings == ()


def _own(tmp_path: Path, text: str) -> Redactor:
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    return create_redactor(Redaction(rules_file=path, engine="portable"), KEY)


def test_an_operators_file_adds_a_rule(tmp_path: Path, portable: Redactor) -> None:
    own = _own(tmp_path, OWN)
    assert own.redact(["badge 1234"])[0].findings[0].rule == "badge"
    assert own.version != portable.version


def test_an_operators_file_replaces_a_rule_by_its_id(tmp_path: Path) -> None:
    own = _own(tmp_path, OWN.replace('"badge"\nkind', '"email"\nkind'))
    assert own.redact(["bob@example.com"])[0].findings == ()


def test_an_operators_file_disables_a_rule(tmp_path: Path) -> None:
    assert _own(tmp_path, 'disable = ["email"]').redact(["bob@example.com"])[0].findings == ()


def test_what_is_allowed_is_never_masked(tmp_path: Path) -> None:
    own = _own(tmp_path, "[allow]\nvalues = ['bob@example.com']\npatterns = ['.*@example\\.org']")
    texts = ["bob@example.com", "eve@example.org", "eve@example.com"]
    assert [len(result.findings) for result in own.redact(texts)] == [0, 0, 1]


def test_the_mask_may_be_the_operators_own(tmp_path: Path) -> None:
    own = _own(tmp_path, 'mask = "[{kind}]"')
    once = own.redact(["to bob@example.com"])[0].text
    assert once == "to [email]"
    assert own.redact([once])[0].text == once


@pytest.mark.parametrize(
    ("broken", "line", "word"),
    [
        (OWN.replace("[0-9]{4}", "[0-9"), 6, "RE2"),
        (OWN.replace("[0-9]{4}", "(?=x)"), 6, "RE2"),
        (OWN.replace("badge ([0-9]{4})\\b", "[0-9]*"), 6, "empty"),
        (OWN.replace("badge «1234»", "badge «12345»"), 7, "example 1"),
        (OWN.replace("badge «1234»", "{hax:4}"), 7, "hax"),
        (OWN.replace('keywords = ["badge"]', 'keywords = ["bádge"]'), 5, "ASCII"),
        (OWN.replace('keywords = ["badge"]', ""), 3, "neither"),
        (OWN.replace('keywords = ["badge"]', "gate = 'badge\\s'"), 5, "within a line"),
        (OWN + 'misses = ["badge 4321"]\n', 8, "near miss 1"),
        (OWN + 'check = ["luhm"]\n', 8, "luhm"),
        (OWN + "entropie = 3\n", 8, "entropie"),
        (OWN + "entropy = 'high'\n", 8, "entropy"),
        (OWN.replace("badge (", "(?&badge)("), 6, "fragment"),
        (OWN.replace('kind = "badge"', 'kind = "Badge!"'), 4, "kind"),
        ("mask = 3", 1, "mask"),
        ("disable = ['nothing']", 1, "nothing"),
        ("[allow]\npatterns = ['(']", 2, "RE2"),
        ("not toml", 1, ""),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, broken: str, line: int, word: str) -> None:
    with pytest.raises(RuleError) as caught:
        _own(tmp_path, broken)
    assert f"line {line}" in str(caught.value)
    assert word in str(caught.value)


def test_an_error_quotes_no_example(tmp_path: Path) -> None:
    with pytest.raises(RuleError) as caught:
        _own(tmp_path, OWN.replace("badge «1234»", "badge of a secret kind"))
    assert "secret kind" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="rules_file: cannot read"):
        create_redactor(Redaction(rules_file=tmp_path / "none.toml"), KEY)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(SettingsError, match="site_key"):
        create_redactor(Redaction(), b"short")


def test_the_version_is_that_of_the_rules() -> None:
    assert load(None).version == load(None).version
    assert load(None).version != load(None, without=("network",)).version
