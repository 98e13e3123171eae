"""All that is used of Flower beyond its public API; pinned to 1.41, every name here is under a contract test."""

import functools
import hashlib
import importlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import httpx
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from flwr.app import Context, Error, Message
from flwr.cli.build import build_fab_from_files
from flwr.common.constant import ACCESS_TOKEN_KEY, NOOP_ACCOUNT_NAME, NOOP_FLWR_AID, ErrorCode, SubStatus
from flwr.common.serde import fab_to_proto, message_from_proto, message_to_proto, user_config_to_proto
from flwr.proto.control_pb2 import (
    ListNodesRequest,
    ListRunsRequest,
    RegisterNodeRequest,
    StartRunRequest,
    StopRunRequest,
    UnregisterNodeRequest,
)
from flwr.proto.runtime_pb2 import AcquireTaskRequest, SendTaskHeartbeatRequest
from flwr.supercore.auth import load_superexec_auth_secret
from flwr.supercore.auth.typing import AccountInfo
from flwr.supercore.control import ControlHttpClient
from flwr.supercore.fab import Fab
from flwr.supercore.interceptors import (
    RuntimeTokenHttpInterceptor,
    RuntimeVersionHttpInterceptor,
    SuperExecAuthHttpInterceptor,
)
from flwr.supercore.primitives.asymmetric import public_key_to_bytes
from flwr.supercore.retry import RetryInvoker, exponential
from flwr.supercore.run import Run
from flwr.supercore.runtime import RuntimeHttpClient
from flwr.supercore.task_identity import TaskIdentity
from flwr.superlink.auth_plugin import NoOpControlAuthnPlugin

from deepsentry.errors import FederationError

__all__ = [
    "ACCESS_TOKEN_KEY",
    "AccountInfo",
    "Bundle",
    "Control",
    "Error",
    "ErrorCode",
    "NoOpControlAuthnPlugin",
    "Run",
    "RunState",
    "Task",
    "Tasks",
    "account",
    "as_on_the_wire",
    "bundle_of",
    "parse_superlink",
    "run_superlink",
    "stamp",
]

stock: Any = importlib.import_module("flwr.supernode.runtime.run_clientapp")
_TASKS: Final = frozenset({"/flwr.proto.Runtime/AcquireTask"})
_MOST_OBJECTION: Final = 200
_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a run is started with; sites compare it, and run nothing of it."""

    content: bytes

    @property
    def digest(self) -> str:
        """SHA-256, hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


def bundle_of(files: Mapping[str, bytes]) -> Bundle:
    """Return the bundle of files by name; the same files always give the same bytes."""
    with warnings.catch_warnings():  # of a pattern syntax that flwr 1.41 still names by its old name
        warnings.simplefilter("ignore", DeprecationWarning)
        content, _ = build_fab_from_files(dict(files))
    return Bundle(content)


@dataclass(frozen=True, slots=True)
class RunState:
    """`status` is pending, starting, running or finished; then `outcome` is completed, failed or stopped."""

    status: str
    outcome: str
    details: str


class _Bearer:
    """Puts the token into every request."""

    def __init__(self, token: str) -> None:
        self._value = f"Bearer {token}"

    def intercept(self, context: Any, call: Callable[[Any], Any]) -> Any:
        context.request.headers["authorization"] = self._value
        return call(context)


class Control:
    """The Control API of our SuperLink. Every call raises FederationError with what the other side said."""

    def __init__(self, address: str, authority: bytes, token: str) -> None:
        self._client = ControlHttpClient.from_server_address(
            server_address=address,
            insecure=False,
            root_certificates=authority,
            interceptors=[RuntimeVersionHttpInterceptor(component_name="flwr CLI"), _Bearer(token)],
        )

    def start(self, bundle: Bundle, config: Mapping[str, str]) -> int:
        """Start a run and return its id."""
        fab = Fab(bundle.digest, bundle.content, {})
        ask = StartRunRequest(fab=fab_to_proto(fab), override_config=user_config_to_proto(dict(config)))
        return int(self._call("StartRun", ask).run_id)

    def state(self, run: int) -> RunState:
        """Return how far a run is."""
        found = self._call("ListRuns", ListRunsRequest(run_id=run)).run_dict[run].status
        return RunState(found.status, found.sub_status, found.details)

    def stop(self, run: int) -> bool:
        """Stop a run; False where it was over."""
        return bool(self._call("StopRun", StopRunRequest(run_id=run)).success)

    def nodes(self) -> dict[int, str]:
        """Return node id -> registered, online, offline or unregistered."""
        return {n.node_id: n.status for n in self._call("ListNodes", ListNodesRequest()).nodes_info}

    def register(self, name: str, key: EllipticCurvePublicKey) -> int:
        """Let the holder of a private key connect; return the node id that it will have."""
        ask = RegisterNodeRequest(public_key=public_key_to_bytes(key), name=name)
        return int(self._call("RegisterNode", ask).node_id)

    def unregister(self, node: int) -> None:
        """Let a node connect no more."""
        self._call("UnregisterNode", UnregisterNodeRequest(node_id=node))

    def close(self) -> None:
        """Give the connection back."""
        self._client.close()

    def _call(self, name: str, ask: Any) -> Any:
        try:
            return getattr(self._client, name)(ask)
        except httpx.HTTPStatusError as error:
            said = f"{error.response.status_code} {error.response.text[:_MOST_OBJECTION]}"
            message = f"the SuperLink refused {name}: {said}"
            raise FederationError(message) from None
        except httpx.HTTPError as error:
            message = (
                f"the SuperLink did not answer {name}: {type(error).__name__}; is `deepsentry aggregator serve` up?"
            )
            raise FederationError(message) from None


# --- the launcher's side: the package exports functions by the names of these modules, hence import_module


def parse_superlink() -> Any:
    """Return the configuration that the flags of this process describe."""
    return importlib.import_module("flwr.superlink.cli.flower_superlink")._parse_superlink_lifespan_config()  # noqa: SLF001


def run_superlink(config: Any, plugin: NoOpControlAuthnPlugin, guard: Callable[..., Any]) -> None:
    """Serve until told to end; `guard` is the outermost layer of the ASGI application."""
    main: Any = importlib.import_module("flwr.superlink.main")
    stock_app = main.create_app

    @functools.wraps(stock_app)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        app = stock_app(*args, **kwargs)
        app.add_middleware(guard)
        return app

    main.create_app = guarded
    cli: Any = importlib.import_module("flwr.superlink.cli.flower_superlink")
    cli._run_superlink_http_api(replace(config, authn_plugin=plugin))  # noqa: SLF001


def account() -> AccountInfo:
    """Return the one account that the open-source federation knows."""
    return AccountInfo(flwr_aid=NOOP_FLWR_AID, account_name=NOOP_ACCOUNT_NAME)


# --- the site's side


@dataclass(frozen=True, slots=True)
class Task:
    """A message with what came beside it."""

    message: Message
    context: Context
    run: Run
    bundle: bytes
    bundle_name: str
    """The digest that the bundle is said to have."""


class Tasks:
    """What a SuperNode has to do, in the place of its executor."""

    def __init__(self, address: str, secret_file: Path) -> None:
        self._address = address
        secret: Any = load_superexec_auth_secret(secret_file=str(secret_file))
        self._queue = self._connect(SuperExecAuthHttpInterceptor(master_secret=secret, protected_methods=_TASKS))

    def next(self) -> RuntimeHttpClient | None:
        """Return the connection of the next task, None where there is none now. Raises httpx.HTTPError."""
        found = self._queue.AcquireTask(AcquireTaskRequest(supported_task_types=["flwr-clientapp"]))
        return self._connect(RuntimeTokenHttpInterceptor(found.token)) if found.token else None

    def _connect(self, interceptor: Any) -> RuntimeHttpClient:
        return RuntimeHttpClient.from_server_address(
            server_address=self._address,
            insecure=True,  # loopback only
            root_certificates=None,
            interceptors=[RuntimeVersionHttpInterceptor(component_name="SuperExec"), interceptor],
            retry_invoker=_again(),
        )


def _again() -> RetryInvoker:
    """Return what repeats calls that were cut off. Flower's own ends the whole process where one task is refused."""
    return RetryInvoker(lambda: exponential(max_delay=2), httpx.TransportError, _TRIES, None)


def pull(client: RuntimeHttpClient) -> Task:
    """Return the task behind a connection."""
    message, context, run, fab = stock.pull_task_input(client)
    return Task(message, context, run, fab.content, fab.hash_str)


def push(client: RuntimeHttpClient, reply: Message, context: Context) -> None:
    """Send a reply and end the task."""
    stock.push_message(client, reply, context)
    sub_status = SubStatus.FAILED if reply.has_error() else SubStatus.COMPLETED
    stock.push_task_output(client=client, context=context, sub_status=sub_status, details="")


def beat(client: RuntimeHttpClient) -> bool:
    """Say that a task is still worked on; False where nobody wants it any more."""
    return bool(client.SendTaskHeartbeat(SendTaskHeartbeatRequest()).success)


# --- tests: what the other side would read


def as_on_the_wire(message: Message) -> Message:
    """Return a copy that has been serialised; keeps one side's changes from the other."""
    copy = message_from_proto(message_to_proto(message))
    copy.metadata.__dict__["_message_id"] = message.metadata.message_id
    return copy


def stamp(message: Message, *, source: int | None = None) -> Message:
    """Give a message the id that the grid would give it, or another source."""
    if source is None:
        message.metadata.__dict__["_message_id"] = message.object_id
    else:
        message.metadata.__dict__["_src_node_id"] = source
    return message


def act_as(run: int, node: int) -> None:
    """Make this process the sender of the messages that it creates."""
    TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id = 1, run, node


def headers_of(metadata: Sequence[tuple[str, str | bytes]]) -> list[bytes]:
    """Return the values of the access token in call metadata, as bytes."""
    return [v if isinstance(v, bytes) else v.encode() for key, v in metadata if key == ACCESS_TOKEN_KEY]
