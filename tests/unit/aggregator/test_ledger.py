"""A site's ledger: nothing is spent past the budget, and nothing in it can be changed unseen."""

import multiprocessing
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from aggregator.ledger import Ledger, OverBudget
from aggregator.privacy import Budget, Epsilon, Spent, epsilon
from deepsentry.errors import DataError

BUDGET = Budget(3.0)
AT = "2026-01-01T00:00:00Z"


def round_(number: int, job: str = "job") -> Spent:
    return Spent(job, number, "sequence", 2.0, 0.1, 20)


def filled(folder: Path, rounds: int = 3) -> Ledger:
    ledger = Ledger(folder)
    for number in range(rounds):
        assert isinstance(ledger.charge(round_(number), BUDGET, AT), Epsilon)
    return ledger


def test_what_was_spent_outlives_the_process(tmp_path: Path) -> None:
    filled(tmp_path)
    again = Ledger(tmp_path)
    assert again.spent() == tuple(map(round_, range(3)))
    assert again.total(1e-5) == epsilon(again.spent(), 1e-5)


def test_past_the_budget_nothing_is_written(tmp_path: Path) -> None:
    ledger = filled(tmp_path)
    before = (tmp_path / "ledger.jsonl").read_bytes()
    found = ledger.charge(Spent("job", 9, "sequence", 0.5, 1.0, 10), BUDGET, AT)
    assert isinstance(found, OverBudget)
    assert found.reason.endswith("and the budget is 3")
    assert (tmp_path / "ledger.jsonl").read_bytes() == before
    assert isinstance(ledger.charge(round_(9), BUDGET, AT), Epsilon)


@pytest.mark.parametrize(
    "more",
    [
        Spent("job", 1, "sequence", 0.0, 0.1, 1),
        Spent("job", 1, "sequence", float("nan"), 0.1, 1),
        Spent("job", 1, "sequence", 1e4, 0.1, 1),
        Spent("job", 1, "sequence", 1.0, 1.5, 1),
        Spent("job", 1, "sequence", 1.0, 0.1, 0),
        Spent("job", -1, "sequence", 1.0, 0.1, 1),
        Spent("", 1, "sequence", 1.0, 0.1, 1),
        Spent("job", 1, "line", 1.0, 0.1, 1),  # type: ignore[arg-type]
    ],
)
def test_what_could_not_be_read_again_is_not_written(tmp_path: Path, more: Spent) -> None:
    ledger = filled(tmp_path, 1)
    with pytest.raises(DataError, match="can be accounted for"):
        ledger.charge(more, Budget(1e9), AT)
    assert len(Ledger(tmp_path).spent()) == 1


def test_next_to_no_noise_is_over_any_budget_at_once(tmp_path: Path) -> None:
    found = Ledger(tmp_path).charge(Spent("job", 1, "sequence", 1e-9, 1.0, 1_000_000), Budget(50.0), AT)
    assert isinstance(found, OverBudget)


def test_jobs_share_the_budget_and_are_told_apart(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.charge(round_(1, "one"), BUDGET, AT)
    ledger.charge(round_(1, "two"), BUDGET, AT)
    assert ledger.of("one", 1e-5) == epsilon([round_(1)], 1e-5)
    assert ledger.total(1e-5).value > ledger.of("one", 1e-5).value
    assert ledger.of("three", 1e-5).value == 0


def test_nobody_else_may_read_the_key(tmp_path: Path) -> None:
    filled(tmp_path / "ledger")
    assert stat.S_IMODE((tmp_path / "ledger").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "ledger" / "key").stat().st_mode) == 0o600


def lines(folder: Path) -> list[bytes]:
    return (folder / "ledger.jsonl").read_bytes().splitlines(keepends=True)


def test_a_line_that_is_cut_off_changed_moved_or_added_is_found(tmp_path: Path) -> None:
    filled(tmp_path)
    one, two, three = lines(tmp_path)
    cheaper = two.replace(b'"steps":20', b'"steps":10')
    for forged in (
        [one, two],
        [one],
        [],
        [one, cheaper, three],
        [two, one, three],
        [one, three],
        [one, two, three, three],
        [one, two, two, three],
        [one, two, three[:-1]],
        [one, b"{}\n", three],
    ):
        (tmp_path / "ledger.jsonl").write_bytes(b"".join(forged))
        with pytest.raises(DataError, match="without a sound ledger"):
            Ledger(tmp_path).charge(round_(9), BUDGET, AT)


@pytest.mark.parametrize("name", ["ledger.jsonl", "head.json", "key"])
def test_a_file_that_is_gone_is_found(tmp_path: Path, name: str) -> None:
    filled(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(DataError, match="without a sound ledger"):
        Ledger(tmp_path).charge(round_(9), BUDGET, AT)


def test_a_head_set_back_with_its_lines_is_found(tmp_path: Path) -> None:
    filled(tmp_path)
    (tmp_path / "head.json").write_bytes(b'{"entries":0,"last":"%s","mac":"%s"}' % (b"0" * 64, b"0" * 64))
    (tmp_path / "ledger.jsonl").unlink()
    with pytest.raises(DataError, match="not the one that was written"):
        Ledger(tmp_path).spent()


def test_another_sites_ledger_is_found(tmp_path: Path) -> None:
    filled(tmp_path / "one")
    filled(tmp_path / "two")
    for name in ("ledger.jsonl", "head.json"):
        (tmp_path / "one" / name).write_bytes((tmp_path / "two" / name).read_bytes())
    with pytest.raises(DataError, match="not the one that was written"):
        Ledger(tmp_path / "one").spent()


def test_a_line_cut_short_by_a_crash_was_not_spent(tmp_path: Path) -> None:
    filled(tmp_path)
    with (tmp_path / "ledger.jsonl").open("ab") as file:
        file.write(b'{"at":"2026-01-0')
    ledger = Ledger(tmp_path)
    assert len(ledger.spent()) == 3
    assert isinstance(ledger.charge(round_(3), BUDGET, AT), Epsilon)
    assert len(Ledger(tmp_path).spent()) == 4


def test_a_line_that_a_crash_left_without_its_head_counts(tmp_path: Path) -> None:
    filled(tmp_path, 2)
    head = (tmp_path / "head.json").read_bytes()
    Ledger(tmp_path).charge(round_(2), BUDGET, AT)
    (tmp_path / "head.json").write_bytes(head)
    assert len(Ledger(tmp_path).spent()) == 3


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="privacy ledger"):
        Ledger(tmp_path / "file")


def test_a_key_of_another_length_is_an_error(tmp_path: Path) -> None:
    filled(tmp_path)
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(DataError, match="5 bytes and not 32"):
        Ledger(tmp_path)


@profile(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_changed_byte_is_found(tmp_path: Path, data: st.DataObject) -> None:
    folder = tmp_path / "ledger"
    if not folder.exists():
        filled(folder)
    for name in ("ledger.jsonl", "head.json"):
        whole = (folder / name).read_bytes()
        at = data.draw(st.integers(0, len(whole) - 1))
        byte = data.draw(st.integers(0, 255).filter(lambda b, old=whole[at]: b != old))  # type: ignore[misc]
        (folder / name).write_bytes(whole[:at] + bytes([byte]) + whole[at + 1 :])
        try:
            spent = Ledger(folder).spent()
        except DataError:
            spent = None
        finally:
            (folder / name).write_bytes(whole)
        assert spent is None or spent == tuple(map(round_, range(3)))


def charge(folder: Path, number: int) -> None:
    Ledger(folder).charge(round_(number), Budget(50.0), AT)


def test_two_processes_do_not_spend_the_same_money(tmp_path: Path) -> None:
    Ledger(tmp_path)
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=charge, args=(tmp_path, number)) for number in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(each.round for each in Ledger(tmp_path).spent()) == [0, 1]
