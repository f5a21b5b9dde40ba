"""The books of all streams: a stream's events come to an account's, an order's or the programme's book."""

from __future__ import annotations

from typing import Any

import msgspec

from app.audit.account_book import AccountBook
from app.audit.findings import Broken, require
from app.audit.order_book import OrderBook
from app.domain.account_events import Opened
from app.domain.aggregate import Recorded
from app.domain.order_events import OrderPlaced
from app.domain.programme import PROGRAMME_ID, RulesChanged


class RulesBook(msgspec.Struct, tag="rules"):
    """The programme's last version; an empty programme has version 1."""

    version: int = 1

    def follow(self, recorded: Recorded) -> None:
        """Go on by the programme's next event. Raises Broken."""
        event = recorded.event
        require(isinstance(event, RulesChanged), "it is not an event of the programme")
        require(recorded.originator_id == PROGRAMME_ID, "the programme has a stream of its own")
        says, due = event.version, self.version + 1
        require(says == due, f"it says version {says} of the rules, and {due} is due")
        self.version = due


Book = AccountBook | OrderBook | RulesBook

_FIRSTS: dict[type, type[Book]] = {Opened: AccountBook, OrderPlaced: OrderBook, RulesChanged: RulesBook}


def begin(event: Any) -> Book:
    """The book of the stream that this event begins. Raises Broken for one that begins none."""
    kind = _FIRSTS.get(type(event))
    if kind is None:
        raise Broken("no stream begins with such an event")
    return kind()
