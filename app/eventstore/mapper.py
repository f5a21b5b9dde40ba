"""Between events and their stored form: JSON by msgspec, under stable names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

import msgspec
from eventsourcing.persistence import JSONTranscoder, Mapper, MapperDeserialisationError, StoredEvent

from app.domain.aggregate import Recorded
from app.eventstore.topics import EVENTS, SNAPSHOTS
from app.eventstore.upcasts import UPCASTS, Upcast, upcast


class EventMapper(Mapper[UUID]):
    """Turns `Recorded` into the library's `StoredEvent` and back. It neither compresses nor encrypts."""

    def __init__(
        self,
        types: Mapping[str, type] | None = None,
        upcasts: Mapping[str, Upcast] = UPCASTS,
    ) -> None:
        # The library's own transcoder is never called: both directions are overridden.
        super().__init__(transcoder=JSONTranscoder())
        self._types = dict(types) if types is not None else {**EVENTS, **SNAPSHOTS}
        self._topics = {cls: topic for topic, cls in self._types.items()}
        self._decoders: dict[str, msgspec.json.Decoder[Any]] = {
            topic: msgspec.json.Decoder(cls) for topic, cls in self._types.items()
        }
        self._encoder = msgspec.json.Encoder()
        self._upcasts = upcasts

    def to_stored_event(self, domain_event: Any) -> StoredEvent:
        """The stored form of a `Recorded`."""
        recorded: Recorded = domain_event
        return StoredEvent(
            originator_id=recorded.originator_id,
            originator_version=recorded.originator_version,
            topic=self._topics[type(recorded.event)],
            state=self._encoder.encode(recorded.event),
        )

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        """The `Recorded` of a stored form. Raises MapperDeserialisationError where name or shape is not known."""
        try:
            event = self._decode(stored_event.topic, stored_event.state)
        except (KeyError, msgspec.MsgspecError) as error:
            raise MapperDeserialisationError(
                f"cannot read {stored_event.topic!r} at version {stored_event.originator_version} "
                f"of {stored_event.originator_id}: {error}"
            ) from error
        return Recorded(cast(UUID, stored_event.originator_id), stored_event.originator_version, event)

    def knows(self, topic: str) -> bool:
        """Whether events of this name can be read."""
        return topic in self._types or topic in self._upcasts

    def topic_of(self, cls: type) -> str:
        """The current stable name of an event's or snapshot's class."""
        return self._topics[cls]

    def _decode(self, topic: str, state: bytes) -> Any:
        if topic in self._upcasts:
            topic, data = upcast(topic, msgspec.json.decode(state), self._upcasts)
            return msgspec.convert(data, self._types[topic])
        return self._decoders[topic].decode(state)
