"""The platform without its database says so, in the manner of each address."""

import httpx

from sandbox.testing import SandboxServer
from tests.support.ports import free_port


def test_unreachable_database_is_503() -> None:
    dsn = f"postgresql://platform_api:x@127.0.0.1:{free_port()}/platform"
    with SandboxServer(platform_dsn=dsn) as server:
        token = {"authorization": f"Bearer {server.credentials.platform_token}"}
        answer = httpx.get(f"{server.url}/platform/v1/endpoints/spring_fair", headers=token, timeout=20)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
        page = httpx.get(f"{server.url}/platform/handover/any", timeout=20)
        assert (page.status_code, "text/html" in page.headers["content-type"]) == (503, True)
        assert httpx.get(f"{server.url}/healthz").status_code == 200


def test_no_database_at_all(sandbox_server: SandboxServer) -> None:
    answer = httpx.get(f"{sandbox_server.url}/platform/events/spring_fair/metrics")
    assert (answer.status_code, "PLATFORM_API_DSN" in answer.text) == (503, True)


def test_nul_in_an_address(sandbox_server: SandboxServer) -> None:
    assert httpx.get(f"{sandbox_server.url}/platform/events/x%00y/metrics").status_code == 400
