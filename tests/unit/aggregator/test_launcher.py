"""What the launcher serves, to whom, and what it refuses to serve at all."""

from types import SimpleNamespace
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from aggregator import flower
from aggregator.launcher import MOST_BODY, PathGuard, TokenPlugin, unsafe

TOKEN = b"t" * 40
SAFE = {
    "insecure": False,
    "certificates": (b"", b"", b""),
    "enable_supernode_auth": True,
    "isolation": "process",
    "superexec_auth_secret": b"secret",
    "database": "state.db",
    "runtime_dependency_install": False,
}


def test_a_safe_configuration_has_no_objection() -> None:
    assert unsafe(SimpleNamespace(**SAFE), {}) == []


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("insecure", True, "TLS"),
        ("certificates", None, "TLS"),
        ("enable_supernode_auth", False, "node authentication"),
        ("isolation", "subprocess", "isolation"),
        ("superexec_auth_secret", None, "secret"),
        ("database", ":flwr-in-memory:", "database"),
        ("runtime_dependency_install", True, "dependencies"),
    ],
)
def test_each_unsafe_choice_is_named(field: str, value: object, reason: str) -> None:
    [said] = unsafe(SimpleNamespace(**{**SAFE, field: value}), {})
    assert reason in said


def test_a_grpc_api_beside_ours_is_refused() -> None:
    assert unsafe(SimpleNamespace(**SAFE), {"FLWR_INTERNAL_GRPC_CONTROL_API": "1"})


@pytest.mark.parametrize("given", [[], [b"x" * 40], [TOKEN[:-1]], [TOKEN + b"t"], ["t" * 39 + "ü"]])
def test_without_the_token_nobody_comes_in(given: list[bytes | str]) -> None:
    assert TokenPlugin(TOKEN).validate_tokens_in_metadata([(flower.ACCESS_TOKEN_KEY, g) for g in given])[0] is False


def test_with_the_token_the_one_account_comes_in() -> None:
    accepted, who = TokenPlugin(TOKEN).validate_tokens_in_metadata([(flower.ACCESS_TOKEN_KEY, TOKEN)])
    assert accepted
    assert who is not None


async def _call(path: str, client: str | None, headers: list[tuple[bytes, bytes]]) -> int:
    sent: list[Message] = []

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    where: Any = (client, 5000) if client else None
    await PathGuard(app)({"type": "http", "path": path, "client": where, "headers": headers}, receive, send)
    return int(sent[0]["status"])


@pytest.mark.parametrize("path", ["/v1/runtime/pull-task-input", "/v1/responses", "/docs", "/openapi.json", "/redoc"])
async def test_what_runs_tasks_answers_loopback_alone(path: str) -> None:
    assert await _call(path, "10.0.0.7", []) == 403
    assert await _call(path, None, []) == 403
    assert await _call(path, "127.0.0.1", []) == 200


async def test_sites_reach_the_fleet_api_from_anywhere() -> None:
    assert await _call("/v1/fleet/pull-messages", "10.0.0.7", [(b"content-length", b"9")]) == 200


@pytest.mark.parametrize(
    "header",
    [(b"content-length", str(MOST_BODY + 1).encode()), (b"content-length", b"-1"), (b"transfer-encoding", b"chunked")],
)
async def test_a_body_of_no_stated_or_too_great_a_size_is_refused(header: tuple[bytes, bytes]) -> None:
    assert await _call("/v1/fleet/push-object", "10.0.0.7", [header]) == 413
