"""Orders: what was bought, what it earned and took, how it went, giving it back, and what waits for a person."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.audit.money import amount
from app.audit.order_log import order_log
from app.audit.order_story import Named, ids_named, order_story, waiting
from app.audit.statement import Days, points
from app.domain.errors import DomainError
from app.domain.order import REFUNDABLE, Order
from app.panel.context import house, user
from app.panel.formats import STATUSES
from app.panel.inputs import Confirmed, Filters, choice, day, ends, money_or_nothing, reason, sought, starts
from app.panel.paging import ROWS, after, older
from app.panel.words import show
from app.projections.pages import Item, Page
from app.usecases.refund_order import RefundWanted
from app.usecases.settle_refund import RefundOutcome

blueprint = Blueprint("orders", __name__)


class Wanted(Filters):
    """What narrows the list."""

    user = sought("Member")
    status = choice("Status", STATUSES, "every status")
    since = day("From")
    until = day("To")


class Refund(Confirmed):
    """How much of an order's total to give back; nothing stands for all that is left."""

    amount = money_or_nothing("Amount of the total")
    reason = reason()


@blueprint.get("/orders")
def listed() -> str:
    """Orders, newest first."""
    form = Wanted(request.args)
    who, status = form.user.data or None, form.status.data or None
    since, until = starts(form.since.data), ends(form.until.data)
    page = Page([], None)
    if form.validate():
        page = house().orders.page(ROWS, after(), user=who, status=status, since=since, until=until)
    return render_template("orders.html", form=form, orders=page.items, older=older(page.next))


@blueprint.get("/orders/reviews")
def reviews() -> str:
    """Orders that a person should look at."""
    page = house().unsettled.reviews(house().clock(), ROWS, after())
    return render_template("reviews.html", reviews=page.items, older=older(page.next))


@blueprint.get("/orders/<uuid:order_id>")
def one(order_id: UUID) -> str:
    """One order: what was bought, its story, and the form to refund it."""
    return _page(order_id, None)


@blueprint.post("/orders/<uuid:order_id>/refund/preview")
def previewed(order_id: UUID) -> str:
    """What a refund would come to; a part of the page."""
    form, currency = _form(order_id)
    outcome = _attempt(form, order_id, is_preview=True) if form.amount.validate(form) else None
    return render_template("refund_preview.html", form=form, outcome=outcome, currency=currency)


@blueprint.post("/orders/<uuid:order_id>/refund")
def refunded(order_id: UUID) -> str | Response | tuple[str, int]:
    """Show what it would come to, and once that is confirmed refund, and show the order."""
    form, currency = _form(order_id)
    is_confirmed = form.is_confirmed()
    outcome = _attempt(form, order_id, is_preview=not is_confirmed) if form.validate() else None
    if outcome is None:
        form.confirmed.data = ""
        return _page(order_id, form), 422
    if not is_confirmed:
        form.ask()
        return _page(order_id, form, outcome)
    flash(_came_to(outcome, currency), "done" if outcome.status != "pending" else "waits")
    return redirect(url_for("orders.one", order_id=order_id), 303)


@blueprint.post("/orders/<uuid:order_id>/review")
def cleared(order_id: UUID) -> Response:
    """Somebody has looked at what contradicts an order. One that only waits stays until the gateway knows."""
    _found(order_id)
    if house().recoveries.clear(order_id):
        flash("Cleared: nothing contradicts this order any more, as far as you have seen.", "done")
    else:
        flash("There was nothing to clear. What only waits goes by itself, once the payment gateway knows.", "waits")
    return redirect(url_for("orders.reviews"), 303)


def _found(order_id: UUID) -> Item:
    order = house().orders.find(order_id)
    if order is None:
        abort(404)
    return order


def _form(order_id: UUID) -> tuple[Refund, str]:
    """The form that was sent, and the currency that its amount is in: the order's own."""
    currency: str = _found(order_id)["currency"]
    return Refund(meta={"currency": currency}), currency


def _page(order_id: UUID, form: Refund | None, outcome: RefundOutcome | None = None) -> str:
    log = order_log(house().database, house().mapper, order_id)
    order = Order.replay(None, (recorded for recorded in log if Order.folds(recorded.event)))
    if order is None:
        abort(404)
    reason_ids, people_ids = ids_named(log)
    named = Named(house().directory.reasons_of(reason_ids), house().directory.users_of(people_ids))
    reviews = house().unsettled.reviews(house().clock(), 1, order_id=order_id).items
    return render_template(
        "order.html",
        order=order,
        member=named.people.get(order.placed.account_id),
        cash_refunded_minor=sum(refund.cash_minor for refund in order.refunds.values() if refund.status == "done"),
        story=order_story(log, named, Days(house().settings.zone)),
        waiting=waiting(order),
        review=reviews[0] if reviews else None,
        why_not=_why_not(order),
        form=form or Refund(formdata=None),
        outcome=outcome,
    )


def _why_not(order: Order) -> str | None:
    """Why nothing can be refunded now; None where something can."""
    if order.status not in REFUNDABLE:
        return "Only what was paid can be refunded."
    if not order.is_paid_here:
        return "It was paid elsewhere, and is refunded there."
    if order.pending_refund:
        return "A refund waits for the payment gateway. Another can be asked for once that one is known."
    return None if order.left_minor else "Nothing is left to be refunded."


def _attempt(form: Refund, order_id: UUID, *, is_preview: bool) -> RefundOutcome | None:
    """Refund, or see what it would come to; None where it is refused, which the form then says."""
    wanted = RefundWanted(order_id, form.amount.data, form.reason.data or "", user().user_id, form.key.data or "")
    try:
        return house().refund_order.preview(wanted) if is_preview else house().refund_order(wanted)
    except DomainError as error:
        if error.code == "refund_declined":  # for good, under this key
            form.renew()
        show(error, form, "amount" if error.code == "refund_exceeds_order" else None)
        return None


def _came_to(outcome: RefundOutcome, currency: str) -> str:
    if outcome.status == "pending":
        return "The payment gateway has not answered. It is asked again until it says whether the cash went back."
    return (
        f"{amount(outcome.cash_refunded_minor, currency)} went back, {points(outcome.points_restored)} restored,"
        f" {outcome.points_revoked} revoked."
    )
