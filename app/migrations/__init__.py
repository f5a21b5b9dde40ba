"""The schema: plain SQL files in dbmate's format, and a small runner.

Files are applied in order of their numbers, each in a transaction, once; `schema_migrations` is dbmate's own table,
so an operator may use dbmate instead. Only the owner runs them. After them `grants.sql` gives the application's
role what it may do, anew each time, since it is a function of the schema.
"""

from __future__ import annotations

from importlib import resources

from psycopg2.extensions import quote_ident

from app.database import LOCK_MIGRATE, Database


def available() -> dict[str, str]:
    """Version -> the file's text, in order of application."""
    files = sorted((f for f in resources.files(__name__).iterdir() if f.name[:4].isdigit()), key=lambda f: f.name)
    return {f.name.split("_")[0]: f.read_text(encoding="utf-8") for f in files}


def pending(database: Database) -> list[str]:
    """The versions that this code needs and the database lacks."""
    known = database.row("SELECT to_regclass('schema_migrations') IS NOT NULL")
    if not (known and known[0]):
        return list(available())
    applied = {version for (version,) in database.rows("SELECT version FROM schema_migrations")}
    return [version for version in available() if version not in applied]


def migrate(owner: Database, app_role: str) -> list[str]:
    """Apply what is pending as the owner, then grant `app_role` its rights; gives the versions applied.

    Safe to run from several processes at once: one works, the others wait and find nothing to do.
    """
    with owner.advisory_lock(LOCK_MIGRATE):
        owner.execute("CREATE TABLE IF NOT EXISTS schema_migrations (version varchar(128) PRIMARY KEY)")
        todo = pending(owner)
        for version in todo:
            with owner.transaction() as cursor:
                cursor.execute(_up(available()[version]))
                cursor.execute("INSERT INTO schema_migrations (version) VALUES (%s)", (version,))
        if app_role != owner.role:
            _grant(owner, app_role)
    return todo


def _up(text: str) -> str:
    return text.split("-- migrate:up", 1)[1].split("-- migrate:down", 1)[0]


def _grant(owner: Database, app_role: str) -> None:
    grants = resources.files(__name__).joinpath("grants.sql").read_text(encoding="utf-8")
    with owner.transaction() as cursor:
        cursor.execute(grants.replace(":app_role", quote_ident(app_role, cursor)))
