"""What an operator does: the commands, the documented session, proxies, traces, the end of the process."""

import json
import re
import shutil
import signal
import socket
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from deepsentry.control import Mongo, Redis
from tests.architecture.files import ROOT
from tests.integration.api.house import PASSWORD
from tests.integration.api.process import PATIENCE, Operator

SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ADMIN = ("users", "create-admin", "--email", "ann@example.org", "--name", "Ann")


@pytest.fixture
def operator(tmp_path: Path, mongo: Mongo, redis: Redis) -> Operator:
    return Operator(tmp_path, mongo, redis)


def test_the_documented_session_works_as_it_is_written(operator: Operator) -> None:
    assert "0001 people" in operator.run("store", "migrate").stdout
    assert operator.run("store", "migrate").stdout == "nothing to do\n"
    made = operator.run(*ADMIN, given=PASSWORD + "\n")
    assert made.status == 0, made.stderr
    session = "\n".join(SHELL.findall((ROOT / "docs" / "api.md").read_text(encoding="utf-8")))
    with operator.serving() as (_, url):
        done = subprocess.run(
            [str(shutil.which("bash")), "-euo", "pipefail", "-c", session],
            env=operator.environment(API=f"{url}/api/v1", PASSWORD=PASSWORD),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert '{"whole":true,"first_broken":null}' in done.stdout
    lines = operator.run("audit", "export").stdout.splitlines()
    assert [json.loads(line)["number"] for line in lines] == list(range(1, len(lines) + 1))
    assert operator.run("audit", "verify").stdout == "the log is whole\n"
    logged = json.dumps(operator.logged())
    for secret in (PASSWORD, "a long one that only Bob knows", "dsk_", "dsi_", "eyJ"):
        assert secret not in logged


def test_a_password_is_never_an_argument_and_a_weak_one_or_a_taken_address_is_refused(operator: Operator) -> None:
    operator.run("store", "migrate")
    assert "--password " not in operator.run(*ADMIN[:2], "--help").stdout
    weak = operator.run(*ADMIN, given="short\n")
    assert (weak.status, weak.stderr) == (1, "deepsentry: password: between 12 and 1024 characters\n")
    (operator.home / "secret").write_text(PASSWORD + "\n")
    made = operator.run(*ADMIN, "--password-file", "secret")
    assert made.status == 0, made.stderr
    assert PASSWORD not in made.stdout + made.stderr
    taken = operator.run(*ADMIN, "--password-file", "secret")
    assert (taken.status, "taken" in taken.stderr) == (1, True)
    reset = operator.run("users", "reset", "--email", "ann@example.org")
    assert "/console#invitation=dsi_" in reset.stdout
    nobody = operator.run("users", "reset", "--email", "nobody@example.org")
    assert (nobody.status, nobody.stderr) == (1, "deepsentry: nobody has this address\n")


def test_keys_are_made_and_the_newest_signs(operator: Operator) -> None:
    first = operator.run("keys", "create").stdout
    assert re.fullmatch(r"created [0-9a-f]{16}\n", first)
    assert len(list((operator.home / "keys").glob("*.pem"))) == 1
    assert operator.run("keys", "retire").stdout == "nothing to do\n"


def test_requests_that_are_being_answered_are_finished_at_the_end(operator: Operator) -> None:
    operator.run("store", "migrate")
    with operator.serving() as (process, url):
        host, port = url.removeprefix("http://").split(":")
        body = b'{"email": "nobody@example.org", "password": "wrong"}'
        lines = ["POST /api/v1/sessions HTTP/1.1", "Host: x", "Content-Type: application/json"]
        head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""])
        with socket.create_connection((host, int(port)), PATIENCE) as connection:
            connection.sendall(head.encode() + body[:10])
            httpx.get(f"{url}/health/live", timeout=PATIENCE)  # by now it reads the other one
            process.send_signal(signal.SIGTERM)
            connection.sendall(body[10:])
            assert connection.recv(4096).startswith(b"HTTP/1.1 401 ")
        process.wait(PATIENCE)


@pytest.mark.parametrize("trusted", [True, False])
def test_where_a_request_came_from_is_believed_of_trusted_proxies_only(operator: Operator, *, trusted: bool) -> None:
    operator.run("store", "migrate")
    operator.run(*ADMIN, given=PASSWORD + "\n")
    networks = '["127.0.0.0/8"]' if trusted else "[]"
    with operator.serving(DEEPSENTRY_API__TRUSTED_PROXIES=networks) as (_, url):
        given = {"email": "ann@example.org", "password": PASSWORD}
        claimed = {"X-Forwarded-For": "203.0.113.9"}
        signed = httpx.post(f"{url}/api/v1/sessions", json=given, headers=claimed, timeout=PATIENCE).json()
        headers = {"Authorization": f"Bearer {signed['access_token']}"}
        [session] = httpx.get(f"{url}/api/v1/sessions", headers=headers, timeout=PATIENCE).json()["items"]
    assert session["address"] == ("203.0.113.9" if trusted else "127.0.0.1")


def test_traces_go_where_the_operator_says_without_tokens(operator: Operator) -> None:
    received: list[bytes] = []
    arrived = threading.Event()

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()
            arrived.set()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    endpoint = f"http://127.0.0.1:{server.server_port}/v1/traces"
    with operator.serving(DEEPSENTRY_API__OTLP_ENDPOINT=endpoint) as (process, url):
        httpx.get(f"{url}/api/v1/projects", headers={"Authorization": "Bearer a-secret-token"}, timeout=PATIENCE)
        process.send_signal(signal.SIGTERM)
        assert arrived.wait(PATIENCE)
    server.shutdown()
    server.server_close()
    spans = ExportTraceServiceRequest.FromString(received[0])
    names = [span.name for each in spans.resource_spans for scope in each.scope_spans for span in scope.spans]
    assert any("projects" in name for name in names)
    assert b"a-secret-token" not in received[0]
