"""README's commands, run as a reader would, and what it says they print."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.serving import PROJECT, Server, serving

README = (PROJECT / "README.md").read_text()

# What differs from run to run: ids, instants, request ids.
VARYING = (
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<id>"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<instant>"),
    (r'"request_id":"[0-9a-f]{32}"', '"request_id":"<id>"'),
    (r"order [0-9a-f]{8}…", "order <id>"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\dZ", "<instant>"),
    (r"\d{1,2} [A-Z][a-z]+ \d{4}( at \d\d:\d\d)?", "<day>"),
    (r"under \d+ checkpoints?, in \d+\.\d s \(\d+/s\)", "<how long>"),
    (r"/panel/enter/\S+", "/panel/enter/<token>"),
)


def commands(text: str) -> list[tuple[str, str]]:
    """Each `$ command` of the console blocks, with the output shown under it."""
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    found = [step.partition("\n") for block in blocks for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [(command, output) for command, _, output in found]


def steady(output: str) -> str:
    """The output without what differs from run to run, and without white space that nobody sees."""
    for pattern, name in VARYING:
        output = re.sub(pattern, name, output)
    return "\n".join(line.rstrip() for line in output.strip().splitlines())


def run_all(server: Server, steps: list[tuple[str, str]]) -> list[str]:
    """What each command prints, all in one shell."""
    mark = "=====next====="
    script = "\n".join(f"{command}\necho {mark}" for command, _ in steps).replace(":8000", f":{server.port}")
    ran = subprocess.run(
        ["bash", "-euo", "pipefail"],
        input=script,
        cwd=PROJECT,
        env=server.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return [output.replace(f":{server.port}", ":8000") for output in ran.stdout.split(f"{mark}\n")[:-1]]


@pytest.mark.slow
def test_every_command_of_the_walk_prints_what_the_readme_shows(tmp_path: Path) -> None:
    (first, banner), *steps = commands(README)
    assert first == "bin/serve"
    with serving(tmp_path / "home") as server:
        printed = run_all(server, steps)
        said = steady(server.said.read_text().replace(f":{server.port}", ":8000"))
    for (command, shown), output in zip(steps, printed, strict=True):
        assert steady(output) == steady(shown), command
    for line in banner.strip().splitlines():
        assert steady(line) in said


def test_the_two_commands_and_the_links_of_the_readme_exist() -> None:
    for command in re.findall(r"^(bin/\w+)", README, re.MULTILINE):
        assert (PROJECT / command).is_file()
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (PROJECT / target).exists(), target
