"""The project's own text, for the tests that hold it to the house rules."""

from __future__ import annotations

from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
CODE = ("app", "bin", "benchmarks", "tests")
TEXT = (".py", ".sql", ".md", ".cfg", ".toml", ".yaml", ".yml", ".html", ".css", ".js", ".sh", "")
# Written by tools, or vendored: not our words.
NOT_OURS = ("__pycache__", "results", "swagger-ui")


def modules(*folders: str) -> list[Path]:
    """Every Python file below these folders of the project, as paths relative to it."""
    return [path for path in texts(*folders) if path.suffix == ".py"]


def texts(*folders: str) -> list[Path]:
    """Every text file of ours in these folders and below, as paths relative to the project."""
    found = (path for folder in folders for path in (PROJECT / folder).rglob("*") if path.is_file())
    relative = (path.relative_to(PROJECT) for path in found)
    return sorted(path for path in relative if path.suffix in TEXT and not set(path.parts) & set(NOT_OURS))


def papers() -> list[Path]:
    """The text files that stand in the project's own folder, and what CI and Docker read."""
    top = (path.relative_to(PROJECT) for path in PROJECT.iterdir() if path.is_file())
    return sorted([*(path for path in top if path.suffix in TEXT), *texts(".ci", "docker", "docs")])


def read(path: Path) -> str:
    """The text of one of them; a stray binary file is no reason to fail."""
    return (PROJECT / path).read_text(encoding="utf-8", errors="replace")
