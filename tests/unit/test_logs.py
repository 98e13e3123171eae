import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from deepsentry import logs
from deepsentry.sections import Log


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """What is configured for the process goes back to what it was."""
    root = logging.getLogger()
    handlers, level, config = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:], root.level = handlers, level
    structlog.configure(**config)


def said(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_an_event_is_one_line_of_json_with_its_facts(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Log(format="json"))
    logs.get("room").info("version_adopted", model="detector", version=2)
    [line] = said(capsys)
    assert (line["event"], line["level"], line["model"], line["version"]) == ("version_adopted", "info", "detector", 2)
    assert str(line["timestamp"]).endswith("Z")


def test_a_library_speaks_in_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Log(format="json"))
    logging.getLogger("aiokafka").error("Unable connect to node with id %s", 1)
    [line] = said(capsys)
    assert (line["event"], line["logger"]) == ("Unable connect to node with id 1", "aiokafka")


def test_below_the_level_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Log(format="json", level="warning"))
    logs.get("room").info("quiet")
    logging.getLogger("aiokafka").info("quiet")
    assert said(capsys) == []


def test_what_a_library_repeats_is_said_once_and_then_counted(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Log(format="json"))
    for node in range(300):
        logging.getLogger("aiokafka").error("Unable connect to node with id %s", node)
    logging.getLogger("aiokafka").error("something else")
    assert [line["event"] for line in said(capsys)] == ["Unable connect to node with id 0", "something else"]


def record(message: object, *values: object) -> logging.LogRecord:
    return logging.LogRecord("aiokafka", logging.ERROR, "", 0, message, values, None)


def test_after_a_while_a_repeated_message_comes_again_and_says_how_often_it_was_held_back() -> None:
    now = 100.0
    repeats = logs.Repeats(lambda: now)
    assert [repeats.filter(record("node %s", n)) for n in range(5)] == [True, False, False, False, False]
    now += logs.REPEAT_AFTER
    again = record("node %s", 7)
    assert repeats.filter(again)
    assert again.getMessage() == "node 7 (4 more like it since the last)"


def test_our_own_events_are_never_held_back() -> None:
    repeats = logs.Repeats(lambda: 0.0)
    assert all(repeats.filter(record({"event": "waiting"})) for _ in range(5))


def test_many_kinds_of_messages_need_no_more_memory_than_a_few() -> None:
    repeats = logs.Repeats(lambda: 0.0)
    for n in range(3 * logs.MOST_KINDS):
        repeats.filter(record(f"kind {n}"))
    assert len(repeats._said) <= logs.MOST_KINDS
