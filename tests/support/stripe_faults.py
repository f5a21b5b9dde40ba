"""What may become of a call to the loopback Stripe, instead of an answer in time."""

from __future__ import annotations

import threading

from tests.support.stripe_server import Call, Fault, Reply, error


def reset_before(_: Call) -> None:
    """It never arrives."""


def reset_after(call: Call) -> None:
    """It is done, which nobody hears."""
    call.answer()


def hang(call: Call) -> None:
    """It never arrives, and the line stays open."""
    call.server.closing.wait()


def fail_before(call: Call) -> Reply:
    """The server breaks before it does anything; its key keeps that."""
    return call.answer(lambda: error(500, type="api_error", message="An unknown error occurred."))


def fail_after(call: Call) -> Reply:
    """The server does it, then breaks; its key keeps that."""

    def work() -> Reply:
        call.carry_out()
        return error(500, type="api_error", message="An unknown error occurred.")

    return call.answer(work)


def rate_limit(_: Call) -> Reply:
    """Too many requests."""
    return error(429, type="invalid_request_error", code="rate_limit", message="Too many requests.")


def held_until(gate: threading.Event, arrived: threading.Event) -> Fault:
    """It arrives, says so, and is under way until the gate opens."""

    def fault(call: Call) -> Reply:
        def work() -> Reply:
            arrived.set()
            gate.wait(timeout=30)
            return call.carry_out()

        return call.answer(work)

    return fault
