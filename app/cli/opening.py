"""What a command needs open before it starts: a running, migrated database, and a house on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from eventsourcing.persistence import ProgrammingError

from app import migrations
from app.config import BadSetting, Settings, from_environment
from app.database import Database
from app.embedded import EmbeddedPostgres
from app.wiring import House, build


@contextmanager
def running_database(settings: Settings | None = None) -> Iterator[Settings]:
    """Start the embedded database if it is ours to start, migrate, and give settings that name an address.

    An existing database is migrated where DATABASE_OWNER_URL is given, or where something is pending.
    """
    settings = settings or from_environment()
    if not settings.is_embedded:
        migrate(settings)
        yield settings
        return
    embedded = EmbeddedPostgres(settings.home)
    with embedded.running():
        settings = replace(
            settings,
            database_url=embedded.app_url(),
            database_owner_url=embedded.owner_url(),
            signs_in_by_name=settings.is_for_trying_out,
        )
        migrate(settings)
        yield settings


@contextmanager
def open_house() -> Iterator[House]:
    """A house on a running, migrated database."""
    with running_database() as settings:
        house = build(settings)
        try:
            yield house
        finally:
            house.close()


def migrate(settings: Settings) -> list[str]:
    """Bring the schema up to this code; gives the versions applied."""
    assert settings.database_url
    app = Database(settings.database_url, pool_size=1)
    owner = Database(settings.database_owner_url or settings.database_url, pool_size=2)
    try:
        if settings.database_owner_url or migrations.pending(owner):
            return migrations.migrate(owner, app.role)
        return []
    except ProgrammingError as error:
        raise BadSetting(f"the schema cannot be migrated by this role: set DATABASE_OWNER_URL ({error})") from error
    finally:
        app.close()
        owner.close()
