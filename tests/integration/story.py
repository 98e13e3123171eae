"""The whole house as an operator starts it: servers, workers, the control plane, and one who works with it."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import httpx
import pyotp

from deepsentry import topics
from deepsentry.bench.corpus import PLANTED, STRANGE
from deepsentry.bench.lines import Line, filebeat, mixed
from deepsentry.demo.shop import Shop, ShopLine
from deepsentry.local import Servers
from tests.integration.stream import Stream, eventually, shop_records
from tests.integration.workers import Worker

PASSWORD: Final = "correct horse battery staple"
MAIL: Final = "ann@example.org"
MODEL: Final = "web"
LEARNED: Final = 2500
"""Lines from which a version is learned."""
SYSTEMS: Final = ("spark-1", "zookeeper-1", "hpc-1", "hadoop-1")
STAGES: Final = ("sanitize", "score", "score", "alert", "train", "index")
"""The last needs the store laid out."""
Body = dict[str, Any]
T = TypeVar("T")


def patiently(look: Callable[[], T]) -> T:
    """Return the first truthy answer of `look`; a machine that is shared by many takes its time."""
    return eventually(look, 300.0)


class Lines:
    """Real lines of four systems where the data is at hand, else the demo's shop; told from the beginning on."""

    def __init__(self, data: str | None) -> None:
        self.source = "Loghub" if data else "the demo's shop"
        self._real = [line for line in mixed(Path(data)) if line.host in SYSTEMS] if data else []
        self._shop = [] if data else list(Shop(1).normal(1_790_000_000.0, 2000))
        self._place = 0

    def take(self, count: int) -> list[bytes]:
        """Return the next so many records."""
        begin, self._place = self._place, self._place + count
        return [*filebeat(self._real[begin : self._place]), *shop_records(self._shop[begin : self._place])]

    def strange(self, number: int) -> list[bytes]:
        """Return statements that nobody has written before, of the host `planted-<number>`, at the time now reached."""
        host, texts = f"{PLANTED}{number}", [f"WARN observatory.Clockwork: {each.format('it')}" for each in STRANGE]
        if self._real:
            now = self._real[self._place].time
            return list(filebeat(Line(now, host, "/var/log/clock.log", text) for text in texts))
        now, request = self._shop[self._place].timestamp, f"{0xFEED_0000_0000_0000 + number:016x}"
        return shop_records(
            ShopLine(now, host, "gateway", "warn", f"request_id={request} {text}", request) for text in texts
        )


class Story:
    """One project on fresh topics, an empty store and an empty registry."""

    def __init__(self, home: Path, servers: Servers) -> None:
        self.home = home
        self.servers = servers
        self.lines = Lines(os.environ.get("DEEPSENTRY_DATA"))
        self.stream = Stream(home, servers.kafka, idle=3.0)
        database = f"story-{uuid.uuid4().hex[:16]}"
        self.stream.environment |= {
            "DEEPSENTRY_MONGO__URL": servers.store.url,
            "DEEPSENTRY_MONGO__DATABASE": database,
            "DEEPSENTRY_REDIS__URL": servers.cache.url,
            "DEEPSENTRY_REDIS__PREFIX": f"{database}:",
            "DEEPSENTRY_API__KEYS": str(home / "keys"),
            "DEEPSENTRY_API__PORT": "0",
            "DEEPSENTRY_API__ACCESS_MINUTES": "60",
            "DEEPSENTRY_MODELS__NAME": MODEL,
            "DEEPSENTRY_WORKER__LOST_AFTER": "20",
        }
        self.client = httpx.Client(timeout=60)
        self.project = ""

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()
        self.stream.__exit__(kind, error, trace)

    def _start(self) -> None:
        self.stream.__enter__()
        self.workers = [self.stream.work(stage) for stage in STAGES[:-1]]
        command, environment = [sys.executable, "-m", "deepsentry"], {**os.environ, **self.stream.environment}
        subprocess.run([*command, "store", "migrate"], check=True, env=environment, capture_output=True)
        password = self.home / "password"
        password.write_text(PASSWORD)
        admin = ["users", "create-admin", "--email", MAIL, "--name", "Ann", "--password-file", str(password)]
        subprocess.run([*command, *admin], check=True, env=environment, capture_output=True)
        api = Worker.start([*command, "api"], environment, self.home / "api.log")
        self.stream.workers.append(api)
        self.workers.append(self.stream.work(STAGES[-1]))
        [listens] = patiently(lambda: api.said("api_listens"))
        base = f"http://127.0.0.1:{listens['port']}"
        patiently(lambda: _answers(f"{base}/health/live"))
        self.client.base_url = httpx.URL(f"{base}/api/v1")

    def ask(self, method: str, path: str, body: Body | None = None, status: int = 0, **headers: str) -> Body:
        """Return what the control plane answers; `PROJECT` in the path stands for ours."""
        found = self.client.request(
            method, path.replace("PROJECT", f"projects/{self.project}"), json=body, headers=headers
        )
        wanted = (status,) if status else (200, 201, 204)
        assert found.status_code in wanted, f"{method} {path}: {found.status_code} {found.text}"
        answer: Body = found.json() if found.content else {}
        return answer

    def items(self, path: str) -> list[Body]:
        found: list[Body] = self.ask("GET", path)["items"]
        return found

    def sign_up(self) -> None:
        """Give the first admin a second factor, and a project."""
        first = self.ask("POST", "/sessions", {"email": MAIL, "password": PASSWORD})
        self._bear(first)
        device = pyotp.TOTP(self.ask("POST", "/me/totp", {"password": PASSWORD})["secret"])
        self.ask("POST", "/me/totp/confirmation", {"code": device.now()})
        self.client.headers.pop("Authorization")
        wanted = self.ask("POST", "/sessions", {"email": MAIL, "password": PASSWORD})
        assert wanted["status"] == "code_wanted"
        # each code is good once, and a clock may be off by one step: the next one is good already
        code = device.at(int(time.time()) + 30)
        self._bear(self.ask("POST", "/sessions/code", {"token": wanted["code_token"], "code": code}))
        self.project = self.ask("POST", "/projects", {"name": "storage", "title": "Storage"})["id"]

    def grant(self) -> None:
        """Let the project name the topics."""
        for topic in (topics.RAW, topics.CLEAN):
            self.ask("POST", "/PROJECT/grants", {"kind": "topic", "name": topic.name})

    def train(self, **wanted: Any) -> Body:
        """Have a version trained on the lines of the dataset, and return the job as it ended."""
        datasets = self.items("/PROJECT/datasets")
        if not datasets:
            new = {"name": "logs", "title": "Logs", "topic": topics.CLEAN.name, "budget": 50.0}
            datasets = [self.ask("POST", "/PROJECT/datasets", new)]
        body = {"dataset": datasets[0]["id"], "model": MODEL, "epochs": 2, **wanted}
        job = self.ask("POST", "/PROJECT/jobs", body)["id"]
        states = [state for state, _ in self.watch(job)]
        assert states[-1] == "registered", self.ask("GET", f"/PROJECT/jobs/{job}")
        return next(each for each in self.items("/PROJECT/jobs") if each["id"] == job)

    def watch(self, job: str) -> Iterator[tuple[str, str]]:
        """Yield state and message of each report as they come, without gaps, until the job has ended."""
        number = 0
        with self.client.stream("GET", f"/projects/{self.project}/jobs/{job}/events", timeout=600) as events:
            assert events.status_code == 200
            for line in events.iter_lines():
                if line.startswith("id: "):
                    assert int(line[4:]) == number + 1
                    number += 1
                if line.startswith("data: "):
                    report = httpx.Response(200, text=line[6:]).json()
                    yield report["state"], report["message"]

    def publish(self, records: list[bytes]) -> None:
        """Let a shipper send records, and wait until they are sanitized."""
        self.stream.publish(records, partition=0)
        patiently(self.stream.sanitized)

    def promote(self, version: int) -> float:
        """Make a version champion, and return the seconds until every worker that judges had it."""
        before = time.time()
        self.ask("POST", f"/PROJECT/models/{MODEL}/promote", {"version": version})
        return self.followed(version, before)

    def followed(self, version: int, since: float) -> float:
        """Return the seconds from `since` until every worker that judges had adopted the champion `version`."""
        judges = [worker for worker, stage in zip(self.workers, STAGES, strict=True) if stage in {"score", "sanitize"}]

        def adopted(worker: Worker) -> float | None:
            times = (
                datetime.fromisoformat(str(line["timestamp"])).timestamp()
                for line in worker.said("version_adopted")
                if line["version"] == version and line["alias"] == "champion"
            )
            return max((at for at in times if at >= since), default=None)

        patiently(lambda: all(adopted(worker) for worker in judges))
        return max(at for worker in judges if (at := adopted(worker))) - since

    def _bear(self, tokens: Body) -> None:
        self.client.headers["Authorization"] = f"Bearer {tokens['access_token']}"


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False
