"""bin/serve as an operator treats it: started twice, killed, told to stop under load."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.serving import DIRECT, Server, serving

pytestmark = pytest.mark.slow

PRODUCT = b'{"sku":"A1","name":"Water bottle","brand":"Bhoomi","category":"Kitchen","price":50000}\n'


def call(server: Server, path: str, user: str, role: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    """One request with a fresh token; status and parsed body."""
    token = server.miles("token", user, "--role", role).stdout.strip()
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **headers, "Authorization": f"Bearer {token}"}
    method = {"/admin/products": "PUT"}.get(path, "POST" if body is not None else "GET")
    request = urllib.request.Request(server.url + path, data, headers, method=method)
    with DIRECT.open(request, timeout=30) as answer:
        return answer.status, json.load(answer)


def grant(server: Server, key: str) -> tuple[int, Any]:
    """200 points for ann."""
    body = {"points": 200, "reason": "Welcome"}
    return call(server, "/admin/accounts/ann/adjustments", "root", "admin", body, **{"Idempotency-Key": key})


def points(server: Server) -> int:
    """What ann can spend."""
    available: int = call(server, "/user/points", "ann", "customer")[1]["available"]
    return available


def kill_all_of(home: Path) -> None:
    """kill -9 for the server, its children and its database."""
    for process in processes_of(home):
        with contextlib.suppress(ProcessLookupError):  # its parent took it along
            os.kill(process, signal.SIGKILL)


def adjustments_counted(server: Server) -> float:
    """What the server's own metrics say of the one grant."""
    with DIRECT.open(f"{server.url}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    found = [line for line in lines if line.startswith("miles_http_requests_total") and "adjustments" in line]
    return sum(float(line.split()[-1]) for line in found)


def processes_of(home: Path) -> set[int]:
    """Every process whose environment or working folder is of this home."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            is_ours = str(home).encode() in (folder / "environ").read_bytes() or str(
                (folder / "cwd").readlink()
            ).startswith(str(home))
        except OSError:
            continue  # gone, or not ours to look at
        if is_ours and int(folder.name) != os.getpid():
            found.add(int(folder.name))
    return found


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A MILES_HOME; whatever a test leaves running there is killed."""
    yield tmp_path / "home"
    kill_all_of(tmp_path / "home")


def test_a_second_start_finds_what_the_first_wrote_and_tells_no_story_twice(home: Path) -> None:
    with serving(home) as server:
        grant(server, "k1")
        story = call(server, "/admin/transactions?limit=100", "root", "auditor")[1]["items"]
        assert {item["type"] for item in story} == {"earn", "use", "expire", "manual", "restore"}
    with serving(home) as server:
        assert points(server) == 200
        assert call(server, "/admin/transactions?limit=100", "root", "auditor")[1]["items"] == story


def test_told_to_stop_it_answers_what_is_under_way_and_leaves_nothing_running(home: Path) -> None:
    with serving(home, MILES_SAMPLE_DATA="0") as server:
        call(server, "/admin/products", "root", "admin", PRODUCT, **{"Content-Type": "application/x-ndjson"})
        body = {"items": [{"product_id": 1, "quantity": 1}], "payment_method": "pm_sandbox_slow"}
        answers: list[tuple[int, Any]] = []

        def buy() -> None:
            answers.append(call(server, "/checkout/", "ann", "customer", body, **{"Idempotency-Key": "slow"}))

        buying = threading.Thread(target=buy)
        buying.start()
        while "sandbox_slow" not in slow_charges_under_way(server):
            time.sleep(0.05)
        assert server.stop() == 0
        buying.join()
    (answer,) = answers
    assert answer[0] == 201
    assert answer[1]["status"] == "paid"
    assert processes_of(home) == set()


def slow_charges_under_way(server: Server) -> str:
    """The marker once the order is placed and the gateway takes its two seconds."""
    orders = call(server, "/admin/orders?status=pending", "root", "auditor")[1]["items"]
    return "sandbox_slow" if orders else ""


def test_killed_without_warning_it_just_starts_again(home: Path) -> None:
    server = Server(home, MILES_SAMPLE_DATA="0")
    server.wait_until_ready()
    grant(server, "k1")
    server.process.kill()
    server.stop()
    with serving(home, server.port, MILES_SAMPLE_DATA="0") as again:
        assert points(again) == 200
        assert grant(again, "k1")[1] == grant(again, "k1")[1]
        assert points(again) == 200


def test_killed_with_its_database_and_every_child_it_just_starts_again(home: Path) -> None:
    server = Server(home, MILES_SAMPLE_DATA="0")
    server.wait_until_ready()
    grant(server, "k1")
    kill_all_of(home)
    server.stop()
    with serving(home, MILES_SAMPLE_DATA="0") as again:
        assert points(again) == 200


def test_killed_while_it_tells_its_story_it_goes_on_where_it_stopped(home: Path) -> None:
    cut_off = Server(home)
    while not (home / "postgres" / "initialised").exists():
        time.sleep(0.02)
    time.sleep(0.7)  # somewhere in the migrations, the catalogue or the story
    kill_all_of(home)
    cut_off.stop()
    with serving(home) as server:
        items = call(server, "/admin/transactions?limit=100", "root", "auditor")[1]["items"]
        assert len(items) == 17
        assert server.miles("projections", "verify").returncode == 0


def test_a_port_in_use_is_said_in_one_line(home: Path) -> None:
    with serving(home, MILES_SAMPLE_DATA="0") as server:
        second = subprocess.run(
            [server.process.args[0], "--no-scheduler"],  # type: ignore[index]
            env={**server.environment, "MILES_HOME": str(home.with_name("other")), "MILES_SAMPLE_DATA": "0"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert second.returncode != 0
        assert f"port {server.port}" in second.stderr
        assert len(second.stderr.strip().splitlines()) == 1


def test_two_servers_share_a_home_and_the_last_one_stops_the_database(home: Path) -> None:
    with serving(home, MILES_SAMPLE_DATA="0") as first:
        grant(first, "k1")
        with serving(home, MILES_SAMPLE_DATA="0") as second:
            assert points(second) == 200
            assert adjustments_counted(second) == 0
        assert points(first) == 200
        assert adjustments_counted(first) == 1
    assert processes_of(home) == set()


def test_a_worker_that_dies_is_replaced(home: Path) -> None:
    with serving(home, MILES_SAMPLE_DATA="0") as server:
        grant(server, "k1")
        workers = [pid for pid in processes_of(home) if parent_of(parent_of(pid)) == server.process.pid]
        assert len(workers) >= 2
        for worker in workers:
            with contextlib.suppress(ProcessLookupError):  # one of the database's, that ended meanwhile
                os.kill(worker, signal.SIGKILL)
        while True:
            with contextlib.suppress(OSError):  # nobody listens until the new ones do
                if points(server) == 200:
                    break
            time.sleep(0.1)
        assert server.process.poll() is None


def test_a_database_that_dies_is_started_again(home: Path) -> None:
    with serving(home, MILES_SAMPLE_DATA="0") as server:
        grant(server, "k1")
        postmaster = (home / "postgres" / "cluster" / "postmaster.pid").read_text().split()[0]
        os.kill(int(postmaster), signal.SIGKILL)
        while True:
            with contextlib.suppress(OSError):  # 503 until it is back
                if points(server) == 200:
                    break
            time.sleep(0.1)
        grant(server, "k1")
        assert points(server) == 200
    assert processes_of(home) == set()


def parent_of(pid: int) -> int:
    """A process's parent; 0 where there is none any more."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def test_a_home_with_other_letters_behind_a_proxy_starts_speaks_and_stops(tmp_path: Path) -> None:
    home = tmp_path / "mañana ₹ häuser"
    try:
        with serving(home, MILES_SAMPLE_DATA="0", http_proxy="http://127.0.0.1:9") as server:
            assert f"serves on {server.url}" in server.said.read_text()
        assert processes_of(home) == set()
    finally:
        kill_all_of(home)
