"""Why a text is masked as it is: which rule, where it is written, what made it take or refuse. Quotes no secret."""

from collections.abc import Iterator
from typing import NamedTuple

from streams.redaction.findings import Redactor
from streams.redaction.rule import Rule
from streams.redaction.rulebook import RuleBook, Written
from streams.redaction.shadow import shadow


class Reason(NamedTuple):
    """A span of a text, by offsets from 0, the rule that concerns it, and why in words."""

    start: int
    end: int
    rule: str
    kind: str
    written: str
    """File and line of the rule."""
    why: str


class Explanation(NamedTuple):
    """A text as it would leave, what is masked in it, and what rules saw and did not take."""

    text: str
    masked: tuple[Reason, ...]
    refused: tuple[Reason, ...]


def explain(book: RuleBook, redactor: Redactor, text: str, name: str = "") -> Explanation:
    """Explain what `redactor`, made of `book`, does to a text, or to the value of the attribute `name`."""
    (result,) = redactor.redact([text], [name])
    rules = {rule.id: (rule, written) for rule, written in zip(book.rules, book.written, strict=True)}
    data = shadow(f"{name}={text}" if name else text)
    shift = len(name) + 1 if name else 0
    masked = []
    for finding in result.findings:
        where, why = "", f"the name of the attribute is one of {finding.rule}"
        if finding.rule in rules:
            rule, written = rules[finding.rule]
            where, why = written.where, _why(rule, written, data, finding.start + shift, finding.end + shift)
        masked.append(Reason(finding.start, finding.end, finding.rule, finding.kind, where, why))
    taken = [(finding.start, finding.end) for finding in result.findings]
    refused = [
        reason
        for rule, written in rules.values()
        for reason in _refused(rule, written, data, shift)
        if not any(start < reason.end and reason.start < end for start, end in taken)
    ]
    return Explanation(result.text, tuple(masked), tuple(refused))


def _why(rule: Rule, written: Written, data: bytes, start: int, end: int) -> str:
    said = [_seen(rule, data)]
    if not any(start < hit.end and hit.start < end for hit in rule.hits(data)):
        said.append("found after decoding, so the whole run is masked")
    if guards := _guards(written):
        said.append(f"passes {guards}")
    return "; ".join(said)


def _seen(rule: Rule, data: bytes) -> str:
    lowered = data.lower()
    words = [keyword.decode() for keyword in rule.keywords if keyword in lowered]
    return f"beside {words[0]!r}" if words else "by its shape"


def _guards(written: Written) -> str:
    row = written.row
    floor = (f"entropy {row.entropy:g}",) if row.entropy else ()
    return ", ".join((*floor, *row.check))


def _refused(rule: Rule, written: Written, data: bytes, shift: int) -> Iterator[Reason]:
    if not rule.applies(data, data.lower()):
        return
    for hit in rule.refused(data):
        if hit.start >= shift:
            why = (
                f"its pattern matches; refused by one of: {_guards(written) or 'none'}, a stop value, a word before it"
            )
            yield Reason(hit.start - shift, hit.end - shift, rule.id, rule.kind, written.where, why)
