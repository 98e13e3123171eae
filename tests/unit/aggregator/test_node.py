"""Flower's own node state under our loop: nothing of a run that ended stays, and no reply lies."""

import importlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from flwr.app import Message, RecordDict
from flwr.supercore.fab import Fab
from flwr.supercore.inflatable.inflatable_object import get_all_nested_objects, get_object_tree
from flwr.supercore.object_store import ObjectStoreFactory
from flwr.supercore.run import Run, RunNotRunningException
from flwr.supernode.nodestate import NodeStateFactory

from aggregator import app, flower, records
from aggregator.children import PARENT
from aggregator.node import Pull, whole
from models.shared import initial

stock: Pull = importlib.import_module("flwr.supernode.start_client_internal")._pull_and_store_message
NODE = 11


class Node:
    """A SuperNode between the network and its agent."""

    def __init__(self) -> None:
        stores = ObjectStoreFactory()
        self.store = stores.store()
        self.state: Any = NodeStateFactory(objectstore_factory=stores).state()
        self.state.set_node_id(NODE)

    def take(self, step: Pull, message: Message | None, fetched: Callable[[str], bytes]) -> int | None:
        bundle = app.bundle()
        return step(
            state=self.state,
            object_store=self.store,
            node_config={},
            receive=lambda: None if message is None else (message, get_object_tree(message)),
            get_run=Run.create_empty,
            get_fab=lambda _digest, _run: Fab(bundle.digest, bundle.content, {}),
            pull_object=lambda _run, name: fetched(name),
            confirm_message_received=lambda _run, _message: None,
            trusted_entities=None,
        )

    def unfinished(self) -> int:
        return sum(task.status.status != "finished" for task in self.state.get_tasks())


@pytest.fixture
def node() -> Node:
    return Node()


def asked() -> Message:
    flower.act_as(7, 1)
    config: dict[str, str | int | float | bool] = {"job": "j", "round": 1, "sites": 5}
    return flower.stamp(Message(records.content(config, arrays=initial(0)), NODE, "train"))


def over(_name: str) -> bytes:
    raise RunNotRunningException


def test_a_message_is_taken_as_flower_takes_it(node: Node) -> None:
    message = asked()
    objects = {name: found.deflate() for name, found in get_all_nested_objects(message).items()}
    assert node.take(whole(stock), message, objects.__getitem__) == 7
    assert node.unfinished() == 1


def test_a_run_that_ends_while_its_message_is_fetched_leaves_no_task_behind(node: Node) -> None:
    assert node.take(stock, asked(), over) is None
    assert node.unfinished() == 1  # so it is with Flower alone: the agent would wait for what never comes
    node = Node()
    assert node.take(whole(stock), asked(), over) is None
    assert node.unfinished() == 0
    assert not node.state.msg_store


def test_a_reply_is_handed_on_also_where_no_message_comes(node: Node) -> None:
    message = asked()
    flower.act_as(7, NODE)
    reply = flower.stamp(Message(RecordDict(), reply_to=message))
    node.state.store_message(reply)
    assert node.take(stock, None, over) is None
    assert node.take(whole(stock), None, over) == 7
    assert len(node.state.get_messages_legacy(is_reply=True)) == 1
    assert node.take(whole(stock), None, over) is None


def test_a_child_ends_when_who_started_it_was_killed() -> None:
    child = "import time; from aggregator.children import follow_parent; follow_parent(every=.05); time.sleep(600)"
    parent = (
        "import os, subprocess, sys, time; "
        f"p = subprocess.Popen([sys.executable, '-c', {child!r}], env=os.environ | {{{PARENT!r}: str(os.getpid())}}); "
        "print(p.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        pid = int(started.stdout.readline())
        assert _runs(pid)
        started.kill()
    while _runs(pid):
        time.sleep(0.05)


class Closed(BaseHTTPRequestHandler):
    """A node that knows nobody's token any more."""

    def do_POST(self) -> None:
        self.send_error(HTTPStatus.UNAUTHORIZED)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_node_that_refuses_a_token_ends_the_task_and_not_the_agent(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"0" * 64)
    with HTTPServer(("127.0.0.1", 0), Closed) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(httpx.HTTPStatusError):
            flower.Tasks(f"127.0.0.1:{server.server_port}", secret).next()
        server.shutdown()


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
