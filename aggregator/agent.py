"""The site's long-lived agent: takes what the SuperNode has, runs what is installed here, and nothing that was sent.

It stands in for Flower's own executor, which starts a process and imports TensorFlow again for every message.
"""

import hashlib
import threading
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol

import httpx
import msgspec
from flwr.app import Message

from aggregator import flower, records
from aggregator.audit import Audit, Line
from aggregator.participant import Participant, Refusal
from aggregator.policy import Asked, Policy, objection
from deepsentry import logs
from deepsentry.errors import VersionRefused

BEAT_S: Final = 10.0
"""A SuperNode gives a task up after 60 s of silence."""
IDLE_S: Final = 0.5
AWAY_S: Final = 1.0
MOST_SEEN: Final = 50_000

log = logs.get("site")


class Queue(Protocol):
    """Where tasks come from: `flower.Tasks`."""

    def next(self) -> Any:
        """Return the connection of the next task, None where there is none."""


class Seen:
    """What was asked before, over restarts: the same question of the same run is answered once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = dict.fromkeys(path.read_text(encoding="ascii").split("\n")) if path.exists() else {}

    def first(self, question: str) -> bool:
        """Tell whether a question is new, and remember it."""
        key = hashlib.sha256(question.encode()).hexdigest()
        if key in self._known:
            return False
        self._known[key] = None
        if len(self._known) > MOST_SEEN:
            self._known = dict.fromkeys(list(self._known)[MOST_SEEN // 2 :])
            self._path.write_text("\n".join(self._known) + "\n", encoding="ascii")
            return True
        with self._path.open("a", encoding="ascii") as file:
            file.write(key + "\n")
        return True


class Agent:
    """Handles one message at a time until told to stop."""

    def __init__(
        self,
        queue: Queue,
        participant: Participant,
        policy: Policy,
        audit: Audit,
        seen: Seen,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._queue = queue
        self._participant = participant
        self._policy = policy
        self._audit = audit
        self._seen = seen
        self._now = now
        self.stopping = threading.Event()
        self.connected = threading.Event()

    def run(self, look_after: Callable[[], None] = lambda: None) -> None:
        """Take tasks until `stopping` is set, calling `look_after` in between; a SuperNode that is away may return."""
        while not self.stopping.is_set():
            look_after()
            try:
                client = self._queue.next()
            except (httpx.HTTPError, OSError) as error:
                log.warning("supernode_away", error=type(error).__name__)
                self.connected.clear()
                self.stopping.wait(AWAY_S)
                continue
            self.connected.set()
            if client is None:
                self.stopping.wait(IDLE_S)
            else:
                self._handle(client)

    def _handle(self, client: Any) -> None:
        """Answer a task, or leave it: finished without a reply it would make the SuperNode wait for ever."""
        began, unwanted, done = time.monotonic(), threading.Event(), threading.Event()
        heart = threading.Thread(target=_beat, args=(client, done, unwanted), daemon=True)
        heart.start()
        line = Line(self._now(), "", "", "abandoned")
        try:
            task = flower.pull(client)
            reply, line = self.answer(task, unwanted.is_set)
            flower.push(client, reply, task.context)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next task must be taken
            line = _with(line, outcome="abandoned", reason=type(error).__name__)
        finally:
            done.set()
            heart.join(timeout=BEAT_S)
            client.close()
            self._audit.write(_with(line, seconds=round(time.monotonic() - began, 3)))

    def answer(self, task: flower.Task, stopped: Callable[[], bool]) -> tuple[Message, Line]:
        """Return the reply to a task and its audit line; an error tells our own words or a type, never a text."""
        config = task.message.content.config_records.get(records.CONFIG) if task.message.has_content() else None
        asked = Asked(
            app=task.run.fab_id,
            bundle=hashlib.sha256(task.bundle).hexdigest(),
            bundle_name=task.bundle_name,
            type=task.message.metadata.message_type,
            config=dict(config or {}),
        )
        line = Line(
            at=self._now(),
            run=str(task.run.run_id),
            type=asked.type[:40],
            outcome="refused",
            job=str(asked.config.get("job", ""))[:100],
            round=int(asked.number("round")),
            bundle=asked.bundle,
            sites=int(asked.number("sites")),
            bytes_in=size(task.message),
        )
        reason = objection(self._policy, asked) or self._again(task, asked)
        if reason:
            return _error(task.message, flower.ErrorCode.INVALID_FAB, f"site policy: {reason}"), _with(
                line, reason=reason
            )
        try:
            reply = self._participant.answer(task.message, asked, stopped)
        except (Refusal, VersionRefused) as error:
            said = str(error)[:200]
            return _error(task.message, flower.ErrorCode.INVALID_FAB, said), _with(line, reason=said)
        except Exception as error:  # noqa: BLE001 - its text may quote a log, so the type alone is told
            kind = type(error).__name__
            place = traceback.extract_tb(error.__traceback__)[-1]
            log.error("answer_failed", type=asked.type, error=kind, file=Path(place.filename).name, line=place.lineno)  # noqa: TRY400
            return (
                _error(task.message, flower.ErrorCode.CLIENT_APP_RAISED_EXCEPTION, kind),
                _with(line, outcome="failed", reason=kind),
            )
        line = _with(line, outcome="answered", told=reply.told, weights=reply.weights, bytes_out=size(reply.message))
        return reply.message, line

    def _again(self, task: flower.Task, asked: Asked) -> str:
        """Return why a question is a repeated one; stages of secure aggregation have a memory of their own."""
        if asked.type.startswith("train."):
            return ""
        place = f"{int(asked.number('round'))} {int(asked.number('attempt'))}"
        question = f"{task.run.run_id} {asked.type} {place} {asked.config.get('digest', '')}"
        return "" if self._seen.first(question) else "this was asked before in the same run"


def size(message: Message) -> int:
    """Return the bytes of the arrays and of the protocol's data in a message; the rest is a few hundred."""
    if not message.has_content():
        return 0
    arrays = sum(len(a.data) for record in message.content.array_records.values() for a in record.values())
    values = (v for record in message.content.config_records.values() for v in record.values())
    return arrays + sum(len(value) for value in values if isinstance(value, bytes))


def _error(message: Message, code: int, reason: str) -> Message:
    return Message(flower.Error(code=code, reason=reason), reply_to=message)


def _with(line: Line, **changes: Any) -> Line:
    return msgspec.structs.replace(line, **changes)


def _beat(client: Any, done: threading.Event, unwanted: threading.Event) -> None:
    while not done.is_set():
        try:
            if not flower.beat(client):
                unwanted.set()
                return
        except httpx.HTTPStatusError:
            unwanted.set()  # its token is no longer valid
            return
        except (httpx.HTTPError, OSError):
            pass  # the next beat may pass
        done.wait(BEAT_S)
