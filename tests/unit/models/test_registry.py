import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deepsentry.errors import DataError, VersionMissing, VersionRefused
from models.artifact import LIMITS, METADATA, WEIGHTS, TrainedVersion, from_files, sha256, to_files
from models.registry import CHALLENGER, CHAMPION, MOST_HISTORY, Registry


@pytest.fixture
def registry(tmp_path: Path, trained: TrainedVersion) -> Registry:
    registry = Registry(tmp_path, clock=lambda: 1_700_000_000.0)
    registry.save("detector", trained)
    return registry


def test_the_first_version_becomes_champion_and_the_second_does_not(
    registry: Registry, trained: TrainedVersion
) -> None:
    registry.save("detector", trained)
    champion = registry.champion("detector")
    assert champion is not None
    assert champion.version == 1
    assert [listed.version for listed in registry.versions("detector")] == [1, 2]


def test_promotion_moves_the_alias_to_the_same_digest(registry: Registry, trained: TrainedVersion) -> None:
    second = registry.save("detector", trained)
    assert registry.promote("detector", 2) == second == registry.champion("detector")
    assert registry.load("detector", 2).reference == second


def test_a_version_reads_back_as_it_was_saved(registry: Registry, trained: TrainedVersion) -> None:
    read, _ = registry.read("detector", 1)
    assert read.vocabulary == trained.vocabulary
    assert read.thresholds == trained.thresholds
    assert all((read.arrays[name] == array).all() for name, array in trained.arrays.items())


@pytest.mark.parametrize("name", sorted(LIMITS))
def test_a_changed_byte_in_any_file_is_refused(registry: Registry, name: str) -> None:
    path = registry.root / "detector" / "1" / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(VersionRefused):
        registry.load("detector", 1)


@pytest.mark.parametrize("name", sorted(LIMITS))
def test_a_missing_file_is_refused_by_name(registry: Registry, name: str) -> None:
    (registry.root / "detector" / "1" / name).unlink()
    with pytest.raises(VersionRefused, match=name):
        registry.load("detector", 1)


def test_an_extra_file_is_refused(registry: Registry) -> None:
    (registry.root / "detector" / "1" / "more.pkl").write_bytes(b"")
    with pytest.raises(VersionRefused, match=r"more\.pkl"):
        registry.load("detector", 1)


def test_a_link_is_refused(registry: Registry, tmp_path: Path) -> None:
    path = registry.root / "detector" / "1" / WEIGHTS
    elsewhere = tmp_path / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    with pytest.raises(VersionRefused, match=WEIGHTS):
        registry.load("detector", 1)


def test_a_version_made_anew_under_an_alias_is_refused(registry: Registry) -> None:
    path = registry.root / "detector" / "1" / METADATA
    metadata = json.loads(path.read_text())
    path.write_text(json.dumps({**metadata, "budget": 1e9}))
    with pytest.raises(VersionRefused, match="changed since it became champion"):
        registry.load("detector", 1)


def test_a_refused_version_is_listed_with_its_reason(registry: Registry) -> None:
    (registry.root / "detector" / "1" / WEIGHTS).unlink()
    (listed,) = registry.versions("detector")
    assert WEIGHTS in listed.refused


@pytest.mark.parametrize("name", ["../detector", "", "a/b", "DETECTOR", "x" * 64])
def test_a_name_that_is_no_name_reaches_no_file(registry: Registry, name: str) -> None:
    with pytest.raises(VersionMissing):
        registry.load(name, 1)


def test_a_version_that_does_not_exist_is_missing(registry: Registry) -> None:
    with pytest.raises(VersionMissing):
        registry.load("detector", 7)


def remade(trained: TrainedVersion, arrays: dict[str, np.ndarray]) -> dict[str, bytes]:
    """The files of a version with other arrays and digests that agree with them."""
    return to_files(TrainedVersion(trained.metadata, trained.vocabulary, trained.thresholds, arrays), "")


def test_weights_that_are_not_numbers_are_refused(trained: TrainedVersion) -> None:
    kernel = trained.arrays["lstm.kernel"].copy()
    kernel[0, 0] = np.nan
    with pytest.raises(VersionRefused, match=r"lstm\.kernel holds a value"):
        from_files(remade(trained, {**trained.arrays, "lstm.kernel": kernel}))


def test_weights_of_another_shape_are_refused(trained: TrainedVersion) -> None:
    kernel = np.zeros((128, 12), np.float32)
    with pytest.raises(VersionRefused, match=r"lstm\.kernel has the shape \[128, 12\]"):
        from_files(remade(trained, {**trained.arrays, "lstm.kernel": kernel}))


def test_neighbours_that_name_no_template_are_refused(trained: TrainedVersion) -> None:
    rows = trained.arrays["profile.rows"].copy()
    rows[0, 1] = 1_000_000
    with pytest.raises(VersionRefused, match="profile"):
        from_files(remade(trained, {**trained.arrays, "profile.rows": rows}))


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("precedence.events", np.array([[0, 99]], np.int32), r"precedence\.before is not a square"),
        ("precedence.before", -1, "negative number of sessions"),
        ("precedence.events", 1_000_000, "out of range"),
    ],
)
def test_orders_that_no_sessions_can_have_had_are_refused(
    trained: TrainedVersion, name: str, value: int | np.ndarray, why: str
) -> None:
    changed = value if isinstance(value, np.ndarray) else np.full_like(trained.arrays[name], value)
    with pytest.raises(VersionRefused, match=why):
        from_files(remade(trained, {**trained.arrays, name: changed}))


def test_a_version_of_an_older_format_is_refused_with_the_remedy(trained: TrainedVersion) -> None:
    files = to_files(trained, "")
    files[METADATA] = json.dumps({**json.loads(files[METADATA]), "format": 1}).encode()
    with pytest.raises(VersionRefused, match=r"format 1; this release reads 2: train it anew"):
        from_files(files)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
@given(data=st.binary(max_size=300), name=st.sampled_from(sorted(LIMITS)))
def test_any_bytes_in_place_of_a_file_are_refused_with_a_reason(
    trained: TrainedVersion, data: bytes, name: str
) -> None:
    files = {**to_files(trained, ""), name: data}
    if name != METADATA:
        metadata = json.loads(files[METADATA])
        metadata["digests"][name] = sha256(data)
        files[METADATA] = json.dumps(metadata).encode()
    with pytest.raises(VersionRefused):
        from_files(files)


def test_half_precision_weights_are_refused(trained: TrainedVersion) -> None:
    arrays = {**trained.arrays, "mark.end": trained.arrays["mark.end"].astype(np.float16)}
    files = remade(trained, arrays)
    assert safetensors.numpy.load(files[WEIGHTS])["mark.end"].dtype == np.float16
    with pytest.raises(VersionRefused, match=r"mark\.end holds float16"):
        from_files(files)


def test_a_version_that_is_only_added_becomes_no_champion(tmp_path: Path, trained: TrainedVersion) -> None:
    registry = Registry(tmp_path)
    assert registry.add("detector", trained).version == 1
    assert registry.champion("detector") is None


def test_rolling_back_goes_one_promotion_further_back_each_time(registry: Registry, trained: TrainedVersion) -> None:
    versions = [registry.champion("detector"), registry.save("detector", trained), registry.save("detector", trained)]
    registry.promote("detector", 2)
    registry.promote("detector", 3)
    registry.promote("detector", 3)  # to where it stands: that is no step
    assert registry.history("detector") == tuple(versions[:2])
    assert registry.roll_back("detector") == versions[1] == registry.champion("detector")
    assert registry.roll_back("detector") == versions[0] == registry.champion("detector")
    with pytest.raises(VersionMissing, match="no other version before"):
        registry.roll_back("detector")
    assert registry.champion("detector") == versions[0]


def test_nothing_is_rolled_back_to_a_version_that_is_not_what_it_was(
    registry: Registry, trained: TrainedVersion
) -> None:
    registry.save("detector", trained)
    registry.promote("detector", 2)
    path = registry.root / "detector" / "1" / METADATA
    path.write_text(json.dumps({**json.loads(path.read_text()), "budget": 1e9}))
    with pytest.raises(VersionRefused, match="detector 1 is not what champion pointed to"):
        registry.roll_back("detector")
    champion = registry.champion("detector")
    assert champion is not None
    assert champion.version == 2


def test_the_history_of_an_alias_is_bounded(registry: Registry, trained: TrainedVersion) -> None:
    registry.save("detector", trained)
    for turn in range(MOST_HISTORY + 10):
        registry.promote("detector", 2 - turn % 2)
    assert len(registry.history("detector")) == MOST_HISTORY


def test_a_challenger_can_be_taken_away_and_a_champion_cannot(registry: Registry, trained: TrainedVersion) -> None:
    second = registry.save("detector", trained)
    registry.promote("detector", 2, CHALLENGER)
    assert registry.pointed("detector", CHALLENGER) == second == registry.retire("detector", CHALLENGER)
    assert registry.pointed("detector", CHALLENGER) is None
    assert registry.retire("detector", CHALLENGER) is None
    with pytest.raises(DataError, match="cannot be taken away"):
        registry.retire("detector", CHAMPION)


def test_aliases_that_move_at_once_are_all_moved(registry: Registry, trained: TrainedVersion) -> None:
    registry.save("detector", trained)
    names = [f"alias-{number}" for number in range(12)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda alias: registry.promote("detector", 2, alias), names))
    assert all(registry.pointed("detector", alias) for alias in [*names, CHAMPION])
