"""Rules: every version with what it changed, and a new one, seen at work before it is published.

What only computes is asked for by GET, so that auditors can use it, too; the form's token goes with the button that
publishes, and so stands in no address.
"""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import IntegerField
from wtforms.widgets import HiddenInput

from app.audit.backtest import Outcome, backtest
from app.audit.simulation import terms
from app.domain.errors import DomainError
from app.domain.programme import Programme, RuleVersion
from app.domain.rules import BOUNDS, MAX_COUNT, Rule
from app.panel.context import house, user
from app.panel.inputs import Filters, choice, day, instant, moment, money, starts, whole
from app.panel.paging import ROWS, after, older
from app.panel.rule_words import EARN_ON, NAMES, changes, sentences, worked
from app.panel.turns import turn
from app.panel.words import show

blueprint = Blueprint("rules", __name__)

FIGURES = ("issued", "redeemed", "expired", "outstanding", "debt")
"""What a backtest shows of its figures, beside the liability: those that the home page has words for."""


BESIDE_THE_RULE = ("example_total", "example_points", "since")
"""Fields of the form that no version has."""


def _number(field: str) -> IntegerField:
    return whole(NAMES[field], *BOUNDS[field])


class Terms(Filters):
    """A whole version, what its worked example is of, and from when on a backtest goes by it."""

    earn_points = _number("earn_points")
    earn_per_amount = money(NAMES["earn_per_amount"], *BOUNDS["earn_per_amount"])
    earn_on = choice(NAMES["earn_on"], EARN_ON)
    max_earn_per_order = _number("max_earn_per_order")
    point_value = money(NAMES["point_value"], *BOUNDS["point_value"])
    min_redeem_per_order = _number("min_redeem_per_order")
    max_redeem_per_order = _number("max_redeem_per_order")
    pending_days = _number("pending_days")
    expiry_months = _number("expiry_months")
    restore_grace_days = _number("restore_grace_days")
    effective_from = moment("In effect from")
    newest = IntegerField(widget=HiddenInput())
    example_total = money("An order of", 0, MAX_COUNT, default=50_000)
    example_points = whole("with points", 0, MAX_COUNT, default=30)
    since = day("Backtest orders from")

    def rule(self) -> Rule:
        """The terms of a valid form."""
        return Rule(**{field: self[field].data for field in NAMES})

    def validate(self, extra_validators: Any = None) -> bool:
        """Each field by itself, and then whether the rule can work."""
        if not super().validate(extra_validators):
            return False
        try:
            self.rule().refuse_if_unworkable()
        except DomainError as error:
            show(error, self)
            return False
        return True


@blueprint.get("/rules")
def listed() -> str:
    """The version in effect, and all there are, newest first."""
    programme, currency, begin = house().loyalty.programme(), house().settings.currency, after()
    versions = [each for each in reversed(programme.versions) if begin is None or each.version < begin]
    shown = versions[:ROWS]
    current = programme.in_effect(house().clock())
    return render_template(
        "rules.html",
        current=current,
        sentences=sentences(current.rule, currency),
        versions=[(each, _changes(programme, each)) for each in shown],
        users=house().directory.users_of([each.created_by for each in shown if each.created_by]),
        older=older([shown[-1].version]) if len(versions) > ROWS else None,
    )


@blueprint.get("/rules/new")
def asked() -> str:
    """The form: with the newest version's values, or with those that were tried."""
    return _page(_sent() if request.args else None)


@blueprint.get("/rules/example")
def previewed() -> str:
    """What becomes of the example's order; a part of the page."""
    form = _sent()
    return render_template("rules_example.html", form=form, example=_example(form))


@blueprint.get("/rules/backtest")
def backtested() -> str:
    """What the rule would have made of the real history; the whole page, or a part of it."""
    form = _sent()
    outcome = _backtest(form)
    if request.headers.get("HX-Request") == "true":
        return render_template("rules_backtest.html", form=form, outcome=outcome, figures=FIGURES)
    return _page(form, outcome)


@blueprint.post("/rules")
def published() -> str | Response | tuple[str, int]:
    """Publish a version, unless another one came in between."""
    form, judged = Terms(), Terms()
    for name in BESIDE_THE_RULE:
        del judged[name]
    version = _publish(judged) if judged.validate() else None
    if version is None:
        for field in judged:
            form[field.name].errors = field.errors
        form.form_errors = judged.form_errors
        return _page(form), 422
    flash(f"Version {version.version} is published.", "done")
    return redirect(url_for("rules.listed"), 303)


def _sent() -> Terms:
    """What the address asks for, judged."""
    form = Terms(request.args)
    form.validate()
    return form


def _page(form: Terms | None, outcome: Outcome | None = None) -> str:
    if form is None:
        newest = house().loyalty.programme().newest
        form = Terms(formdata=None, data={**msgspec.structs.asdict(newest.rule), "newest": newest.version})
    return render_template(
        "rules_new.html",
        form=form,
        example=_example(form),
        outcome=outcome,
        figures=FIGURES,
        zone=house().settings.zone,
    )


def _changes(programme: Programme, version: RuleVersion) -> Any:
    """What a version changed; None of the first, which there was nothing before."""
    if version.version == 1:
        return None
    return changes(programme.numbered(version.version - 1).rule, version.rule, house().settings.currency)


def _example(form: Terms) -> list[str]:
    """The example's sentences; none where the form cannot work, which it then says."""
    if form.errors:
        return []
    at = max(house().clock(), instant(form.effective_from.data) or house().clock())
    total_minor, used = form.example_total.data or 0, form.example_points.data or 0
    try:
        return worked(form.rule(), total_minor, used, at, house().settings.zone, house().settings.currency)
    except DomainError as error:
        show(error, form, "example_points")
        return []


def _backtest(form: Terms) -> Outcome | None:
    if form.errors:
        return None
    programme, since = house().loyalty.programme(), starts(form.since.data)
    proposed = terms(programme, form.rule(), since, house().settings.zone)
    with turn():
        return backtest(house().database, house().mapper, proposed, house().clock())


def _publish(form: Terms) -> RuleVersion | None:
    """The version made; None where it is refused, which the form then says."""
    begins = instant(form.effective_from.data)
    try:
        return house().change_rules(form.rule(), begins, user().user_id, newest=form.newest.data or 0)
    except DomainError as error:
        show(error, form)
        return None
