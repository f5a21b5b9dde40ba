"""Logging in: with e-mail and password, or by a link that works once. And out."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import EmailField, PasswordField
from wtforms.validators import InputRequired

from app.auth.passwords import Busy, is_right
from app.panel import sessions
from app.panel.access import local_path
from app.panel.context import house
from app.panel.inputs import searchable

blueprint = Blueprint("login", __name__)

WRONG = "This e-mail address and password do not fit."


class Login(FlaskForm):
    """Who, and the password."""

    email = EmailField("E-mail", [InputRequired("Your e-mail address, please.")])
    password = PasswordField("Password", [InputRequired("Your password, please.")])


@blueprint.get("/login")
def asked() -> str | Response:
    """The form; one who is logged in goes on at once."""
    if sessions.current():
        return redirect(local_path(request.args.get("next")), 303)
    return render_template("login.html", form=Login(), next=request.args.get("next"))


@blueprint.post("/login")
def tried() -> str | Response | tuple[str, int] | tuple[str, int, dict[str, str]]:
    """Let in, or say no: in the same words whether the user or the password is wrong."""
    form = Login()
    if not form.validate():
        return _again(form), 422
    email, at = searchable((form.email.data or "").strip().lower()) or "", house().clock()
    wait_s = house().panel_users.failures.begin(email, at)
    if wait_s:
        form.form_errors.append(f"Too many tries. Wait {-(-wait_s // 60)} minutes, or ask for a link.")
        return _again(form), 429, {"Retry-After": str(wait_s)}
    user = house().panel_users.find(email)
    try:
        is_let_in = is_right(form.password.data or "", user.password_hash if user else None)
    except Busy:
        house().panel_users.failures.forget(email, at)
        form.form_errors.append("Many are logging in just now. Try again in a moment.")
        return _again(form), 429, {"Retry-After": "1"}
    if not is_let_in or not sessions.begin(email):
        form.form_errors.append(WRONG)
        return _again(form), 401
    house().panel_users.failures.forget(email)
    return redirect(local_path(request.args.get("next")), 303)


@blueprint.get("/enter/<link>")
def offered(link: str) -> str:
    """A button to enter by: whoever only looks at a link, as mail programs do, does not use it up."""
    return render_template("enter.html", link=link)


@blueprint.post("/enter/<link>")
def entered(link: str) -> Response:
    """Let in by a link, once."""
    user_id = house().panel_users.redeem(link, house().clock())
    if user_id is None or not sessions.begin(user_id):
        flash("This link was used before, or has run out. Each one works once, for an hour.", "refused")
        return redirect(url_for("login.asked"), 303)
    return redirect(url_for("home.shown"), 303)


@blueprint.post("/logout")
def ended() -> Response:
    """Log out; the session is gone at once, wherever its cookie may still lie."""
    sessions.end()
    flash("You are logged out.", "done")
    return redirect(url_for("login.asked"), 303)


def _again(form: Login) -> str:
    return render_template("login.html", form=form, next=request.args.get("next"))
