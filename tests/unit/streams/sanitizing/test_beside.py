from deepsentry.events import Entry
from streams.redaction import Redacted
from streams.sanitizing.beside import LONGEST_REMEMBERED, MOST_REMEMBERED, Beside, Part

MASKED = Redacted("<email:0123456789>", ())


def entry(host: str = "web-1", **attributes: str) -> Entry:
    return Entry("up", 1.0, "kafka", "plain", host=host, attributes=attributes)


def asked(beside: Beside, of: Entry) -> list[Part]:
    unknown: dict[Part, None] = {}
    assert beside.is_known(of, unknown) == (not unknown)
    return list(unknown)


def test_everything_is_asked_for_once_and_then_known() -> None:
    beside = Beside()
    parts = asked(beside, entry(user="ann"))
    assert sorted(parts) == [("", "user"), ("", "web-1"), ("user", "ann")]
    beside.learn(parts, {})
    assert asked(beside, entry(user="ann")) == []
    assert asked(beside, entry(user="bob")) == [("user", "bob")]


def test_what_was_masked_is_never_remembered() -> None:
    beside = Beside()
    secret = entry("ann@example.org", note="ann@example.org")
    parts = asked(beside, secret)
    beside.learn(parts, {("", "ann@example.org"): MASKED, ("note", "ann@example.org"): MASKED})
    assert sorted(asked(beside, secret)) == [("", "ann@example.org"), ("note", "ann@example.org")]


def test_an_attribute_whose_name_is_masked_is_asked_for_again() -> None:
    beside = Beside()
    odd = entry(**{"ann@example.org": "1"})
    beside.learn(asked(beside, odd), {("", "ann@example.org"): MASKED})
    assert ("", "ann@example.org") in asked(beside, odd)


def test_a_text_known_under_one_name_is_not_known_under_another() -> None:
    beside = Beside()
    beside.learn(asked(beside, entry(note="hunter2")), {})
    assert ("password", "hunter2") in asked(beside, entry(password="hunter2"))


def test_a_count_of_bytes_is_no_secret_but_another_text_in_its_place_may_be() -> None:
    beside = Beside()
    beside.learn(asked(beside, entry()), {})
    assert asked(beside, entry(**{"log.offset": "1761"})) == []
    assert ("log.offset", "ann@example.org") in asked(beside, entry(**{"log.offset": "ann@example.org"}))


def test_memory_is_bounded() -> None:
    beside = Beside()
    for number in range(MOST_REMEMBERED + 2):
        beside.learn([("", f"web-{number}")], {})
    assert asked(beside, entry("web-1")) == [("", "web-1")]
    assert asked(beside, entry(f"web-{MOST_REMEMBERED + 1}")) == []


def test_a_long_text_is_not_remembered() -> None:
    beside = Beside()
    long = entry("h" * (LONGEST_REMEMBERED + 1))
    parts = asked(beside, long)
    beside.learn(parts, {})
    assert asked(beside, long) == parts
