"""Refusals of the house in sentences for people, beside the field that they are about."""

from __future__ import annotations

from flask_wtf import FlaskForm

from app.domain.errors import DomainError

SENTENCES = {
    "insufficient_points": "There are not that many points to take.",
    "unknown_account": "No account of this member was ever opened.",
    "unknown_order": "There is no such order.",
    "unknown_product": "There is no such product.",
    "try_again": "Others were changing the same account. Nothing was changed here: try again.",
    "order_not_refundable": "Nothing of this order can be refunded now.",
    "refund_exceeds_order": "That is more than is left of the order.",
    "refund_declined": "The payment gateway gives nothing back. No points were moved.",
    "rules_changed": "Another version was published since this form was opened: by you, if it was sent twice. Nothing"
    " was published now. Look at the rules as they are, and begin anew.",
    "points_exceed_total": "The points are worth more than the order.",
    "points_above_maximum": "An order may not take so many points.",
    "points_below_minimum": "An order may not take so few points.",
    "idempotency_key_reused": "This form was sent before, with other figures. Reload the page to begin anew.",
    "unknown_event": "There is no such event.",
    "not_sealed_yet": "No checkpoint covers this event yet. One is signed each minute in which something is new.",
    "invalid_request": "Some fields cannot be accepted.",
}
"""Code -> what to tell. One that is missing here is shown as it is."""


def sentence(error: DomainError) -> str:
    """What a refusal says, whole."""
    told = SENTENCES.get(error.code, error.code.replace("_", " "))
    fields = error.facts.get("errors") or {}
    return " ".join([told, *(f"{name}: {' '.join(messages)}" for name, messages in fields.items())])


def show(error: DomainError, form: FlaskForm, about: str | None = None) -> None:
    """Put a refusal beside the fields that it names, or else beside `about`, or else on top of the form."""
    fields = error.facts.get("errors") or {}
    named = {name: messages for name, messages in fields.items() if name in form}
    for name, messages in named.items():
        form[name].errors = [*form[name].errors, *messages]
    if not named and about:
        form[about].errors = [*form[about].errors, sentence(error)]
    elif not named:
        form.form_errors.append(sentence(error))
