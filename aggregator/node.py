"""A SuperNode that leaves no reply lying; takes the flags of flower-supernode: python -m aggregator.node FLAGS.

Flower 1.41 hands a reply on only after a message came, and keeps the task of a message whose run ended while it was
fetched. What becomes of that task takes the place of the next reply, which then lies there until another message comes.
"""

import importlib
import os
import threading
from collections.abc import Callable
from typing import Any, Final

from flwr.supercore.run import RunNotRunningException
from flwr.supernode.cli import flower_supernode

from aggregator.children import follow_parent

loop: Any = importlib.import_module("flwr.supernode.start_client_internal")
CALLS: Final = ("pull_object", "confirm_message_received")

Pull = Callable[..., int | None]


class RunOver(Exception):
    """The run of a message ended while the message was fetched."""


def whole(pull: Pull) -> Pull:
    """Return Flower's step "take a message" so that it leaves no task behind, and waiting replies are handed on."""

    def pulled(*, state: Any, **rest: Any) -> int | None:
        calls = {name: _catchable(rest[name]) for name in CALLS}
        run: int | None = pull(state=state, **(rest | calls))
        return _waiting(state) if run is None else run

    return pulled


def _catchable(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return a call whose end of the run is an ordinary exception: only for these does Flower end the task."""

    def called(*args: Any) -> Any:
        try:
            return call(*args)
        except RunNotRunningException:
            raise RunOver from None

    return called


def _waiting(state: Any) -> int | None:
    """Return the run of a reply that nobody has handed on, None where there is none."""
    with state.lock_msg_store:
        for entry in state.msg_store.values():
            if entry.message.metadata.reply_to_message_id and not entry.is_retrieved:
                return int(entry.message.metadata.run_id)
    return None


def _fall(died: threading.ExceptHookArgs) -> None:
    """End the process with its thread: without its heart a node looks offline for ever."""
    threading.__excepthook__(died)
    os._exit(1)


def main() -> None:
    """Serve until told to end; where Flower's own loop ends, so does the process, and the site starts another."""
    follow_parent()
    threading.excepthook = _fall
    loop._pull_and_store_message = whole(loop._pull_and_store_message)  # noqa: SLF001
    status: object = 1
    try:
        flower_supernode()
    except SystemExit as ended:
        status = ended.code
    os._exit(status if isinstance(status, int) else 1)  # the thread of its API would keep the process


if __name__ == "__main__":
    main()
