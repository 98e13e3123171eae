"""Five who ask: each with a project of its own that has one of everything, so that none takes from another."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import msgspec

from api.indexing.indexer import Indexer
from api.roles import Principal, Role
from api.store.found import KeptRejected
from api.store.projects import Project
from api.store.work import Dataset
from api.work import grants
from deepsentry import topics, wire
from deepsentry.events import Job, JobReport, ModelReference, Verdict, WorkerStatus
from deepsentry.kafka import Stored
from deepsentry.links import Link, sign
from models.archive import pack
from models.registry import Registry
from tests.integration.api.house import House, Someone
from tests.integration.api.world import strange
from tests.unit.streams.alerts.builders import alert

KINDS: dict[str, tuple[str, Role, Role]] = {
    "admin": ("user", "admin", "admin"),
    "operator": ("user", "operator", "operator"),
    "viewer": ("user", "viewer", "viewer"),
    "key": ("key", "viewer", "operator"),
    "nobody": ("nobody", "viewer", "viewer"),
}
"""Caller -> what it is, its role in the house, its role in its project."""


@dataclass
class Caller:
    """Somebody, and what there is in the project of that name; `standing` maps a part of a path to what is there."""

    name: str
    house: House
    project: Project
    other: Project
    me: Someone
    standing: dict[str, str]
    archive: bytes
    made: int = field(default=0)

    @property
    def kind(self) -> str:
        return KINDS[self.name][0]

    @property
    def role(self) -> Role:
        return KINDS[self.name][1]

    @property
    def own(self) -> Role:
        return KINDS[self.name][2]

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.kind == "nobody" else self.me.headers

    def next(self) -> str:
        """Return a name that was not used."""
        self.made += 1
        return f"{self.name}-{self.made}"

    async def tell(self, topic: topics.Topic, value: object, key: str = "k") -> None:
        """Let the indexer keep what stands on a topic."""
        record = Stored(topic.name, 0, 0, 0.0, key.encode(), wire.encode(value), ())
        await Indexer(self.house.parts.work, self.house.parts.found, self.house.now, lambda _: None).take(record)

    async def job(self, *states: str) -> str:
        """Make a job of which this was said."""
        now, id_ = self.house.now(), self.house.parts.new_id()
        model = self.standing["model"]
        job = Job(id_, "train", self.project.id, self.standing["dataset"], self.me.id, model, now, {"seed": 1})
        await self.tell(topics.JOBS, job)
        for number, state in enumerate(states, 1):
            report = JobReport(id_, number, state, now, f"{state} now", facts={"loss": 0.5})  # type: ignore[arg-type]
            await self.tell(topics.REPORTS, report)
        return id_

    async def dataset(self) -> str:
        """Make a dataset."""
        made = Dataset(
            id=self.house.parts.new_id(),
            project=self.project.id,
            name=self.next(),
            title="Web",
            topic=self.topic,
            key="",
            budget=10.0,
            retention_days=30,
            created_at=self.house.now(),
            created_by=self.me.id,
        )
        await self.house.parts.work.datasets.insert(made)
        return made.id

    async def judged(self) -> str:
        """Make an anomaly on which a verdict stands."""
        id_, reference = self.next(), ModelReference(self.standing["model"], 1, "d" * 64)
        found = strange(id_, model=reference)
        await self.tell(topics.ANOMALIES, found)
        said = Verdict(id_, "true", self.me.id, self.house.now(), found.fingerprint, "a note", model=reference)
        await self.tell(topics.FEEDBACK, said, f"verdict/{id_}")
        return id_

    async def link(self) -> str:
        """Return a signed link, as a notice of an anomaly holds it."""
        ends = self.house.now() + timedelta(days=1)
        key = self.house.settings.alerts.links.key.get_secret_value()
        return sign(Link(await self.judged(), self.standing["alert"], "true", "oncall", ends), key.encode())

    @property
    def topic(self) -> str:
        return f"{self.name}.logs.v1"


async def caller(name: str, house: House, other: Project, shop: Path) -> Caller:
    """Let somebody begin: an empty project with a topic and a model of two versions, then one of everything."""
    project = await house.project(f"of-{name}")
    kind, role, own = KINDS[name]
    me = await house.key(project, own) if kind == "key" else await _person(house, role, **{project.id: own})
    model = f"shop-{name}"
    registry = house.parts.registry
    trained, _ = Registry(shop).read("detector", 1)
    registry.save(model, trained)
    registry.add(model, trained)
    principal = Principal(kind="user", id=me.id, role="admin", projects={})
    found = Caller(name, house, project, other, me, {"model": model, "number": "1"}, pack(registry.files(model, 1)))
    for what, called in (("topic", found.topic), ("model", model)):
        await grants.grant(house.parts, principal, project.id, what, called)  # type: ignore[arg-type]
    found.standing["dataset"] = await found.dataset()
    found.standing["job"] = await found.job("starting", "running", "done")
    found.standing["anomaly"] = await found.judged()
    reference = ModelReference(model, 1, "d" * 64)
    notice = alert("opened", strange(found.standing["anomaly"], model=reference)).alert
    found.standing["alert"] = found.next()
    await found.tell(topics.ALERTS, msgspec.structs.replace(notice, id=found.standing["alert"]))
    now = house.now()
    lag = {f"{found.topic}/0": 3}
    worker = WorkerStatus(f"w/{name}/score", "score", "w", 1, now, now, True, (), reference, None, lag, 1.5, now)
    await found.tell(topics.WORKERS, worker)
    rejected = f"{list(KINDS).index(name)}-1"
    await house.parts.found.rejected.insert(
        KeptRejected(
            id=rejected,
            topic=found.topic,
            source=f"{found.topic}/0/1",
            elements="",
            reason="not_json",
            stage="sanitize",
            detail="no",
            created_at=now,
            key="k",
            headers=(),
            text="<text>",
            bytes=4,
            origin=f"{found.topic}/0/1",
            expires_at=now + timedelta(days=1),
        )
    )
    found.standing["record"] = rejected
    return found


async def _person(house: House, role: Role, **projects: Role) -> Someone:
    """Make a person whose token outlives a long run."""
    made = await house.person(role, **projects)
    [session] = await house.parts.sessions.of(made.id)
    token = house.parts.tokens.issue("access", made.id, session.id, timedelta(hours=6))
    return Someone(made.id, {"Authorization": f"Bearer {token}"})
