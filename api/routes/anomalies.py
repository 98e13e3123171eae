"""What the stream found, and what people say of it."""

from typing import Annotated, Any, Literal

from fastapi import Path, Query

from api.dependencies import HouseParts, Operating, Page, Viewing
from api.routing import router
from api.schemas.common import Moment, PageOf
from api.schemas.found import AlertInFull, AlertShown, AnomalyInFull, AnomalyShown
from api.schemas.work import NewVerdict, VerdictShown
from api.store.collection import Stored
from api.store.found import KeptVerdict
from api.work import anomalies
from api.work.anomalies import Wanted
from deepsentry import wire
from deepsentry.errors import NotFound
from deepsentry.events import AlertStatus, Judgement, Severity, View

routes = router("/projects/{project}", "anomalies")
EventId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,128}$", examples=["5b8f3d0c2a1e4f7b9c6d8e0f1a2b3c4d"])]
Word = Annotated[str, Query(max_length=255, pattern=r"^[^\x00]*$")]
Text = Annotated[str, Query(max_length=200, description="Beginnings of words.")]
Sorted = Annotated[Literal["-detected_at", "detected_at", "-score", "score"], Query(alias="sort")]


@routes.get("/anomalies")
async def list_anomalies(
    scope: Viewing,
    parts: HouseParts,
    asked: Page,
    sort: Sorted = "-detected_at",
    model: Word = "",
    service: Word = "",
    fingerprint: Word = "",
    severity: Severity | None = None,
    view: View | None = None,
    judgement: Judgement | None = None,
    least: Annotated[float | None, Query(ge=0, description="Score, at least; 1 is the threshold.")] = None,
    since: Moment | None = None,
    until: Moment | None = None,
    q: Text = "",
) -> PageOf[AnomalyShown]:
    """Return what the models of the project found."""
    said = {"model": model, "service": service, "fingerprint": fingerprint}
    chosen = {"severity": severity or "", "view": view or "", "judgement": judgement or ""}
    wanted = Wanted(tuple((said | chosen).items()), least, since, until, q)
    found = await anomalies.anomalies(parts, scope.project.id, asked, sort, wanted)
    return PageOf(items=[AnomalyShown.model_validate(_fields(each)) for each in found.items], next=found.next)


@routes.get("/anomalies/{anomaly}")
async def show_anomaly(anomaly: EventId, scope: Viewing, parts: HouseParts) -> AnomalyInFull:
    """Return an anomaly with its lines and its explanation."""
    found = await anomalies.anomaly(parts, scope.project.id, anomaly)
    return AnomalyInFull.model_validate(_fields(found) | {"event": wire.from_json(found.event)})


@routes.get("/alerts")
async def list_alerts(
    scope: Viewing,
    parts: HouseParts,
    asked: Page,
    status: AlertStatus | None = None,
    severity: Severity | None = None,
    service: Word = "",
    q: Text = "",
) -> PageOf[AlertShown]:
    """Return the alerts of the project's models, the newest first."""
    wanted = Wanted((("status", status or ""), ("severity", severity or ""), ("service", service)), text=q)
    found = await anomalies.alerts(parts, scope.project.id, asked, wanted)
    return PageOf(items=[AlertShown.model_validate(each) for each in found.items], next=found.next)


@routes.get("/alerts/{alert}")
async def show_alert(alert: EventId, scope: Viewing, parts: HouseParts) -> AlertInFull:
    """Return an alert with its strangest anomaly."""
    found = await anomalies.alert(parts, scope.project.id, alert)
    return AlertInFull.model_validate(_fields(found) | {"event": wire.from_json(found.event)})


@routes.get("/verdicts")
async def list_verdicts(scope: Viewing, parts: HouseParts, asked: Page) -> PageOf[VerdictShown]:
    """Return what people said of the project's anomalies, the newest first."""
    found = await anomalies.verdicts(parts, scope.project.id, asked)
    return PageOf(items=[_verdict(each) for each in found.items], next=found.next)


@routes.put("/anomalies/{anomaly}/verdict")
async def judge(new: NewVerdict, anomaly: EventId, scope: Operating, parts: HouseParts) -> VerdictShown:
    """Say what an anomaly was; the newest word counts, and the alert workers hear of it."""
    said = await anomalies.judge(parts, scope.principal, scope.project.id, anomaly, new.judgement, new.note, new.alert)
    return VerdictShown(
        anomaly=said.anomaly,
        judgement=said.judgement,
        by=said.by,
        at=said.at,
        note=said.note,
        alert=said.alert,
        withdrawn=False,
    )


@routes.get("/anomalies/{anomaly}/verdict")
async def show_verdict(anomaly: EventId, scope: Viewing, parts: HouseParts) -> VerdictShown:
    """Return what was last said of an anomaly."""
    found = await anomalies.verdict(parts, scope.project.id, anomaly)
    if found is None:
        message = "nobody has judged it"
        raise NotFound(message)
    return _verdict(found)


@routes.delete("/anomalies/{anomaly}/verdict", status_code=204)
async def withdraw(anomaly: EventId, scope: Operating, parts: HouseParts) -> None:
    """Take a verdict back; whatever followed from it is undone."""
    await anomalies.withdraw(parts, scope.principal, scope.project.id, anomaly)


def _fields(found: Stored) -> dict[str, Any]:
    return {name: getattr(found, name) for name in found.__struct_fields__}


def _verdict(found: KeptVerdict) -> VerdictShown:
    return VerdictShown.model_validate(_fields(found) | {"anomaly": found.id, "at": found.created_at})
