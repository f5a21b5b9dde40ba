"""Products: the catalogue as those see it who keep it, one product at a time.

A form is one line of an import, so each rule is the import's own (app/catalog/lines.py); files are another module's.
"""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import BooleanField, StringField, TextAreaField

from app.audit.money import amount, minor_of, plain
from app.catalog.importing import import_products
from app.catalog.lines import MAX_PRICE_MINOR, NotAProduct, parse
from app.catalog.products import Search
from app.panel.context import house
from app.panel.inputs import Filters, choice
from app.panel.paging import ROWS, address, here
from app.projections.pages import Item

blueprint = Blueprint("products", __name__)

COLUMNS = ("sku", "name", "brand", "category", "price", "currency", "active")

IS_SOLD = {"": None, "yes": True, "no": False}
"""What the list's choice means; None is both."""


class Wanted(Filters):
    """What narrows the list."""

    q = StringField("Words, or a whole SKU")
    sold = choice("Sold", {"yes": "on sale", "no": "no longer sold"}, "all")


class Product(FlaskForm):
    """All that a line of an import may say, but for the currency, which is the programme's."""

    sku = StringField("SKU")
    name = StringField("Name")
    brand = StringField("Brand")
    category = StringField("Category")
    price = StringField("Price")
    image_url = StringField("Picture")
    description = TextAreaField("Description")
    active = BooleanField("On sale", default=True)


@blueprint.get("/products")
def listed() -> str:
    """Products, the newest first, or what was searched for by how well it fits."""
    form = Wanted(request.args)
    products, further = _found(form)
    is_part = request.headers.get("HX-Request") == "true"
    page = "products_found.html" if is_part else "products.html"
    return render_template(page, form=form, products=products, further=further)


@blueprint.get("/products/edit")
def one() -> str:
    """One product, to be changed, or by an auditor to be looked at."""
    product = _wanted()
    shown = {**product, "price": plain(product["price"], product["currency"])}
    return _page(Product(formdata=None, data=shown), product)


@blueprint.post("/products/edit")
def changed() -> str | Response | tuple[str, int]:
    """Change one product; its SKU stays."""
    product, form = _wanted(), Product()
    if not _is_taken(form, product):
        return _page(form, product), 422
    flash(f"{form.name.data} is changed.", "done")
    return redirect(address("products.one", {"sku": product["sku"]}), 303)


@blueprint.get("/products/new")
def fresh() -> str:
    """The form for one more product."""
    return _page(Product(formdata=None), None)


@blueprint.post("/products/new")
def added() -> str | Response | tuple[str, int]:
    """Add one product; a SKU that is taken is refused, for that would change another."""
    form = Product()
    if house().catalogue.kept(form.sku.data or ""):
        form.sku.errors = ["There is a product of this SKU already: search for it, and change that one."]
    if form.sku.errors or not _is_taken(form, None):
        return _page(form, None), 422
    flash(f"{form.name.data} is added.", "done")
    return redirect(address("products.one", {"sku": form.sku.data}), 303)


def _wanted() -> Item:
    """The product that the address names."""
    found = house().catalogue.kept(request.args.get("sku", ""))
    return found if found is not None else abort(404)


def _page(form: Product, product: Item | None) -> str:
    return render_template("product.html", form=form, product=product)


def _found(form: Wanted) -> tuple[list[Item], str | None]:
    """A page of products, and the address of the next. A text or a place that cannot be finds nothing."""
    text, is_sold = form.q.data or "", IS_SOLD.get(form.sold.data or "")
    try:
        after = [int(number) for number in request.args["after"].split(".")] if "after" in request.args else None
        search = Search(q=text, active=is_sold, limit=ROWS, after=after, fields=COLUMNS)
    except ValueError:
        return [], None
    page = house().catalogue.search(search)
    products: list[Item] = json.loads(page.items_json)
    exact = house().catalogue.kept(text) if text and after is None else None
    if exact and is_sold in (None, exact["active"]):
        products = [exact, *(product for product in products if product["sku"] != exact["sku"])]
    return products, here(after=".".join(map(str, page.next))) if page.next else None


def _is_taken(form: Product, before: Item | None) -> bool:
    """Import the form as a line. False where it is refused, which the form then says beside its fields."""
    currency = house().settings.currency
    line = json.dumps(_said(form, before, currency)).encode()
    try:
        parse(line, currency)
    except NotAProduct as refused:
        for name, messages in refused.errors.items():
            _tell(form, name, messages)
    if form.errors:
        return False
    report = import_products(house().database, [line], currency)
    assert not report.rejected
    return True


def _said(form: Product, before: Item | None, currency: str) -> dict[str, Any]:
    """What the form says, as a line does. What it does not show stays as it was."""
    said = {name: form[name].data or "" for name in ("sku", "name", "brand", "category", "image_url")}
    said |= {"active": bool(form.active.data), "currency": before["currency"] if before else currency}
    if before:
        said["sku"] = before["sku"]
    said["description"] = _lines(form.description.data or "", before["description"] if before else "")
    try:
        said["price"] = minor_of(form.price.data or "", currency)
    except ValueError as error:
        said["price"] = 0
        form.price.errors = [_sentence(str(error))]
    return said


def _lines(typed: str, before: str) -> str:
    """A text with the ends of lines that are ours: browsers send others, which is no change."""
    text = typed.replace("\r\n", "\n").replace("\r", "\n")
    return before if text == before.replace("\r\n", "\n").replace("\r", "\n") else text


def _tell(form: Product, name: str, messages: list[str]) -> None:
    if name == "price":  # a whole number by now, so it is its size
        currency = house().settings.currency
        messages = [f"must lie between {amount(0, currency)} and {amount(MAX_PRICE_MINOR, currency)}"]
    told = [_sentence(message) for message in messages]
    if name in form:
        form[name].errors = [*form[name].errors, *told]
    else:
        form.form_errors += [f"{name}: {message}" for message in told]


def _sentence(message: str) -> str:
    return f"{message[0].upper()}{message[1:]}."
