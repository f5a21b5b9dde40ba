"""The embedded PostgreSQL: find its binaries, make a cluster, start it, share it, stop it.

Owns everything in MILES_HOME/postgres and every PostgreSQL process that lives there. It never touches a database that
an operator brought (DATABASE_URL), never listens on a network, never changes a folder that it did not make, and does
nothing as the superuser but make two roles and one database. The schema is the migrations' business.
"""

from app.embedded.errors import CannotStart, NotInitialised
from app.embedded.shared import EmbeddedPostgres

__all__ = ["CannotStart", "EmbeddedPostgres", "NotInitialised"]
