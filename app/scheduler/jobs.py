"""The jobs: each calls one thing of the house and says in words what came of it."""

from __future__ import annotations

from app.wiring import House


class Failed(Exception):
    """A job did what it could, but not all; the message says what is left."""


def expire_points(house: House) -> str:
    """Sweep lapsed points."""
    sweep = house.expire_points()
    done = f"{sweep.points} points of {sweep.accounts} accounts expired"
    if sweep.failures:
        account_id, why = sweep.failures[0]
        raise Failed(f"{done}; {len(sweep.failures)} accounts failed, the first {account_id}: {why}")
    return done


def recover_payments(house: House) -> str:
    """Ask the gateway about charges and refunds whose time to be asked about has come."""
    recovery = house.recover_payments()
    settled = ", ".join(f"{count} {status}" for status, count in sorted(recovery.settled.items())) or "none settled"
    done = f"{settled}, {recovery.waiting} still unknown"
    if recovery.failures:
        order_id, why = recovery.failures[0]
        raise Failed(f"{done}; {len(recovery.failures)} orders failed, the first {order_id}: {why}")
    return done


def follow_log(house: House) -> str:
    """Bring the daily report up to the log."""
    house.daily.catch_up()
    return f"counted up to {house.daily.position()}"


def seal_log(house: House) -> str:
    """Sign a checkpoint where something is new, and send out what was not delivered yet."""
    try:
        sealed = house.seal()
    finally:
        shipped = house.shipping()  # what was signed before goes out all the more where nothing is signed any longer
    done = f"{sealed.size if sealed else 'nothing new'} sealed, {shipped.copies} copies shipped"
    if shipped.failures:
        raise Failed(f"{done}; not shipped: {'; '.join(shipped.failures)}")
    return done
