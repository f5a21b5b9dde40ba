"""What forms send: days as the programme counts them, whole numbers, amounts of money, ids of forms."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import uuid4

from flask_wtf import FlaskForm
from wtforms import DateField, DateTimeLocalField, HiddenField, IntegerField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Optional, ValidationError
from wtforms.widgets import HiddenInput

from app.audit.money import amount, minor_of, plain
from app.panel.context import house

MAX_REASON = 500


class Filters(FlaskForm):
    """Fields that narrow a list. They stand in the address, change nothing, and so need no token."""

    class Meta:
        csrf = False


class KeyField(HiddenField):
    """What the form was shown with. One that is sent without it has none, and is refused."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Take what was sent, also where that is nothing."""
        self.data = valuelist[0] if valuelist else None


class Confirmed(FlaskForm):
    """A form that writes: its effect is shown before it is done, and sent twice, it does its work once.

    To be done it must come back with the figures that were shown.
    """

    key = KeyField(
        default=lambda: uuid4().hex,
        validators=[InputRequired("The form came without its key: reload the page."), Length(1, 64, "A key of ours.")],
    )
    confirmed = HiddenField()

    def renew(self) -> None:
        """What is sent next is new work, and not the same again."""
        self.key.data = uuid4().hex

    def is_confirmed(self) -> bool:
        """Whether what is sent is what was shown."""
        return bool(self.confirmed.data == self._figures())

    def ask(self) -> None:
        """Have it come back as it is."""
        self.confirmed.data = self._figures()

    def _figures(self) -> str:
        return json.dumps([str(field.data) for field in self if not isinstance(field.widget, HiddenInput)])


class MoneyField(StringField):
    """An amount as people write it; `data` is in minor units of the form's currency, which is most often the house's.

    A form over an order in another one is made with meta={"currency": "EUR"}.
    """

    @property
    def currency(self) -> str:
        return getattr(self.meta, "currency", house().settings.currency)

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else plain(self.data, self.currency)

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what was sent; wtforms shows a ValueError beside the field."""
        if not valuelist:
            return
        self.data = None
        try:
            self.data = minor_of(valuelist[0], self.currency)
        except ValueError as error:
            raise ValueError(f"It {error}, please.") from error


def money(label: str, low_minor: int, high_minor: int, **options: Any) -> MoneyField:
    """An amount of money in these bounds."""
    return MoneyField(label, [InputRequired("An amount of money, please."), _between(low_minor, high_minor)], **options)


def money_or_nothing(label: str) -> MoneyField:
    """An amount of money above nothing, or no amount."""
    return MoneyField(label, [Optional(), _above_nothing])


def _above_nothing(form: FlaskForm, field: MoneyField) -> None:
    if field.data is not None and field.data <= 0:
        raise ValidationError("More than nothing, please.")


def _between(low_minor: int, high_minor: int) -> Any:
    def check(form: FlaskForm, field: MoneyField) -> None:
        if field.data is not None and not low_minor <= field.data <= high_minor:
            low, high = amount(low_minor, field.currency), amount(high_minor, field.currency)
            raise ValidationError(f"From {low} to {high}, please.")

    return check


def sought(label: str) -> StringField:
    """Text that is looked for."""
    return StringField(label, filters=[searchable])


def searchable(text: str | None) -> str | None:
    """The same, but what the database takes for no text at all, a NUL, as something that no text there holds."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}") if text else text


def whole(label: str, low: int, high: int, **options: Any) -> IntegerField:
    """A whole number in these bounds."""
    wrong = f"A whole number from {low} to {high}, please."
    return IntegerField(label, [InputRequired(wrong), NumberRange(low, high, wrong)], **options)


def reason() -> StringField:
    """Why: 1 to 500 characters that say something."""
    asked = f"Why? 1 to {MAX_REASON} characters, please."
    bare = [lambda text: text.strip() if text else text]
    return StringField("Reason", [InputRequired(asked), Length(1, MAX_REASON, asked), _is_text], filters=bare)


def _is_text(form: FlaskForm, field: StringField) -> None:
    if "\0" in field.data:
        raise ValidationError("It holds a character that is no text.")


class _OurTimes:
    """Refuses years that not every calendar here can count in; there is a century to spare for what is added."""

    data: Any

    def process_formdata(self, valuelist: list[str]) -> None:
        super().process_formdata(valuelist)  # type: ignore[misc]
        if self.data and not 1900 <= self.data.year <= 9000:
            self.data = None
            raise ValueError("A year from 1900 to 9000, please.")


class DayField(_OurTimes, DateField):
    """A day; none where what was sent is none."""


class MomentField(_OurTimes, DateTimeLocalField):
    """A day and a time of it."""


def day(label: str) -> DayField:
    """A day, or nothing."""
    return DayField(label, [Optional()])


def moment(label: str) -> MomentField:
    """A day and a time where the programme is, or nothing; `instant` says which one that is."""
    return MomentField(label, [Optional()])


def choice(label: str, words: dict[str, str], everything: str | None = None, **options: Any) -> SelectField:
    """One of `words`; or nothing, which means `everything`, where that has a word."""
    shown = words if everything is None else {"": everything, **words}
    choices = [SelectChoice(value, word) for value, word in shown.items()]
    options = {"default": next(iter(shown)), **options}
    return SelectField(label, choices=choices, filters=[searchable], **options)


def starts(day: date | None) -> datetime | None:
    """The instant at which a day of the programme begins."""
    return datetime.combine(day, time.min, house().settings.zone).astimezone(UTC) if day else None


def ends(day: date | None) -> datetime | None:
    """The instant at which a day of the programme is over."""
    return starts(day + timedelta(days=1)) if day else None


def instant(local: datetime | None) -> datetime | None:
    """The instant at which clocks show `local` where the programme is."""
    return local.replace(tzinfo=house().settings.zone).astimezone(UTC) if local else None
