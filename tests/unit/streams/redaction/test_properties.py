"""What holds for all text, secrets and noise in any mixture."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.redaction import Redactor
from streams.redaction.examples import expand
from streams.redaction.rulebook import shipped
from streams.redaction.rulefile import parse

EXAMPLES = [
    expand(written).text
    for item in shipped()
    for row in parse(item.name, item.read_text(encoding="utf-8")).file.rule
    for written in (*row.matches, *row.misses)
]
GLUE = [
    " ",
    "\n",
    "",
    ",",
    '"',
    "'",
    "\\",
    '\\"',
    "=",
    ":",
    "%40",
    "\\u0040",
    "\x00",
    "\x1b[31m",
    "\u200b",
    "é",
    "\uff14",
    "-",
    "\ud800",
]
noise = st.text(st.characters(), max_size=40) | st.text("ab0189@:/=.+-_<>\"'\\ \n", max_size=40)
pieces = st.lists(st.sampled_from(EXAMPLES) | st.sampled_from(GLUE) | noise, max_size=8)
texts = pieces.map("".join)
names = st.sampled_from(["", "password", "user.token", "note", "ssn", "\ud800", "Set-Cookie"])
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@unhurried
@given(st.lists(st.tuples(texts, names), max_size=4))
def test_both_engines_find_the_same(redactor: Redactor, portable: Redactor, fields: list[tuple[str, str]]) -> None:
    values, keys = [value for value, _ in fields], [key for _, key in fields]
    assert redactor.version == portable.version
    assert redactor.redact(values, keys) == portable.redact(values, keys)


@unhurried
@given(texts)
def test_what_comes_out_encodes_and_findings_lie_in_the_text(portable: Redactor, text: str) -> None:
    (result,) = portable.redact([text])
    result.text.encode()
    ends = [0, *(edge for finding in result.findings for edge in (finding.start, finding.end)), len(text)]
    assert ends == sorted(ends)


@unhurried
@given(texts)
def test_a_second_pass_finds_nothing(portable: Redactor, text: str) -> None:
    once = portable.redact([text])[0].text
    assert portable.redact([once])[0].findings == ()


@unhurried
@given(texts)
def test_a_token_is_the_only_growth(portable: Redactor, text: str) -> None:
    (result,) = portable.redact([text])
    masked = sum(finding.end - finding.start for finding in result.findings)
    assert len(result.text) <= len(text) - masked + len(result.findings) * 40


@unhurried
@given(st.lists(texts, max_size=5))
def test_a_text_is_judged_alone(portable: Redactor, lines: list[str]) -> None:
    assert portable.redact(lines) == [portable.redact([line])[0] for line in lines]


@unhurried
@given(st.recursive(st.none() | st.integers() | texts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner)))
def test_json_stays_json(portable: Redactor, value: object) -> None:
    text = json.dumps({"value": value})
    json.loads(portable.redact([text])[0].text)


@unhurried
@given(st.dictionaries(texts, texts, max_size=4))
def test_attributes_never_raise(portable: Redactor, fields: dict[str, str]) -> None:
    for key, value in portable.redact_fields(fields).fields.items():
        (key + value).encode()
