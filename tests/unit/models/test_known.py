import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deepsentry import events, feedback
from deepsentry.errors import VersionRefused
from deepsentry.events import Judgement, ModelReference, Shape
from models.artifact import FEEDBACK, METADATA, TrainedVersion, from_files, sha256, to_files
from models.detector import Detector
from models.known import MOST, Judged
from models.prepare import Observed
from models.recalibration import judged_of, recalibrate
from models.registry import Registry
from tests.unit.streams.alerts.builders import START, anomaly

OPENED, RESERVED, CHARGED, PRINTED, ANSWERED = (
    "request 1 opened",
    "stock reserved in warehouse 2",
    "card charged under 3",
    "parcel label 4 printed",
    "request 1 answered in 9 ms",
)
GIFT = "gift card 77 presented"
NORMAL = (OPENED, RESERVED, CHARGED, PRINTED, ANSWERED)
ODD = {
    "new statement": (OPENED, RESERVED, GIFT, CHARGED, PRINTED, ANSWERED),
    "missing steps": (OPENED, PRINTED, ANSWERED),
    "wrong order": (OPENED, PRINTED, CHARGED, RESERVED, ANSWERED),
    "burst": (OPENED, RESERVED, *[CHARGED] * 9, PRINTED, ANSWERED),
    "cut off": (OPENED, RESERVED),
}
REFERENCE = ModelReference("detector", 1, "")
WORDS = (OPENED, RESERVED, CHARGED, PRINTED, ANSWERED, GIFT, "ledger rejected entry 5", "cart 1 loaded with 2 items")
SEQUENCES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).map(tuple)


def shape(lines: Sequence[str]) -> Shape:
    """Return what a version calls these lines."""
    texts = tuple(dict.fromkeys(" ".join("<*>" if w.isdigit() else w for w in line.split()) for line in lines))
    named = {line: " ".join("<*>" if w.isdigit() else w for w in line.split()) for line in lines}
    return Shape(texts, tuple(texts.index(named[line]) for line in lines))


def judged(
    lines: Sequence[str], judgement: Judgement = "false_alarm", name: str = "a1", *, complete: bool = True
) -> Judged:
    return Judged(name, judgement, shape(lines), "session", complete)


def score(
    version: TrainedVersion, lines: Sequence[str], known: Sequence[Judged] = (), *, complete: bool = True
) -> float:
    detector = Detector(replace(version, judged=tuple(known)), REFERENCE)
    observed = Observed(tuple(map(detector.template, lines)), complete, "session")
    return detector.judge([observed])[0].score


@pytest.mark.parametrize("how", ODD)
def test_what_is_strange_in_the_way_of_a_false_alarm_is_excused(trained: TrainedVersion, how: str) -> None:
    assert score(trained, ODD[how]) > 1
    assert score(trained, ODD[how], [judged(ODD[how])]) <= 1


@pytest.mark.parametrize("how", ODD)
def test_what_is_strange_in_another_way_is_told_as_before(trained: TrainedVersion, how: str) -> None:
    others = [judged(ODD[each], name=each) for each in ODD if each != how]
    assert score(trained, ODD[how], others) == score(trained, ODD[how])


@pytest.mark.parametrize(
    "lines",
    [
        (*ODD["new statement"][:-1], "ledger rejected entry 5", ANSWERED),
        (OPENED, GIFT, CHARGED, ANSWERED),
        (OPENED, RESERVED, *[GIFT] * 9, CHARGED, PRINTED, ANSWERED),
        (OPENED, RESERVED, GIFT, PRINTED, CHARGED, ANSWERED),
    ],
    ids=["another new statement beside it", "missing steps beside it", "a burst of it", "wrong order beside it"],
)
def test_a_fault_beside_what_was_judged_harmless_is_told(trained: TrainedVersion, lines: tuple[str, ...]) -> None:
    assert score(trained, lines, [judged(ODD["new statement"])]) == score(trained, lines) > 1


def test_a_true_verdict_on_the_same_forbids_the_excuse(trained: TrainedVersion) -> None:
    both = [judged(ODD["burst"]), judged(ODD["burst"], "true", "a2")]
    assert score(trained, ODD["burst"], both) == score(trained, ODD["burst"])


def test_a_sequence_that_was_judged_as_it_went_excuses_others_as_they_go(trained: TrainedVersion) -> None:
    begun = ODD["new statement"][:3]
    known = [judged(begun, complete=False)]
    assert score(trained, begun, complete=False) > 1
    assert score(trained, begun, known, complete=False) <= 1


def test_the_reason_of_an_excused_sequence_can_still_be_asked(trained: TrainedVersion) -> None:
    detector = Detector(replace(trained, judged=(judged(ODD["burst"]),)), REFERENCE)
    observed = Observed(tuple(map(detector.template, ODD["burst"])), complete=True, kind="session")
    [verdict] = detector.judge([observed])
    assert detector.explain(observed, verdict).summary


JUDGED = st.lists(
    st.builds(
        lambda lines, judgement, complete: (lines, judgement, complete),
        st.one_of(st.sampled_from(list(ODD.values())), SEQUENCES),
        st.sampled_from(["true", "false_alarm"]),
        st.booleans(),
    ),
    max_size=6,
).map(lambda found: [judged(x, y, f"a{n}", complete=z) for n, (x, y, z) in enumerate(found)])
SLOW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@SLOW
@given(known=JUDGED, lines=SEQUENCES, complete=st.booleans())
def test_verdicts_only_ever_take_alarms_away(
    trained: TrainedVersion,
    known: list[Judged],
    lines: tuple[str, ...],
    complete: bool,  # noqa: FBT001 - drawn
) -> None:
    before, after = score(trained, lines, complete=complete), score(trained, lines, known, complete=complete)
    assert after == before or (before > 1 >= after)


@SLOW
@given(known=JUDGED, lines=st.one_of(st.sampled_from(list(ODD.values())), SEQUENCES), random=st.randoms())
def test_the_order_of_verdicts_does_not_matter(
    trained: TrainedVersion, known: list[Judged], lines: tuple[str, ...], random: object
) -> None:
    shuffled = random.sample(known, len(known))  # type: ignore[attr-defined]
    assert score(trained, lines, known) == score(trained, lines, shuffled)


def verdict(
    lines: Sequence[str], name: str, judgement: Judgement = "false_alarm", *, at: datetime = START
) -> events.Verdict:
    return feedback.verdict_on(anomaly(name, shape=shape(lines)), judgement, "kim", at)


def test_a_version_without_a_withdrawn_verdict_is_the_version_that_never_had_it(trained: TrainedVersion) -> None:
    first, second = verdict(ODD["burst"], "a1"), verdict(ODD["cut off"], "a2", "true")
    both = recalibrate(trained, judged_of([first, second]))
    one = recalibrate(both, judged_of([feedback.withdrawn(first, "ann", START), second]))
    assert to_files(one, "") == to_files(recalibrate(trained, judged_of([second])), "")
    none = recalibrate(one, judged_of([]))
    assert to_files(none, "") == to_files(trained, "")
    assert both.metadata.counts.items() >= {"judged_normal": 1, "judged_true": 1}.items()


def test_of_too_many_verdicts_the_newest_are_taken() -> None:
    many = [verdict(NORMAL, f"a{n:05}", at=START + timedelta(seconds=n)) for n in range(MOST + 3)]
    found = judged_of(reversed(many))
    assert [each.anomaly for each in found] == [f"a{n:05}" for n in range(3, MOST + 3)]


def test_verdicts_without_a_shape_or_withdrawn_teach_nothing() -> None:
    shapeless = feedback.verdict_on(anomaly(), "true", "kim", START)
    gone = feedback.withdrawn(verdict(NORMAL, "a2"), "kim", START)
    assert judged_of([shapeless, gone]) == ()


def test_a_version_with_verdicts_reads_back_and_judges_by_them(trained: TrainedVersion, tmp_path: object) -> None:
    registry = Registry(tmp_path, clock=lambda: datetime(2025, 1, 1, tzinfo=UTC).timestamp())  # type: ignore[arg-type]
    reference = registry.save("detector", recalibrate(trained, [judged(ODD["burst"])]))
    detector = registry.load("detector", reference.version)
    observed = Observed(tuple(map(detector.template, ODD["burst"])), complete=True, kind="session")
    assert detector.judge([observed])[0].score <= 1
    (registry.root / "detector" / "1" / FEEDBACK).unlink()
    with pytest.raises(VersionRefused, match=FEEDBACK):
        registry.load("detector", 1)


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (Shape(("a",), (0, 1)), "out of range"),
        (Shape(("a",), (-1,)), "out of range"),
        (Shape(("a",), ()), "too long"),
        (Shape(("a",), (0,) * 2001), "too long"),
        (Shape(("a" * 100_001,), (0,)), "too long"),
    ],
)
def test_a_judged_sequence_that_is_none_is_refused(trained: TrainedVersion, broken: Shape, why: str) -> None:
    files = to_files(replace(trained, judged=(Judged("a1", "true", broken, "session", complete=True),)), "")
    with pytest.raises(VersionRefused, match=why):
        from_files(files)


@SLOW
@given(data=st.binary(max_size=300))
def test_any_bytes_in_place_of_the_verdicts_are_refused(trained: TrainedVersion, data: bytes) -> None:
    files = {**to_files(trained, ""), FEEDBACK: data}
    metadata = json.loads(files[METADATA])
    metadata["digests"][FEEDBACK] = sha256(data)
    files[METADATA] = json.dumps(metadata).encode()
    with pytest.raises(VersionRefused):
        from_files(files)
