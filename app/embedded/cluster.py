"""What lies in MILES_HOME/postgres: the cluster, the passwords, the socket; and the roles and the database in it.

Owns their making, which may be cut short anywhere and is taken up again at the next start. It starts no server.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from contextlib import closing
from pathlib import Path
from typing import IO
from urllib.parse import quote

from eventsourcing.persistence import PersistenceError

from app.database import Database
from app.embedded.account import Account
from app.embedded.binaries import Binaries
from app.embedded.errors import CannotStart

SUPERUSER, OWNER, APP = "postgres", "miles_owner", "miles_app"
DATABASE = "miles"
PORT = 5432  # only a part of the socket's name: nothing listens on a network

# A socket's path has room for 103 bytes on macOS and 107 on Linux; `/.s.PGSQL.5432` needs 14 of them.
LONGEST_SOCKET_FOLDER = 88

# Order and case by Unicode, not by the machine's locale: from 17 on PostgreSQL brings its own, the same everywhere.
LOCALE = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
OLDER_LOCALE = ("--locale=C.UTF-8",)


class Cluster:
    """The files of one cluster in `folder`, and the addresses of its roles."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "cluster"
        self._half_made = folder / "cluster.new"
        self._marker = folder / "initialised"

    @property
    def is_initialised(self) -> bool:
        """Whether the roles and the database are there, which is the last step of making a cluster."""
        return self._marker.exists()

    @property
    def version(self) -> int | None:
        """The major version of PostgreSQL that made the cluster; None while there is none."""
        return int((self.data / "PG_VERSION").read_text(encoding="ascii")) if self.data.exists() else None

    @property
    def sockets(self) -> Path:
        """Where the server's socket lies. A path that is too long (or that libpq would split) moves to /tmp.

        It is /tmp and not TMPDIR because all processes that share a home must agree on it.
        """
        if len(os.fsencode(self.folder)) <= LONGEST_SOCKET_FOLDER and "," not in str(self.folder):
            return self.folder
        return Path("/tmp", "miles-" + hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16])

    def url(self, role: str, database: str) -> str:
        """The address of `database` for `role`, which must have its password already."""
        password = self._password_file(role).read_text(encoding="ascii")
        return f"postgresql://{role}:{password}@/{database}?host={quote(str(self.sockets), safe='')}&port={PORT}"

    def make_sockets_folder(self) -> None:
        """Make the folder for the socket, for the owner of the cluster only. Raises CannotStart if it is another's."""
        if self.sockets == self.folder:
            return
        owner = self.folder.stat()
        self.sockets.mkdir(mode=0o700, exist_ok=True)
        found = self.sockets.lstat()
        if found.st_uid == os.geteuid() != owner.st_uid:  # we are root, and just made it for the server's user
            os.chown(self.sockets, owner.st_uid, owner.st_gid, follow_symlinks=False)
        elif found.st_uid != owner.st_uid or found.st_mode & 0o170077 != 0o040000:
            raise CannotStart(f"{self.sockets} is not a private folder of ours: choose a shorter MILES_HOME")

    def make(self, binaries: Binaries, account: Account, lock: IO[str]) -> None:
        """Run initdb, unless it once ran to its end. It inherits `lock`, and so holds it even if we are killed."""
        if self.data.exists():
            return
        shutil.rmtree(self._half_made, ignore_errors=True)
        password = self._new_password(SUPERUSER)
        who = ("-U", SUPERUSER, "--pwfile", password.name, "-A", "scram-sha-256")
        how = ("-E", "UTF8", "--data-checksums", *(LOCALE if binaries.version >= 17 else OLDER_LOCALE))
        done = account.run(
            [binaries.path("initdb"), "-D", self._half_made.name, *who, *how],
            cwd=self.folder,
            capture_output=True,
            pass_fds=[lock.fileno()],
        )
        if done.returncode:
            raise CannotStart(f"initdb failed: {done.stderr.strip()[-3000:]}")
        self._half_made.rename(self.data)

    def make_roles(self) -> None:
        """Make the two roles and the database in the running server; what is there already is made good."""
        try:
            with closing(Database(self.url(SUPERUSER, "postgres"), pool_size=1)) as database:
                for role in (OWNER, APP):
                    self._make_role(database, role)
                if not database.row("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)):
                    database.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
        except PersistenceError as error:
            raise CannotStart(f"the roles and the database could not be made: {error}") from error
        self._marker.touch()

    def _make_role(self, database: Database, role: str) -> None:
        if not database.row("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)):
            database.execute(f"CREATE ROLE {role}")
        password = self._new_password(role).read_text(encoding="ascii")
        database.execute(f"ALTER ROLE {role} LOGIN PASSWORD %s", (password,))

    def _password_file(self, role: str) -> Path:
        return self.folder / f"{role}.password"

    def _new_password(self, role: str) -> Path:
        """Write a new password, down to the disk: a power cut must not leave a cluster whose password is lost."""
        path = self._password_file(role)
        path.unlink(missing_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(24))
            file.flush()
            os.fsync(file.fileno())
        os.chown(path, self.folder.stat().st_uid, -1)  # where we are root, the user whose home this is must read it
        return path
