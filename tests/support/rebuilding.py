"""Read models' tables before and after a rebuild: their rows, their definitions, and which tables they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.database import Database
from app.projections.cloning import definition
from app.projections.rebuild import Rebuilt
from app.projections.swapping import CannotRebuild
from tests.support.tables import snapshot_of_tables

TABLES = ("balances", "lots", "orders", "transactions", "rules", "daily")

Rebuild = Callable[..., Rebuilt]
"""Rebuilds all there is; takes what `rebuild` takes by keyword."""


class Stop(Exception):
    """Ends a rebuild where a test wants it to end."""


def served(owner: Database) -> dict[str, Any]:
    """Every row of every table but the snapshots, which are a cache."""
    return {table: rows for table, rows in snapshot_of_tables(owner).items() if table != "snapshots"}


def definitions(owner: Database) -> dict[str, set[str]]:
    """How every read model's table is defined, as the catalog tells it."""
    with owner.transaction() as cursor:
        return {table: definition(cursor, "public", table) for table in TABLES}


def identities(owner: Database) -> list[int]:
    """Which tables these are: a new one is another."""
    return [owner.rows(f"SELECT 'public.{table}'::regclass::oid::bigint")[0][0] for table in TABLES]


def refused(rebuilding: Callable[[], object]) -> str:
    """Why there is no rebuild."""
    with pytest.raises(CannotRebuild) as refusal_of_it:
        rebuilding()
    return str(refusal_of_it.value)
