"""What forms send: days as the programme counts them, whole numbers, ids of forms."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import uuid4

from flask_wtf import FlaskForm
from wtforms import DateField, HiddenField, IntegerField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from app.panel.context import house

MAX_REASON = 500


class Filters(FlaskForm):
    """Fields that narrow a list. They stand in the address, change nothing, and so need no token."""

    class Meta:
        csrf = False


class Keyed(FlaskForm):
    """A form that writes: sent twice, it does its work once."""

    key = HiddenField(default=lambda: uuid4().hex)


def whole(label: str, low: int, high: int, **options: Any) -> IntegerField:
    """A whole number in these bounds."""
    wrong = f"A whole number from {low:,} to {high:,}, please."
    return IntegerField(label, [InputRequired(wrong), NumberRange(low, high, wrong)], **options)


def reason() -> StringField:
    """Why: 1 to 500 characters."""
    asked = f"Why? 1 to {MAX_REASON} characters, please."
    return StringField("Reason", [InputRequired(asked), Length(1, MAX_REASON, asked)])


def day(label: str) -> DateField:
    """A day, or nothing."""
    return DateField(label, [Optional()])


def choice(label: str, words: dict[str, str], everything: str | None = None, **options: Any) -> SelectField:
    """One of `words`; or nothing, which means `everything`, where that has a word."""
    shown = words if everything is None else {"": everything, **words}
    return SelectField(label, choices=[SelectChoice(value, word) for value, word in shown.items()], **options)


def starts(day: date | None) -> datetime | None:
    """The instant at which a day of the programme begins."""
    return datetime.combine(day, time.min, house().settings.zone).astimezone(UTC) if day else None


def ends(day: date | None) -> datetime | None:
    """The instant at which a day of the programme is over."""
    return starts(day + timedelta(days=1)) if day else None
