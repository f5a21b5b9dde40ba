"""Products from a file, as PUT /admin/products takes it: what was created and updated, which lines were not taken."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired

from app.catalog.importing import import_at_once, read_lines
from app.panel.context import house

blueprint = Blueprint("products_file", __name__)

SHOWN = 1000
"""Rejected lines on the page; a file with more of them is not mended line by line."""


class Upload(FlaskForm):
    """The file."""

    file = FileField("File", [FileRequired("Which file? Choose one, please.")])


@blueprint.get("/products/import")
def chosen() -> str:
    """The form, and what a file looks like."""
    return render_template("products_file.html", form=Upload(formdata=None), report=None)


@blueprint.post("/products/import")
def imported() -> str | tuple[str, int]:
    """Import the file, all at once. Sent again it changes nothing more, so the report is the answer."""
    form = Upload()
    if not form.validate():
        return render_template("products_file.html", form=form, report=None), 422
    with house().database.transaction() as cursor:
        report = import_at_once(cursor, read_lines(form.file.data.stream), house().settings.currency)
    return render_template("products_file.html", form=form, report=report, limit=SHOWN)
