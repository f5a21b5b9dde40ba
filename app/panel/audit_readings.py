"""Who read what: the readings that the API, the panel and the command line have put on record, newest first."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from wtforms import StringField

from app.auth.principals import is_user_id
from app.panel.context import house
from app.panel.inputs import Filters, day, ends, starts
from app.panel.paging import ROWS, after, older
from app.registers.readings import Reading, ReadingFilters

blueprint = Blueprint("audit_readings", __name__)


class Wanted(Filters):
    """What narrows the list."""

    reader = StringField("Reader")
    user = StringField("About the member")
    since = day("From")
    until = day("To")


@blueprint.get("/audit/readings")
def listed() -> str:
    """Readings; this one is not yet among them."""
    form = Wanted(request.args)
    found = _found(form)
    further = older([found[ROWS - 1].id] if len(found) > ROWS else None)
    return render_template("audit_readings.html", form=form, readings=found[:ROWS], older=further)


def _found(form: Wanted) -> list[Reading]:
    """A page and one more. Whoever was never seen has read nothing, and was never read about."""
    if not form.validate():
        return []
    reader, user = form.reader.data or None, form.user.data or None
    account_id = house().directory.account_of(user) if user and is_user_id(user) else None
    if (user and account_id is None) or (reader and not is_user_id(reader)):
        return []
    filters = ReadingFilters(reader, account_id, starts(form.since.data), ends(form.until.data))
    return house().readings.newest(ROWS + 1, after(), filters)
