"""The floor under an append: pgbench sends the same rows in one pipeline, prepared, with no Python anywhere.

It owns floor.sql, which must keep writing what INLINE_FOLDS, the snapshot and the log write for one checkout. What it
leaves out is what plain SQL can do without: the low-water mark and positions in one block.
"""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

from app.config import child_environment
from app.database import Database
from app.embedded import CannotStart, binaries
from benchmarks.arena import Addresses
from benchmarks.rounds import Facts, NotMeasured

SCRIPT = Path(__file__).with_name("floor.sql")
# Before 16, pgbench cannot prepare inside a pipeline.
OLDEST = 16
ACCOUNTS = 64
"""Of each client, as on our side."""

# Each account as its opening leaves it: one lot of 50 points, which the first order spends.
OPENING = """
WITH account AS (SELECT md5(%(run)s || 'a' || n)::uuid AS id FROM generate_series(0, %(last)s) AS n),
snapshot AS (INSERT INTO snapshots SELECT id, 0, 'point_account.state', '' FROM account),
lot AS (
    INSERT INTO lots SELECT id, 0, 50, 50, now(), now(), now() + interval '1 month', 'manual', '' FROM account
)
INSERT INTO balances SELECT id, now(), 0, 50, 0, 0, 0, 0, 0, 0, 50 FROM account
"""


def find() -> str:
    """A pgbench that can do it: the one beside the server's programs, or on PATH. Raises NotMeasured."""
    try:
        beside: str | None = binaries.find().path("pgbench")
    except CannotStart:
        beside = None
    found = [program for program in (beside, shutil.which("pgbench")) if program and Path(program).exists()]
    for program in found:
        if _version(program) >= OLDEST:
            return program
    raise NotMeasured(f"there is no pgbench {OLDEST} or newer, neither beside the server's programs nor on PATH")


def draw_in_blocks(addresses: Addresses) -> None:
    """Let each append draw its four positions at once: what plain SQL can do where all appends are of one size."""
    with closing(Database(addresses.owner, pool_size=1)) as owner:
        owner.execute("ALTER SEQUENCE events_position_seq INCREMENT BY 4")


class Floor:
    """pgbench over one migrated database; each round has accounts of its own."""

    def __init__(self, program: str, addresses: Addresses, states: list[str], clients: int) -> None:
        self._program = program
        self._addresses = addresses
        self._states = states
        self._clients = clients
        self._runs = itertools.count(1)

    def run(self, seconds: float) -> Facts:
        """One round. Raises RuntimeError where pgbench did not write what it counted."""
        run = next(self._runs)
        with closing(Database(self._addresses.owner, pool_size=1)) as owner:
            owner.execute(OPENING, {"run": str(run), "last": self._clients * ACCOUNTS - 1})
            before = _events(owner)
            said = self._pgbench(run, seconds)
            written = _events(owner) - before
        processed = int(_number(r"actually processed: (\d+)", said))
        if written != 4 * processed:
            raise RuntimeError(f"pgbench counted {processed} checkouts but wrote {written} events")
        return {"per_second": _number(r"tps = ([\d.]+)", said), "latency_ms": _number(r"average = ([\d.]+)", said)}

    def _pgbench(self, run: int, seconds: float) -> str:
        given: dict[str, int | str] = {"run": run, "n": -1, "accounts": ACCOUNTS}
        given |= {f"state{number}": state for number, state in enumerate(self._states, 1)}
        defined = [word for name, value in given.items() for word in ("-D", f"{name}={value}")]
        crowd = ["-c", str(self._clients), "-j", "2", "-T", str(max(1, round(seconds)))]
        done = subprocess.run(
            [self._program, "-n", "-M", "prepared", *crowd, "-f", str(SCRIPT), *defined, self._addresses.app],
            capture_output=True,
            text=True,
            env=child_environment(LC_ALL="C"),
            start_new_session=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"pgbench failed: {done.stderr.strip()[-2000:]}")
        return done.stdout


def _events(database: Database) -> int:
    return int(database.rows("SELECT count(*) FROM events")[0][0])


def _version(program: str) -> int:
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"\) (\d+)", done.stdout)
    return int(found[1]) if found else 0


def _number(pattern: str, said: str) -> float:
    found = re.search(pattern, said)
    if not found:
        raise RuntimeError(f"pgbench said nothing of {pattern}: {said}")
    return float(found[1])
