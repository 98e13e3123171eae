"""The whole story on real servers: from the first admin to a roll-back, while real workers follow."""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import httpx
import pytest

from deepsentry.bench.corpus import PLANTED
from deepsentry.local import ALL, Servers, servers
from tests.integration.story import LEARNED, MODEL, Body, Story, patiently


@pytest.fixture(scope="module")
def house() -> Iterator[Servers]:
    """A broker, a store and a cache of this module's own."""
    with servers(wanted=ALL) as running:
        yield running


def test_from_the_first_admin_to_a_roll_back(tmp_path: Path, house: Servers) -> None:
    began = time.monotonic()
    with Story(tmp_path, house) as story:
        story.sign_up()
        story.grant()
        story.publish(story.lines.take(LEARNED))
        job = story.train(seed=1)
        assert (job["version"]["version"], job["project"]["name"], job["owner"]["name"]) == (1, "storage", "Ann")
        assert story.items("/PROJECT/models")[0]["champion"] is None  # nobody asked for that
        first = story.promote(1)

        strange = story.lines.strange(1)
        story.publish(strange)
        found = patiently(lambda: _of(story, 1))
        anomaly = story.ask("GET", f"/PROJECT/anomalies/{found['id']}")
        assert anomaly["view"] == "novelty"
        assert anomaly["event"]["explanation"]["summary"]
        alert = patiently(lambda: story.items("/PROJECT/alerts?status=firing"))[0]
        assert story.ask("GET", f"/PROJECT/alerts/{alert['id']}")["event"]["anomaly"]["id"]
        verdict = {"judgement": "true", "note": "the clock is strange", "alert": alert["id"]}
        story.ask("PUT", f"/PROJECT/anomalies/{found['id']}/verdict", verdict)
        assert story.ask("GET", f"/PROJECT/anomalies/{found['id']}")["judgement"] == "true"

        second = story.train(seed=2)["version"]["version"]
        story.ask("POST", f"/PROJECT/models/{MODEL}/shadow", {"version": second})
        patiently(lambda: story.items("/PROJECT/models")[0]["challenger"] is not None)
        patiently(lambda: any(each["challenger"] for each in story.ask("GET", "/PROJECT/pipeline")["workers"]))
        story.publish([*story.lines.take(400), *story.lines.strange(2)])
        report = patiently(lambda: _compared(story))
        assert (report["champion"], report["challenger"], report["failures"]) == (1, 2, [])
        assert report["correlation"] is None or -1 <= report["correlation"] <= 1

        story.promote(second)
        before = time.time()
        back = story.ask("POST", f"/PROJECT/models/{MODEL}/rollback")
        assert (back["version"]["version"], back["announced"]) == (1, True)
        last = story.followed(1, before)
        status = patiently(lambda: _at_version(story, 1))
        assert {worker["stage"] for worker in status["workers"]} >= {"sanitize", "score"}
        seconds = time.monotonic() - began
        sys.stdout.write(
            f"\nstory on {story.lines.source}: {seconds:.0f} s; promoted to all workers in {first:.2f} s, "
            f"rolled back in {last:.2f} s; {report['judgements']} judgements compared\n"
        )


def test_a_server_that_is_killed_gives_no_wrong_answer_and_all_goes_on_by_itself(tmp_path: Path) -> None:
    with servers(tmp_path / "servers", wanted=ALL) as own, Story(tmp_path, own) as story:
        story.sign_up()
        story.grant()
        story.publish(story.lines.take(LEARNED))
        story.train(seed=1)
        story.promote(1)
        with Reader(story) as reader:
            own.store.kill()
            story.publish(story.lines.strange(1))  # the stream needs no store
            problem = story.ask("GET", "/PROJECT/anomalies", status=503)
            assert problem["type"] == "urn:deepsentry:problem:away"
            own.store.start()
            patiently(lambda: 1 in reader.seen)

            own.cache.kill()
            assert story.items("/PROJECT/models")[0]["champion"]["version"] == 1
            own.cache.start()

            own.kafka.kill()
            body = {"dataset": story.items("/PROJECT/datasets")[0]["id"], "model": MODEL}
            story.ask("POST", "/PROJECT/jobs", body, status=503)
            assert len(story.items("/PROJECT/jobs")) == 1
            assert story.items("/PROJECT/anomalies")  # what is read needs no broker
            own.kafka.start()
            story.publish([*story.lines.take(100), *story.lines.strange(2)])
            patiently(lambda: 2 in reader.seen)
            second = patiently(lambda: _job(story, body | {"epochs": 2, "seed": 2}))
            assert [*story.watch(second)][-1][0] == "registered"
            story.promote(2)
        assert reader.statuses <= {200, 503}, reader.statuses
        assert reader.forgotten == set()


def test_the_documented_session_does_what_it_says(tmp_path: Path, house: Servers) -> None:
    page = (Path(__file__).parents[2] / "docs" / "work.md").read_text(encoding="utf-8")
    session = "".join(re.findall(r"^```sh\n(.*?)^```$", page, re.DOTALL | re.MULTILINE))
    with Story(tmp_path, house) as story:
        story.sign_up()
        story.publish(story.lines.take(LEARNED))
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "API": str(story.client.base_url).rstrip("/"),
            "AUTH": f"Authorization: {story.client.headers['Authorization']}",
            "PROJECT": story.project,
        }
        command = ["/bin/bash", "-euxo", "pipefail", "-c", session]
        done = subprocess.run(command, check=False, env=environment, cwd=tmp_path, capture_output=True)
        assert done.returncode == 0, (done.stdout + done.stderr).decode()[-4000:]


class Reader:
    """One who reads the anomalies all the time, with a connection of his own."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._read, name="reader")
        self.statuses: set[int] = set()
        self.seen: set[int] = set()
        """Planted sequences that were shown."""
        self.forgotten: set[str] = set()
        """Ids that were shown, and then were not."""
        self._ids: set[str] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _read(self) -> None:
        url = f"/projects/{self._story.project}/anomalies?limit=200"
        with httpx.Client(
            base_url=self._story.client.base_url, headers=self._story.client.headers, timeout=60
        ) as client:
            while not self._stopping.wait(0.5):
                answer = client.get(url)
                self.statuses.add(answer.status_code)
                if answer.status_code != 200:
                    continue
                items = answer.json()["items"]
                ids = {each["id"] for each in items}
                self.forgotten |= self._ids - ids
                self._ids |= ids
                self.seen |= {number for number in (1, 2) if _planted(items, number)}


def _job(story: Story, body: Body) -> str:
    """Return the id of a job that the control plane takes; it may rest for a moment from a broker that was away."""
    answer = story.client.post(f"/projects/{story.project}/jobs", json=body)
    assert answer.status_code in (201, 503), answer.text
    return str(answer.json().get("id", ""))


def _planted(items: list[Body], number: int) -> Body | None:
    return next((each for each in items if each["host"] == f"{PLANTED}{number}"), None)


def _of(story: Story, number: int) -> Body | None:
    return _planted(story.items("/PROJECT/anomalies"), number)


def _compared(story: Story) -> Body | None:
    report = story.ask("GET", f"/PROJECT/models/{MODEL}/shadow")
    return report if report["judgements"] else None


def _at_version(story: Story, version: int) -> Body | None:
    status = story.ask("GET", "/PROJECT/pipeline")
    judges = [each for each in status["workers"] if each["stage"] == "score"]
    return status if judges and all(each["version"]["version"] == version for each in judges) else None
