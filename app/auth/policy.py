"""Who may do what: a table for the API and one for the panel, endpoint -> roles.

An endpoint that is not in its table cannot be reached by anybody.
"""

from __future__ import annotations

PUBLIC: frozenset[str] = frozenset({"public"})
CUSTOMER = frozenset({"customer"})
ADMIN = frozenset({"admin"})
READERS = frozenset({"admin", "auditor"})
AUDITOR = frozenset({"auditor"})
SIGNED_IN = frozenset({"customer", "admin", "auditor"})

POLICY: dict[str, frozenset[str]] = {
    "static": PUBLIC,
    "operations.alive": PUBLIC,
    "operations.ready": PUBLIC,
    "operations.metrics": PUBLIC,
    "api-docs.openapi_json": PUBLIC,
    "api-docs.openapi_swagger_ui": PUBLIC,
    "products.listed": PUBLIC,
    "products.searched": PUBLIC,
    "products.one": PUBLIC,
    "checkout.quoted": CUSTOMER,
    "checkout.bought": CUSTOMER,
    "orders.one": SIGNED_IN,
    "orders.own": CUSTOMER,
    "points.own": CUSTOMER,
    "points.expiring": CUSTOMER,
    "points.transactions": CUSTOMER,
    "admin_transactions.listed": READERS,
    "admin_accounts.listed": READERS,
    "admin_accounts.one": READERS,
    "admin_accounts.adjusted": ADMIN,
    "admin_orders.listed": READERS,
    "admin_orders.refunded": ADMIN,
    "admin_reviews.listed": READERS,
    "admin_reviews.cleared": ADMIN,
    "payments.stripe": PUBLIC,
    "admin_rules.listed": READERS,
    "admin_rules.current": READERS,
    "admin_rules.changed": ADMIN,
    "admin_reports.summary": READERS,
    "admin_products.imported": ADMIN,
    "audit_events.listed": AUDITOR,
    "audit_accounts.as_it_stood": AUDITOR,
    "audit_accounts.explained": AUDITOR,
    "audit_readings.listed": AUDITOR,
    "audit_checkpoints.listed": AUDITOR,
    "audit_checkpoints.consistency": AUDITOR,
    "audit_checkpoints.inclusion": AUDITOR,
}


def is_allowed(endpoint: str, roles: frozenset[str]) -> bool:
    """Whether one of `roles` opens `endpoint`. Public ones need none."""
    allowed = POLICY[endpoint]
    return allowed is PUBLIC or bool(allowed & roles)


PANEL: dict[str, frozenset[str]] = {
    "static": PUBLIC,
    "login.asked": PUBLIC,
    "login.tried": PUBLIC,
    "login.offered": PUBLIC,
    "login.entered": PUBLIC,
    "login.ended": READERS,
    "home.shown": READERS,
    "members.listed": READERS,
    "members.one": READERS,
    "members.feed": READERS,
    "members.orders": READERS,
    "members.statement": READERS,
    "members.previewed": ADMIN,
    "members.adjusted": ADMIN,
    "transactions.listed": READERS,
    "transactions.newer": READERS,
    "transactions.exported": READERS,
    "orders.listed": READERS,
    "orders.one": READERS,
    "orders.previewed": ADMIN,
    "orders.refunded": ADMIN,
    "orders.reviews": READERS,
    "orders.cleared": ADMIN,
    "rules.listed": READERS,
    "rules.asked": READERS,
    "rules.previewed": READERS,
    "rules.backtested": READERS,
    "rules.published": ADMIN,
    "products.listed": READERS,
    "products.one": READERS,
    "products.changed": ADMIN,
    "products.fresh": ADMIN,
    "products.added": ADMIN,
    "products_file.chosen": ADMIN,
    "products_file.imported": ADMIN,
    "expired.listed": READERS,
    "jobs.listed": READERS,
    "audit.shown": READERS,
    "audit.verified": READERS,
    "audit.exported": READERS,
    "audit_checkpoints.listed": READERS,
    "audit_checkpoints.one": READERS,
    "audit_events.listed": READERS,
    "audit_events.one": READERS,
    "audit_events.included": READERS,
    "audit_events.proof": READERS,
    "audit_readings.listed": READERS,
}
"""The panel's pages, by the same roles."""
