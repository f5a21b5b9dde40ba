"""Everything that a database holds, in a form that tells any change."""

from __future__ import annotations

from app.database import Database

Snapshot = dict[str, tuple[int, str]]


def snapshot_of_tables(owner: Database) -> Snapshot:
    """Of every table: how many rows it has, and a digest over all that stands in them."""
    tables = owner.rows(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname"
    )
    digests = " UNION ALL ".join(
        f"SELECT '{table}', count(*), coalesce(md5(string_agg(t::text, chr(10) ORDER BY t::text)), '')"
        f' FROM public."{table}" AS t'
        for (table,) in tables
    )
    return {table: (rows, digest) for table, rows, digest in owner.rows(digests)}
