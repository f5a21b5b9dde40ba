"""Members: who has how many points, one member's lots, movements, orders and statement, and correcting a balance."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.audit.money import grouped
from app.auth.principals import is_user_id
from app.domain.errors import DomainError
from app.domain.point_account import MAX_ADJUSTMENT
from app.panel.context import house, user
from app.panel.inputs import Confirmed, Filters, choice, day, ends, reason, searchable, sought, whole
from app.panel.paging import ROWS, after, here, older
from app.panel.words import show
from app.projections.pages import Item
from app.projections.transactions import Filters as Narrowed
from app.usecases.adjust_points import Adjusted, Adjustment

blueprint = Blueprint("members", __name__)

LATEST = 10
"""Lines of the feed on a member's own page; the rest is a page of its own."""

SORTS = {"user": "by name", "-available": "most points first", "available": "fewest points first"}


class Wanted(Filters):
    """What narrows and sorts the list."""

    user = sought("User id begins with")
    sort = choice("Order", SORTS, default="user")


class Adjust(Confirmed):
    """Points to give, or below zero to take."""

    points = whole("Points", -MAX_ADJUSTMENT, MAX_ADJUSTMENT)
    reason = reason()
    expires_on = day("Expires after")


@blueprint.get("/members")
def listed() -> str:
    """Members' balances, as of now."""
    form = Wanted(request.args)
    sort = form.sort.data if form.sort.data in SORTS else "user"
    begin = searchable(request.args.get("after_user"))
    past = (request.args.get("after_available", 0, type=int), begin) if begin else None
    page = house().accounts.page(ROWS, past, house().clock(), sort=sort, prefix=form.user.data or None)
    further = here(after_available=str(page.next[0]), after_user=page.next[1]) if page.next else None
    shown = {"form": form, "accounts": page.items, "further": further}
    is_part = request.headers.get("HX-Request") == "true"
    return render_template("members_found.html" if is_part else "members.html", **shown)


@blueprint.get("/member")
def one() -> str:
    """One member: points, lots, the latest movements, and the form to adjust."""
    return _page(Adjust(formdata=None))


@blueprint.get("/member/feed")
def feed() -> str:
    """All of a member's movements."""
    who = _wanted()
    page = house().transactions.page(ROWS, after(), Narrowed(user=who))
    return render_template("member_feed.html", who=who, lines=page.items, older=older(page.next))


@blueprint.get("/member/orders")
def orders() -> str:
    """A member's orders."""
    who = _wanted()
    page = house().orders.page(ROWS, after(), user=who)
    return render_template("member_orders.html", who=who, orders=page.items, older=older(page.next))


@blueprint.get("/member/statement")
def statement() -> str:
    """Where each point came from and went, in sentences."""
    who = _wanted()
    return render_template("member_statement.html", who=who, explanation=house().explanations.of(who))


@blueprint.post("/member/preview")
def previewed() -> str:
    """What an adjustment would come to; a part of the page."""
    form = Adjust()
    is_fit = form.points.validate(form) and form.expires_on.validate(form)
    outcome = _attempt(form, _wanted(), is_preview=True) if is_fit else None
    return render_template("member_preview.html", form=form, outcome=outcome, who=_wanted())


@blueprint.post("/member")
def adjusted() -> str | Response | tuple[str, int]:
    """Show what it would come to, and once that is confirmed adjust, and show the member."""
    who, form = _wanted(), Adjust()
    is_confirmed = form.is_confirmed()
    outcome = _attempt(form, who, is_preview=not is_confirmed) if form.validate() else None
    if outcome is None:
        form.confirmed.data = ""
        return _page(form), 422
    if not is_confirmed:
        form.ask()
        return _page(form, outcome)
    currency = house().settings.currency
    change, left = (grouped(number, currency) for number in (outcome.points, outcome.available))
    flash(f"{'+' if outcome.points > 0 else ''}{change} points for {who}: {left} can be spent now.", "done")
    return redirect(url_for("members.one", user=who), 303)


def _wanted() -> str:
    """The member that the address names."""
    who = request.args.get("user", "")
    if not is_user_id(who):
        abort(404)
    return who


def _page(form: Adjust, outcome: Adjusted | None = None) -> str:
    who, at = _wanted(), house().clock()
    account_id = house().accounts.account_of(who)
    lines = house().transactions.page(LATEST, None, Narrowed(account_id=account_id)).items if account_id else []
    return render_template(
        "member.html",
        who=who,
        is_known=account_id is not None,
        points=house().accounts.points(who, at) if account_id else None,
        lots=_with_state(house().lots.of(account_id), at) if account_id else [],
        lines=lines,
        form=form,
        outcome=outcome,
    )


def _with_state(lots: list[Item], at: datetime) -> list[Item]:
    """Lots with what can be said of each, the newest first."""
    for lot in lots:
        if not lot["remaining"]:
            lot["state"] = "empty"
        elif lot["expires_at"] <= at:
            lot["state"] = "lapsed"
        else:
            lot["state"] = "pending" if lot["available_at"] > at else "available"
    return lots[::-1]


def _attempt(form: Adjust, who: str, *, is_preview: bool) -> Adjusted | None:
    """Adjust, or see what it would come to; None where it is refused, which the form then says."""
    wanted = Adjustment(
        user_id=who,
        points=form.points.data or 0,
        reason=form.reason.data or "",
        actor=user().user_id,
        key=form.key.data or "",
        expires_at=ends(form.expires_on.data),
    )
    try:
        if house().adjust_points.is_made(wanted.actor, wanted.key):
            form.form_errors.append("This was done already, and was not done again.")
            return None
        return house().adjust_points.preview(wanted) if is_preview else house().adjust_points(wanted)[0]
    except DomainError as error:
        if "expires_at" in (error.facts.get("errors") or {}):
            form.expires_on.errors = [*form.expires_on.errors, *error.facts["errors"]["expires_at"]]
        else:
            show(error, form, "points" if error.code == "insufficient_points" else None)
        return None
