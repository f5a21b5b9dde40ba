"""No point is minted, lost or spent twice, whatever is asked of the house and in whichever order."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import Phase

from tests.machine.running import run
from tests.machine.world import world
from tests.support.postgres import Addresses

IS_LONG = bool(os.environ.get("MILES_TEST_LONG"))
RUNS = 20_000 if IS_LONG else 200


@pytest.mark.slow
# Shrinking a failure takes up to five minutes; the long form goes on for hours.
@pytest.mark.timeout(0 if IS_LONG else 900)
def test_the_house_does_what_the_model_says_in_any_order_of_commands(addresses: Addresses, tmp_path: Path) -> None:
    with world(addresses.app, addresses.owner, tmp_path) as made:
        run(made, RUNS, [Phase.generate, Phase.shrink])


@pytest.mark.parametrize("part", ["terms", "ledger", "money", "model"])
def test_the_model_knows_nothing_of_what_it_judges(part: str) -> None:
    source = Path(__file__).with_name(f"{part}.py").read_text(encoding="utf-8")
    imported = set(re.findall(r"^\s*(?:from|import)\s+(\w+)", source, re.MULTILINE))
    assert "__future__" in imported
    assert "app" not in imported
