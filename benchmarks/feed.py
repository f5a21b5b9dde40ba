"""The lines about the feed, GET /admin/transactions, long as it is: any page, and any filter, against its first page.

The lines of the feed are made by SQL, in the read model alone: members of whom few do much, four kinds, spread evenly
over 600 days. Each side is the same request of 16 clients again and again; what is compared is the median time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from app.api import create_app, paging
from app.config import Settings
from app.database import Database
from app.wiring import build
from benchmarks import catalogue, crowd, houses
from benchmarks.arena import Addresses, Arena
from benchmarks.rounds import Goal, Line, Side

MEMBERS = 10_000
DAYS = 600
FILL = """
INSERT INTO directory (account_id, user_id)
SELECT md5(n::text)::uuid, 'member-' || n FROM generate_series(0, %(last)s) n;
INSERT INTO transactions
SELECT n, md5(floor(%(last)s * power(random(), 3))::text)::uuid, kind, CASE kind WHEN 'earn' THEN 50 ELSE -50 END,
    md5(n::text)::uuid, NULL, NULL, NULL, now() - %(days)s * interval '1 day' * (1 - n::float / %(lines)s), 50, 0, 0
FROM generate_series(1, %(lines)s) AS n,
    LATERAL (SELECT (ARRAY['earn', 'earn', 'earn', 'use', 'use', 'expire'])[1 + n %% 6]) AS k (kind);
ANALYZE
"""


class _Feed:
    """A house whose feed is long."""

    def __init__(self, house: houses.Served, url: str, lines: int) -> None:
        self._house = house
        self._url = url
        self._lines = lines
        (self._token,) = crowd.tokens(house.secret, ["admin"], "admin")

    def side(self, name: str, **query: str) -> Side:
        """Rounds of one page. Raises OSError for any status but a good one."""
        path = f"/admin/transactions?{urlencode(query)}" if query else "/admin/transactions"
        self._house.server.get(path, {"Authorization": f"Bearer {self._token}"})
        return Side(name, crowd.asking(self._house.server, [crowd.get(path, self._token)]))

    def page(self, share: float) -> Side:
        """The page so far down the feed."""
        return self.side(f"{share:.0%} down", cursor=self._cursor(max(50, round(self._lines * (1 - share)))))

    def _cursor(self, position: int) -> str:
        """What the list itself would give to go on after a position, without walking there."""
        house = build(Settings(home=self._house.home, database_url=self._url))
        with closing(house), create_app(house).test_request_context("/admin/transactions"):
            answer = paging.listed([], [position])
            return str(answer.get_json()["next"])


@contextmanager
def _feed(arena: Arena) -> Iterator[_Feed]:
    addresses, lines = arena.kept("feed", lambda: _filled(arena)), arena.plan.feed_lines
    # Nobody is given points, for an event's position would be the id of a line that there is.
    with houses.served(addresses, arena.home / "feed", readers=[]) as house:
        yield _Feed(house, addresses.app, lines)


@contextmanager
def _filled(arena: Arena) -> Iterator[Addresses]:
    addresses = arena.database("feed")
    catalogue.fill(addresses.owner, houses.SHOWN)
    with closing(Database(addresses.owner, pool_size=1)) as owner:
        owner.execute(FILL, {"last": MEMBERS - 1, "lines": arena.plan.feed_lines, "days": DAYS})
    yield addresses


@contextmanager
def _pages(arena: Arena) -> Iterator[tuple[Side, ...]]:
    with _feed(arena) as feed:
        yield *(feed.page(share) for share in (0.5, 1.0)), feed.side("first")


@contextmanager
def _filters(arena: Arena) -> Iterator[tuple[Side, ...]]:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    since, until = ((today - timedelta(days=days)).isoformat() for days in (300, 293))
    with _feed(arena) as feed:
        yield (
            feed.side("busy member", user="member-0"),
            feed.side("quiet member", user="member-9000"),
            feed.side("kind", type="expire"),
            feed.side("dates", since=since, until=until),
            feed.side("unfiltered"),
        )


_TIMES = ("median_ms", "median_ms")
PAGES = Line(
    "feed-pages",
    "GET /admin/transactions: the page half down and the last one, each against the first",
    _pages,
    Goal(1.3, is_ceiling=True),
    facts=_TIMES,
)
FILTERS = Line(
    "feed-filters",
    "GET /admin/transactions by member, by kind, by dates, each against the unfiltered first page",
    _filters,
    Goal(2, is_ceiling=True),
    facts=_TIMES,
)
