"""How often, how long and on how much: the sizes of a run."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Plan:
    """Rounds of `seconds` each; the warm-up is a round of each side that does not count. The rest are sizes."""

    rounds: int
    seconds: float
    warm_up_s: float
    events: int
    """Of a long history."""
    products: int
    """In the catalogue."""
    feed_lines: int
    """Movements of points that the feed shows."""
    lapsed_accounts: int
    """That a sweep is for; each has two lapsed lots."""
    looped_accounts: int
    """The same for the sketch, which goes through them one by one."""
    imported: int
    """Past orders in one import."""
    followed: int
    """Events that the stock projection follows in one round."""
    requests: int
    """After which a worker's memory is looked at."""

    @property
    def disk_mib(self) -> int:
        """What the databases take at most: tables, indexes, the copy for `growth` and the log of writes."""
        return 2048 + self.events * 4 // 1024

    @property
    def minutes(self) -> int:
        """About how long all lines take on two quiet cores."""
        return 3 if self.events < 100_000 else 10 + self.events * 8 // 1_000_000


QUICK = Plan(
    rounds=3,
    seconds=0.4,
    warm_up_s=0.2,
    events=10_000,
    products=4_000,
    feed_lines=40_000,
    lapsed_accounts=1_000,
    looped_accounts=250,
    imported=1_500,
    followed=1_000,
    requests=3_000,
)
WHOLE = Plan(
    rounds=3,
    seconds=4.0,
    warm_up_s=2.0,
    events=1_000_000,
    products=100_000,
    feed_lines=1_000_000,
    lapsed_accounts=50_000,
    looped_accounts=2_500,
    imported=20_000,
    followed=5_000,
    requests=100_000,
)
FULL = replace(WHOLE, events=10_000_000, feed_lines=10_000_000)
