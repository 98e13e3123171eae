from benchmarks.storm import storm


def test_a_storm_ends_in_few_notices_and_one_summary_and_holds_little() -> None:
    found = storm(10_000)
    assert found["told in the minute"] == {"opened": 31}
    assert found["told until all was over"] == {"opened": 31, "resolved": 31}
    assert found["counted in alerts and the summary"] == 10_000
    assert found["in the summary"] == 10_000 - 30
    assert found["left open"] == 0
    assert found["MiB at most"] < 4
    assert found["records of the alert topic"] < 1000
