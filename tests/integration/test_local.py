"""The embedded broker: verified jars, data that stays or goes, and no process left behind."""

from pathlib import Path

import psutil
import pytest
from pymongo import MongoClient
from redis import Redis

from deepsentry import kafka as broker
from deepsentry import topics
from deepsentry.errors import LocalServerError
from deepsentry.local import expected_sums, servers, verify
from deepsentry.sections import Kafka

SUMS = {"a.jar": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}
"""SHA-256 of the bytes `abc`: FIPS 180-2, appendix B.1."""


def jar(folder: Path, data: bytes) -> Path:
    path = folder / "a.jar"
    path.write_bytes(data)
    return path


def test_jars_with_the_committed_sums_are_accepted(tmp_path: Path) -> None:
    verify([jar(tmp_path, b"abc")], SUMS)


def test_a_jar_with_a_wrong_sum_is_refused_and_named(tmp_path: Path) -> None:
    with pytest.raises(LocalServerError, match=r"1 of Kafka's jars differ .* first a\.jar"):
        verify([jar(tmp_path, b"abd")], SUMS)


def test_a_jar_that_is_missing_or_too_many_is_refused_and_named(tmp_path: Path) -> None:
    with pytest.raises(LocalServerError, match=r"first b\.jar"):
        verify([jar(tmp_path, b"abc")], {**SUMS, "b.jar": "0" * 64})
    with pytest.raises(LocalServerError, match=r"first a\.jar"):
        verify([jar(tmp_path, b"abc")], {})


def test_a_sum_is_committed_for_every_jar_of_kafka() -> None:
    sums = expected_sums()
    assert any(name.startswith("kafka_2.13-") for name in sums)
    assert {len(digest) for digest in sums.values()} == {64}


def test_data_is_kept_between_starts_of_one_home_and_no_process_stays(tmp_path: Path) -> None:
    with servers(tmp_path) as first:
        pid = first.kafka.pid
        broker.create_topics(Kafka(bootstrap=first.kafka.bootstrap), (topics.RAW,))
    assert not psutil.pid_exists(pid)
    with servers(tmp_path) as second:
        assert broker.create_topics(Kafka(bootstrap=second.kafka.bootstrap), (topics.RAW,)) == []


def test_temporary_data_and_the_process_are_gone_afterwards() -> None:
    with servers() as running:
        home, pid = running.kafka.home, running.kafka.pid
        assert (home / "data" / "meta.properties").exists()
        assert running.exports() == {"DEEPSENTRY_KAFKA__BOOTSTRAP": running.kafka.bootstrap}
    assert not home.parent.exists()
    assert not psutil.pid_exists(pid)


def test_what_the_store_answered_survives_a_crash(tmp_path: Path) -> None:
    with servers(tmp_path, wanted=("store",)) as running:
        client: MongoClient[dict[str, int]] = MongoClient(running.store.url)
        for number in range(50):
            client["test"]["things"].insert_one({"_id": number})
        pid = running.store.pid
        running.store.kill()
        assert not psutil.pid_exists(pid)
        running.store.start()
        assert client["test"]["things"].count_documents({}) == 50
        client.close()


def test_the_cache_keeps_its_data_over_a_stop(tmp_path: Path) -> None:
    with servers(tmp_path, wanted=("cache",)) as running:
        with Redis.from_url(running.cache.url) as client:
            client.set("key", "value")
        running.cache.stop()
        running.cache.start()
        with Redis.from_url(running.cache.url) as client:
            assert client.get("key") == b"value"


def test_only_what_is_asked_for_runs_and_the_rest_cannot_be_looked_at() -> None:
    with servers(wanted=("cache",)) as running:
        assert running.exports() == {"DEEPSENTRY_REDIS__URL": running.cache.url}
        with pytest.raises(LocalServerError, match="LocalStore was not asked for"):
            running.store  # noqa: B018 - looking is what is refused


def test_a_server_that_was_stopped_has_no_pid(tmp_path: Path) -> None:
    with servers(tmp_path, wanted=("cache",)) as running:
        running.cache.stop()
        with pytest.raises(LocalServerError, match="the embedded cache is not running"):
            running.cache.pid  # noqa: B018
