"""One order as the log has it: its own events, and those of its member's account that it caused.

It reads by keys alone, in one statement, and never writes.
"""

from __future__ import annotations

from uuid import UUID

from eventsourcing.persistence import StoredEvent

from app.database import Database
from app.domain.aggregate import Recorded
from app.eventstore.mapper import EventMapper

# The first part asks `orders` so that another stream's id, which may be a long account's, finds nothing.
_EVENTS = """
SELECT e.position, e.originator_id, e.originator_version, e.topic, e.state
FROM orders o JOIN events e ON e.originator_id = o.order_id WHERE o.order_id = %(order)s
UNION ALL SELECT e.position, e.originator_id, e.originator_version, e.topic, e.state
FROM transactions t JOIN events e ON e.position = t.id WHERE t.order_id = %(order)s
ORDER BY position
"""


def order_log(database: Database, mapper: EventMapper, order_id: UUID) -> list[Recorded]:
    """The events about an order in the order of the log; none where there is no such order.

    Those of a name that this code does not know are passed over.
    """
    rows = database.rows(_EVENTS, {"order": order_id})
    stored = (StoredEvent(stream, version, topic, state.encode()) for _, stream, version, topic, state in rows)
    return [mapper.to_domain_event(each) for each in stored if mapper.knows(each.topic)]
