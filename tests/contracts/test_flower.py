"""What we use of Flower beyond its public API is still there, and takes what we give it."""

import dataclasses
import importlib
import inspect
from importlib.metadata import version

import pytest

NAMES = [
    ("flwr.cli.build", "build_fab_from_files", ["files"]),
    ("flwr.common.serde", "fab_to_proto", ["fab"]),
    ("flwr.common.serde", "message_from_proto", ["message_proto"]),
    ("flwr.common.serde", "message_to_proto", ["message"]),
    ("flwr.common.serde", "user_config_to_proto", ["user_config"]),
    ("flwr.supercore.auth", "load_superexec_auth_secret", ["secret_file"]),
    ("flwr.supercore.fab", "Fab", ["hash_str", "content", "verifications"]),
    ("flwr.supercore.interceptors", "RuntimeTokenHttpInterceptor", ["token"]),
    ("flwr.supercore.interceptors", "RuntimeVersionHttpInterceptor", ["component_name"]),
    ("flwr.supercore.interceptors", "SuperExecAuthHttpInterceptor", ["master_secret", "protected_methods"]),
    ("flwr.supercore.primitives.asymmetric", "public_key_to_bytes", ["public_key"]),
    ("flwr.supercore.retry", "RetryInvoker", ["wait_gen_factory", "recoverable_exceptions", "max_tries", "max_time"]),
    ("flwr.supercore.retry", "exponential", ["max_delay"]),
    ("flwr.supernode.runtime.run_clientapp", "pull_task_input", ["client"]),
    ("flwr.supernode.runtime.run_clientapp", "push_message", ["client", "message", "context"]),
    ("flwr.supernode.runtime.run_clientapp", "push_task_output", ["client", "context", "sub_status", "details"]),
    ("flwr.superlink.main", "create_app", []),
    ("flwr.superlink.auth_plugin", "NoOpControlAuthnPlugin", []),
    ("flwr.supercore.auth.typing", "AccountInfo", ["flwr_aid", "account_name"]),
    ("flwr.superlink.cli.flower_superlink", "_parse_superlink_lifespan_config", []),
    ("flwr.superlink.cli.flower_superlink", "_run_superlink_http_api", ["lifespan_config"]),
    ("flwr.supernode.cli", "flower_supernode", []),
    ("flwr.supercore.cli", "flower_superexec", []),
]
METHODS = [
    ("flwr.supercore.control", "ControlHttpClient", ["StartRun", "StopRun", "ListRuns", "ListNodes", "RegisterNode"]),
    ("flwr.supercore.control", "ControlHttpClient", ["UnregisterNode", "from_server_address", "close"]),
    (
        "flwr.supercore.runtime",
        "RuntimeHttpClient",
        ["AcquireTask", "SendTaskHeartbeat", "from_server_address", "close"],
    ),
]
MESSAGES = [
    ("flwr.proto.control_pb2", "StartRunRequest", {"fab", "override_config"}),
    ("flwr.proto.control_pb2", "RegisterNodeRequest", {"public_key", "name"}),
    ("flwr.proto.control_pb2", "UnregisterNodeRequest", {"node_id"}),
    ("flwr.proto.control_pb2", "ListRunsRequest", {"run_id"}),
    ("flwr.proto.control_pb2", "ListNodesResponse", {"nodes_info"}),
    ("flwr.proto.node_pb2", "NodeInfo", {"node_id", "status"}),
    ("flwr.proto.runtime_pb2", "AcquireTaskRequest", {"supported_task_types"}),
    ("flwr.proto.runtime_pb2", "SendTaskHeartbeatResponse", {"success"}),
]


def test_the_release_is_the_one_that_was_tried() -> None:
    assert version("flwr").startswith("1.41.")


@pytest.mark.parametrize(("module", "name", "parameters"), NAMES, ids=[f"{m}.{n}" for m, n, _ in NAMES])
def test_a_name_is_there_and_takes_what_it_is_given(module: str, name: str, parameters: list[str]) -> None:
    found = inspect.signature(getattr(importlib.import_module(module), name)).parameters
    assert set(parameters) <= set(found)
    ours = set(parameters)
    assert not [
        p.name
        for p in found.values()
        if p.default is p.empty and p.kind not in {p.VAR_POSITIONAL, p.VAR_KEYWORD} and p.name not in ours
    ]


@pytest.mark.parametrize(("module", "name", "methods"), METHODS)
def test_a_client_has_the_calls(module: str, name: str, methods: list[str]) -> None:
    kind = getattr(importlib.import_module(module), name)
    assert all(callable(getattr(kind, method)) for method in methods)


def test_clients_are_made_as_we_make_them() -> None:
    for module, name in (
        ("flwr.supercore.control", "ControlHttpClient"),
        ("flwr.supercore.runtime", "RuntimeHttpClient"),
    ):
        parameters = inspect.signature(getattr(importlib.import_module(module), name).from_server_address).parameters
        assert {"server_address", "insecure", "root_certificates", "interceptors"} <= set(parameters)


@pytest.mark.parametrize(("module", "name", "fields"), MESSAGES)
def test_a_message_has_the_fields(module: str, name: str, fields: set[str]) -> None:
    assert fields <= {f.name for f in getattr(importlib.import_module(module), name).DESCRIPTOR.fields}


def test_the_loop_of_a_node_takes_messages_by_the_step_that_we_replace() -> None:
    loop = importlib.import_module("flwr.supernode.start_client_internal")
    step = inspect.signature(loop._pull_and_store_message).parameters
    assert {"state", "pull_object", "confirm_message_received"} <= set(step)
    source = inspect.getsource(loop.start_client_internal)
    assert "run_id = _pull_and_store_message(\n                state=state," in source
    assert "if run_id is None:" in source


def test_the_launcher_finds_what_it_judges() -> None:
    from flwr.superlink.config_loader import SuperLinkLifespanConfig  # noqa: PLC0415

    wanted = {
        "insecure",
        "certificates",
        "enable_supernode_auth",
        "isolation",
        "superexec_auth_secret",
        "database",
        "runtime_dependency_install",
        "authn_plugin",
    }
    assert wanted <= {f.name for f in dataclasses.fields(SuperLinkLifespanConfig)}


def test_the_token_is_asked_for_by_the_method_that_we_replace() -> None:
    from flwr.common.constant import ACCESS_TOKEN_KEY  # noqa: PLC0415
    from flwr.superlink.auth_plugin import NoOpControlAuthnPlugin  # noqa: PLC0415

    found = inspect.signature(NoOpControlAuthnPlugin.validate_tokens_in_metadata)
    assert list(found.parameters) == ["self", "metadata"]
    assert isinstance(ACCESS_TOKEN_KEY, str)


def test_a_message_carries_its_id_and_its_source_where_we_look() -> None:
    from flwr.app import Metadata  # noqa: PLC0415

    text = inspect.getsource(Metadata)
    assert "_message_id" in text
    assert "_src_node_id" in text
