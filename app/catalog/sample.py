"""The sample catalogue: a small Indian shop, for a first look around. Prices are in minor units of any currency."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources


def lines() -> Iterator[bytes]:
    """The lines of the sample, as `import_products` takes them."""
    with resources.files(__package__).joinpath("sample.ndjson").open("rb") as file:
        yield from file
