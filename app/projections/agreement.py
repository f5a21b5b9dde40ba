"""Whether read models agree with one another: sums that must be equal if all were folded from the same events.

One pass over each table, cheap enough to stand between a rebuild and its swap. That every row equals its fold is
`verify`'s to show.
"""

from __future__ import annotations

from psycopg2.extensions import cursor as Cursor

# What an account has, told by two tables with opposite signs, so that each of these sums is nothing.
_BY_ACCOUNT = {
    "balances and what lots have left": (
        ("balance",),
        "SELECT account_id, balance FROM balances",
        "SELECT account_id, -remaining FROM lots",
    ),
    "balances and the sums of the feed": (
        ("balance", "debt", "earned", "redeemed", "restored", "revoked", "expired", "adjusted"),
        "SELECT account_id, balance, debt, earned, redeemed, restored, revoked, expired, adjusted FROM balances",
        """
        SELECT account_id, -points, debt_repaid - debt_added,
            CASE type WHEN 'earn' THEN -points - debt_repaid ELSE 0 END,
            CASE type WHEN 'use' THEN points ELSE 0 END,
            CASE type WHEN 'restore' THEN -points - debt_repaid ELSE 0 END,
            CASE type WHEN 'revoke' THEN points - debt_added ELSE 0 END,
            CASE type WHEN 'expire' THEN points ELSE 0 END,
            CASE type WHEN 'manual' THEN -points - debt_repaid ELSE 0 END
        FROM transactions
        """,
    ),
    "points redeemed and points used by orders": (
        ("redeemed",),
        "SELECT account_id, redeemed FROM balances",
        "SELECT account_id, -points_used FROM orders",
    ),
}

_DIFFERING = """
SELECT count(*), min(account_id::text) FROM (
    SELECT account_id FROM ({plus} UNION ALL {minus}) AS told (account_id, {names})
    GROUP BY account_id HAVING {unequal}
) AS differing
"""

_DAYS = """
SELECT (SELECT (count(*), coalesce(sum(balance), 0), coalesce(sum(debt), 0))::text FROM balances),
    (SELECT (coalesce(sum(opened), 0), coalesce(sum(moved), 0), coalesce(sum(debt), 0))::text FROM daily)
"""


def disagreements(cursor: Cursor) -> list[str]:
    """A line for each pair of tables that contradict each other; of those that the connection's search path finds.

    All must have been folded up to the same position, the daily report, too.
    """
    lines = []
    for pair, (names, plus, minus) in _BY_ACCOUNT.items():
        unequal = " OR ".join(f"sum({name}) <> 0" for name in names)
        cursor.execute(_DIFFERING.format(plus=plus, minus=minus, names=", ".join(names), unequal=unequal))
        ((count, first),) = cursor.fetchall()
        if count:
            lines.append(f"{pair} differ for {count} accounts, first {first}")
    cursor.execute(_DAYS)
    ((accounts, days),) = cursor.fetchall()
    if accounts != days:
        lines.append(f"accounts, points and debt by balances {accounts}, by days {days}")
    return lines
