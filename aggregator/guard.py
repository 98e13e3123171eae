"""The grid as a job may use it: its own sites, bounded waits, messages that die with their round, one answer each."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NoReturn, TypeVar

from flwr.app import Message
from flwr.serverapp import Grid

from aggregator.flower import ErrorCode
from deepsentry.errors import FederationError

GRACE: Final = 5.0
"""Seconds that a message lives longer than the wait for its answer."""
TRIES: Final = 3
"""How often the same is asked, at most, where sites were silent."""
SILENT: Final = frozenset(
    {
        ErrorCode.MESSAGE_UNAVAILABLE,
        ErrorCode.REPLY_MESSAGE_UNAVAILABLE,
        ErrorCode.NODE_UNAVAILABLE,
        ErrorCode.CLIENT_APP_CRASHED,
    }
)
"""Errors that a site did not tell itself: it was killed, or its line was cut."""

T = TypeVar("T")


class NotEnoughSites(FederationError):
    """Too few sites are online, or answered; `hope` tells whether it may help to ask anew."""

    def __init__(self, message: str, *, hope: bool = False) -> None:
        super().__init__(message)
        self.hope = hope


class GuardedGrid(Grid):
    """Wraps a grid. Flower's own waits for missing sites without an end, and takes whatever came."""

    def __init__(
        self,
        grid: Grid,
        members: Mapping[str, int],
        quorum: int,
        wait_s: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        poll_s: float = 0.25,
    ) -> None:
        self._grid = grid
        self._names = {node: name for name, node in members.items()}
        self._quorum = quorum
        self._wait_s = wait_s
        self._clock = clock
        self._sleep = sleep
        self._poll_s = poll_s

    @property
    def run(self) -> Any:
        """The run."""
        return self._grid.run

    def set_run(self, run: Any) -> None:
        """Set the run."""
        self._grid.set_run(run)

    def create_message(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Refuse; Flower's own strategies do not ask for it either. Raises FederationError."""
        message = "a job's messages are made by their constructor, flwr.app.Message, and sent with send_and_receive"
        raise FederationError(message)

    def name_of(self, node: int) -> str:
        """Return the site behind a node id; empty where it is none of the job's."""
        return self._names.get(node, "")

    def get_node_ids(self) -> list[int]:
        """Return the job's sites that are online."""
        return sorted(node for node in self._grid.get_node_ids() if node in self._names)

    def gather(self, tell: Callable[[int, int], None], only: Collection[str] = ()) -> list[int]:
        """Wait for the quorum and return the sites that are online, of `only` where some are named.

        Raises NotEnoughSites after the wait.
        """
        wanted = {node for node, name in self._names.items() if name in only or not only}
        end, told = self._clock() + self._wait_s, -1
        while True:
            online = [node for node in self.get_node_ids() if node in wanted]
            if len(online) == len(wanted) or (len(online) >= self._quorum and self._clock() > end - self._wait_s / 2):
                return online
            if len(online) != told:
                told = len(online)
                tell(told, self._quorum)
            if self._clock() >= end:
                if len(online) >= self._quorum:
                    return online
                away = sorted(self._names[node] for node in wanted.difference(online))
                message = (
                    f"{len(online)} of {self._quorum} sites needed were online within {self._wait_s:g} s; "
                    f"away: {', '.join(away)}"
                )
                raise NotEnoughSites(message)
            self._sleep(self._poll_s)

    def push_messages(self, messages: Iterable[Message]) -> list[str]:
        """Send to the job's sites alone."""
        sent = list(messages)
        for message in sent:
            if message.metadata.dst_node_id not in self._names:
                refusal = f"node {message.metadata.dst_node_id} is none of the job's sites"
                raise FederationError(refusal)
        return list(self._grid.push_messages(sent))

    def pull_messages(self, message_ids: Iterable[str]) -> list[Message]:
        """Return what came."""
        return list(self._grid.pull_messages(message_ids))

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> list[Message]:
        """Return one answer for each message that was answered in time, from the site that it was sent to."""
        within = 60.0 if timeout is None else timeout
        sent = list(messages)
        for message in sent:
            message.metadata.ttl = within + GRACE
        if not sent:
            return []
        asked = dict(zip(self.push_messages(sent), (m.metadata.dst_node_id for m in sent), strict=True))
        asked.pop(None, None)  # type: ignore[call-overload]  # what the SuperLink did not take has no id
        got: list[Message] = []
        end = self._clock() + within
        while asked and self._clock() < end:
            for reply in self.pull_messages(list(asked)):
                node = asked.pop(reply.metadata.reply_to_message_id, None)
                if node is None:
                    continue  # answered before, or never asked
                if reply.has_error() or reply.metadata.src_node_id == node:
                    got.append(reply)
            if asked:
                self._sleep(self._poll_s)
        return got

    def again(
        self,
        ask: Callable[[list[int], int], T],
        tell: Callable[[str, int, int], None],
        only: Collection[str] = (),
        tries: int = TRIES,
    ) -> T:
        """Return what `ask` makes of the sites that are online; where some were silent they may be back, so once more.

        Raises NotEnoughSites.
        """
        attempt = 1
        while True:
            online = self.gather(lambda found, need: tell("", found, need), only)
            try:
                return ask(online, attempt)
            except NotEnoughSites as error:
                if attempt == tries or not error.hope:
                    raise
                tell(f"{str(error)[:300]}; asked anew", len(online), self._quorum)
            attempt += 1

    def check(self, good: int, asked: int, replies: Sequence[Message]) -> None:
        """Raise NotEnoughSites where fewer than the quorum answered well."""
        if good < self._quorum:
            message = f"{good} of {asked} sites answered well, {self._quorum} are needed"
            spoke = sum(not (reply.has_error() and reply.error.code in SILENT) for reply in replies)
            raise NotEnoughSites(message, hope=good + asked - spoke >= self._quorum)
