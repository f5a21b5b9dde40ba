"""Decides as which operating-system user PostgreSQL runs, since it refuses to run as root.

Whoever owns the folder runs the server. Where that is root, the server runs in a user namespace, where it only looks
like an ordinary user: no new user, no change of owner. Where namespaces are forbidden (Docker's default), the folder is
given to `nobody`. It never changes the owner or the mode of a parent folder.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.config import child_environment
from app.embedded.errors import CannotStart


@dataclass(frozen=True)
class Account:
    """A user to run programs as: words to put before the command, and the user to switch to (None: stay)."""

    prefix: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None

    def run(self, command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
        """Run `command` to its end as this user, out of reach of the terminal's Ctrl-C; `options` are subprocess.run's.

        It does not see our PG* variables, which would send it to another server, nor LD_LIBRARY_PATH.
        """
        environment = {
            name: value
            for name, value in child_environment(LC_ALL="C").items()
            if not name.startswith("PG") and name != "LD_LIBRARY_PATH"
        }
        if self.uid is not None:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return subprocess.run(
            [*self.prefix, *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
            errors="replace",
            check=False,
            **options,
        )

    def may_run(self, program: str, folder: Path) -> bool:
        """Whether this user can be had here, can enter `folder` and can run `program`."""
        test = self.run(["test", "-x", program, "-a", "-x", str(folder)], capture_output=True, cwd="/")
        return test.returncode == 0


def choose(folder: Path, program: str) -> Account:
    """The account that runs `program` in `folder`; gives the folder away if nothing else works. Raises CannotStart."""
    if os.geteuid() != 0:
        return Account()
    owner = folder.stat()
    if owner.st_uid != 0:
        return Account(uid=owner.st_uid, gid=owner.st_gid)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise CannotStart("PostgreSQL refuses to run as root, and this system has no user `nobody`") from None
    # Any name will do inside the namespace, but initdb wants one that exists.
    mapping = (f"--map-user={nobody.pw_uid}", f"--map-group={nobody.pw_gid}")
    namespace = Account(prefix=("unshare", "--user", *mapping, "--"))
    if shutil.which("unshare") and namespace.may_run(program, folder):
        return namespace
    account = Account(uid=nobody.pw_uid, gid=nobody.pw_gid)
    if not account.may_run(program, folder.parent):
        raise CannotStart(
            f"PostgreSQL refuses to run as root, user namespaces are not allowed here, and the user `nobody` may not"
            f" enter {folder.parent} or run {program}: run as an ordinary user, or choose another MILES_HOME"
        )
    _give_away(folder, nobody.pw_uid, nobody.pw_gid)
    return account


def _give_away(folder: Path, uid: int, gid: int) -> None:
    """The folder itself comes last: as long as it is still root's, the work is not done and will be done again."""
    for path in (*folder.rglob("*"), folder):
        os.chown(path, uid, gid, follow_symlinks=False)
