"""Commands about redaction: test, explain."""

import secrets
import sys
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
import typer

from deepsentry import settings
from deepsentry.commands.output import Json, err, out, print_json
from deepsentry.sections import Redaction
from streams.redaction import Redacted, Redactor, create_redactor, rulebook, scanners
from streams.redaction.examples import Example, expand
from streams.redaction.explaining import Explanation, Reason, explain
from streams.redaction.rulebook import RuleBook

redaction = typer.Typer(no_args_is_help=True, help="Test the rules that mask secrets, and ask why they do.")

Engine = Literal["hyperscan", "portable"]


class Tested(msgspec.Struct, frozen=True):
    """How much was tried, and what failed, each with file and line."""

    rules: int
    examples: int
    engines: tuple[Engine, ...]
    failures: tuple[str, ...]


@redaction.command("test")
def try_examples(*, as_json: Json = False) -> None:
    """Try the examples of every rule, yours included, alone and with all others; exit status 1 where one fails."""
    effective, _ = settings.load()
    tested = _tested(effective.redaction)
    if as_json:
        print_json(tested)
    else:
        for failure in tested.failures:
            err.print(failure, markup=False, soft_wrap=True)
        engines = " and ".join(tested.engines)
        out.print(f"{tested.rules:,} rules, {tested.examples:,} examples, {engines}: {len(tested.failures)} failures")
    if tested.failures:
        raise typer.Exit(1)


def _tested(asked: Redaction) -> Tested:
    engines: tuple[Engine, ...] = ("hyperscan", "portable") if scanners.hyperscan else ("portable",)
    book = rulebook.read(asked.rules_file, without=_without(asked))
    failures = [str(problem) for problem in rulebook.problems(book)]
    if not failures:
        for engine in engines:
            redactor = create_redactor(asked.model_copy(update={"engine": engine}), secrets.token_bytes(32))
            failures.extend(_surviving(book, redactor, engine))
    examples = sum(len(row.matches) + len(row.misses) for row, _ in book.written)
    return Tested(len(book.rules), examples, engines, tuple(failures))


def _without(asked: Redaction) -> tuple[str, ...]:
    return () if asked.mask_ip else ("network",)


def _surviving(book: RuleBook, redactor: Redactor, engine: Engine) -> Iterator[str]:
    """Yield the examples that all rules together, or the allow list, let through."""
    for row, source in book.written:
        texts = [expand(written) for written in row.matches]
        for number, (example, result) in enumerate(
            zip(texts, redactor.redact([text for text, _ in texts]), strict=True), 1
        ):
            if not _covered(example, result):
                problem = f"example {number} survives all rules together ({engine}); is it in the allow list?"
                yield str(source.error(row.id, "matches", problem))


def _covered(example: Example, result: Redacted) -> bool:
    """Tell by places, not by text: digits of a token may be those of a short secret."""
    if example.masked is None:
        return bool(result.findings)
    start = example.text.index(example.masked)
    places = range(start, start + len(example.masked))
    return all(any(finding.start <= place < finding.end for finding in result.findings) for place in places)


@redaction.command("explain")
def explain_line(
    line: Annotated[str, typer.Argument(metavar="LINE", help="A log line; - for lines from stdin.")],
    name: Annotated[str, typer.Option(help="The line is the value of an attribute of this name.")] = "",
    *,
    as_json: Json = False,
) -> None:
    """Say what would be masked in a line, by which rule and why, and which rules looked and refused."""
    effective, _ = settings.load()
    asked = effective.redaction
    key = asked.site_key.get_secret_value().encode() or secrets.token_bytes(32)
    redactor = create_redactor(asked, key)
    book = rulebook.read(asked.rules_file, without=_without(asked))
    lines = (raw.rstrip("\r\n") for raw in _stdin()) if line == "-" else iter([line])
    explained = (explain(book, redactor, text, name) for text in lines)
    if as_json:
        found = [_plain(each) for each in explained]
        print_json(found if line == "-" else found[0])
        return
    for each in explained:
        _show(each)


def _stdin() -> Iterator[str]:
    for raw in sys.stdin.buffer:
        yield raw.decode("utf-8", "replace")


def _plain(explanation: Explanation) -> dict[str, object]:
    return {
        "text": explanation.text,
        "masked": [reason._asdict() for reason in explanation.masked],
        "refused": [reason._asdict() for reason in explanation.refused],
    }


def _show(explanation: Explanation) -> None:
    out.print(_printable(explanation.text), markup=False, soft_wrap=True)
    for reason in explanation.masked:
        out.print(f"  masked  {_said(reason)}", markup=False, soft_wrap=True)
    for reason in explanation.refused:
        out.print(f"  left    {_said(reason)}", markup=False, soft_wrap=True)
    if not explanation.masked:
        out.print("  nothing is masked")


def _said(reason: Reason) -> str:
    place = f"characters {reason.start} to {reason.end}"
    return f"{place}: {reason.rule} ({reason.kind}), {reason.why}" + (f" [{reason.written}]" if reason.written else "")


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
