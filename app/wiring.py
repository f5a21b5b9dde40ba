"""The one place where implementations are chosen: `build(settings)` gives a House. Tests call the same function."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from eventsourcing.utils import Environment

from app import migrations
from app.audit.checkpoints import Checkpoints
from app.audit.events import LoggedEvents
from app.audit.explain import Explanations
from app.audit.export import Export
from app.audit.history import History
from app.audit.keys import FOLDER as KEYS
from app.audit.keys import Signer, TrustedKeys
from app.audit.outside import FILE, OutsideFile
from app.audit.places import Bucket, Webhook
from app.audit.proofs import Proofs
from app.audit.sealing import Seal
from app.audit.shipping import Place, Shipping
from app.audit.tree import SealedTree
from app.audit.verify import Verify
from app.auth.tokens import LOCAL_AUDIENCE, LOCAL_ISSUER, KeySet, LocalSecret, Tokens
from app.catalog.prices import CataloguePrices
from app.catalog.products import Catalogue
from app.config import VERSION, Settings
from app.database import Database
from app.eventstore.factory import PostgresFactory
from app.eventstore.mapper import EventMapper
from app.eventstore.recorder import PostgresApplicationRecorder
from app.eventstore.tracking import PostgresTrackingRecorder
from app.payments.sandbox import SandboxGateway
from app.projections import balances, folding, lots, orders, rules, transactions, unsettled
from app.projections.accounts import Accounts
from app.projections.books import PostgresOrderBooks
from app.projections.daily import DailyReport
from app.projections.overview import Overview
from app.projections.verify import read_models
from app.registers.directory import PostgresDirectory, entry_statement, reason_statement, reasons_statement
from app.registers.job_runs import JobRuns
from app.registers.panel_users import PanelUsers
from app.registers.readings import Readings
from app.registers.receipts import Receipts, claim_statement, receipt_statement
from app.registers.recoveries import PostgresRecoveries
from app.usecases.adjust_points import AdjustPoints
from app.usecases.change_rules import ChangeRules
from app.usecases.check_out import CheckOut
from app.usecases.expire_points import ExpirePoints
from app.usecases.forget_member import ForgetMember
from app.usecases.hear_from_gateway import HearFromGateway
from app.usecases.import_accounts import ImportAccounts
from app.usecases.import_orders import ImportOrders
from app.usecases.loyalty import Loyalty, Writer
from app.usecases.payment_gateway import PaymentGateway
from app.usecases.ports import (
    Claim,
    Clock,
    DirectoryEntry,
    ReasonText,
    ReasonTexts,
    Receipt,
    Recoveries,
    UnsettledOrders,
)
from app.usecases.reconcile import Reconcile
from app.usecases.recover_payments import RecoverPayments
from app.usecases.refund_order import RefundOrder
from app.usecases.settle_payment import SettlePayment
from app.usecases.settle_refund import SettleRefund

INLINE_FOLDS = (balances.fold, lots.fold, orders.fold, transactions.fold, rules.fold)
"""Read models folded in the append's own transaction, in the order in which every append takes their rows."""

METADATA = json.dumps({"software": f"miles-plus-cash {VERSION}"}, separators=(",", ":"))
"""Kept with every event that this code writes."""


@dataclass
class House:
    """Everything that a door needs. One a process; close it when done."""

    settings: Settings
    clock: Clock
    database: Database
    loyalty: Loyalty
    log: PostgresApplicationRecorder
    mapper: EventMapper
    gateway: PaymentGateway
    tokens: Tokens
    directory: PostgresDirectory
    receipts: Receipts
    job_runs: JobRuns
    readings: Readings
    panel_users: PanelUsers
    recoveries: PostgresRecoveries
    unsettled: unsettled.PostgresUnsettledOrders
    catalogue: Catalogue
    accounts: Accounts
    lots: lots.Lots
    orders: orders.Orders
    transactions: transactions.Transactions
    daily: DailyReport
    overview: Overview
    logged_events: LoggedEvents
    history: History
    explanations: Explanations
    checkpoints: Checkpoints
    tree: SealedTree
    trusted_keys: TrustedKeys
    seal: Seal
    shipping: Shipping
    proofs: Proofs
    verify: Verify
    export: Export
    check_out: CheckOut
    settle_payment: SettlePayment
    settle_refund: SettleRefund
    refund_order: RefundOrder
    recover_payments: RecoverPayments
    hear_from_gateway: HearFromGateway
    reconcile: Reconcile
    adjust_points: AdjustPoints
    change_rules: ChangeRules
    expire_points: ExpirePoints
    forget_member: ForgetMember
    import_accounts: ImportAccounts
    import_orders: ImportOrders
    _cursor_secret: bytes | None = None

    def cursor_secret(self) -> bytes:
        """What seals cursors: one secret for all processes of the house, kept in the database."""
        if self._cursor_secret is None:
            row = self.database.row("SELECT value FROM secrets WHERE name = 'cursor'")
            assert row is not None, "a migration makes it"
            self._cursor_secret = bytes(row[0])
        return self._cursor_secret

    def close(self) -> None:
        """Hang up on the database and on whatever else has a line open."""
        self.loyalty.close()
        self.gateway.close()
        self.database.close()


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


def tokens(settings: Settings) -> Tokens:
    """Whom to believe: the JWKS if one is given, else the local secret."""
    if settings.jwt_jwks:
        assert settings.jwt_issuer and settings.jwt_audience
        return Tokens(KeySet(settings.jwt_jwks), settings.jwt_issuer, settings.jwt_audience)
    return Tokens(LocalSecret(settings.home), LOCAL_ISSUER, LOCAL_AUDIENCE)


def payment_gateway(settings: Settings, clock: Clock) -> PaymentGateway:
    """Whoever charges cards. Stripe's library is an extra of the package, so it is imported where it is chosen."""
    if settings.payment_gateway == "stripe":
        from app.payments.stripe.gateway import StripeGateway  # noqa: PLC0415

        return StripeGateway(settings.stripe_api_key, settings.stripe_api_base, clock=clock)
    assert settings.database_url is not None
    return SandboxGateway(settings.database_url)


def checkpoint_places(settings: Settings) -> list[Place]:
    """Where copies of checkpoints go."""
    places: list[Place] = []
    if settings.checkpoint_webhook:
        places.append(Webhook(settings.checkpoint_webhook))
    if settings.checkpoint_s3_bucket:
        places.append(Bucket(settings.checkpoint_s3_bucket, settings.checkpoint_s3_endpoint))
    return places


def _event_sourced(database: Database, mapper: EventMapper) -> tuple[Loyalty, PostgresApplicationRecorder]:
    """The application on our event store, with the read models and what else is written beside events; and its log."""
    factory = PostgresFactory(
        Environment(""), database=database, fold=folding.inline(mapper, INLINE_FOLDS), metadata=METADATA
    )
    writers: dict[type, Writer] = {
        DirectoryEntry: entry_statement,
        ReasonText: reason_statement,
        ReasonTexts: reasons_statement,
        Claim: claim_statement,
        Receipt: receipt_statement,
    }
    loyalty = Loyalty(factory, mapper, writers)
    log = loyalty.recorder
    assert isinstance(log, PostgresApplicationRecorder)
    return loyalty, log


def _settling(
    loyalty: Loyalty,
    gateway: PaymentGateway,
    waiting: UnsettledOrders,
    recoveries: Recoveries,
    clock: Clock,
    zone: ZoneInfo,
) -> tuple[SettlePayment, SettleRefund, RecoverPayments]:
    """What brings charges and refunds to their end, whoever tells of it."""
    settle = SettlePayment(loyalty, recoveries, clock, zone)
    settle_refund = SettleRefund(loyalty, recoveries, clock, zone)
    recover = RecoverPayments(loyalty, gateway, waiting, recoveries, settle, settle_refund, clock)
    return settle, settle_refund, recover


def build(settings: Settings, *, clock: Clock = now, gateway: PaymentGateway | None = None) -> House:
    """A house over the migrated database that `settings.database_url` names. It connects when first used."""
    assert settings.database_url is not None, "the embedded database is started before the house is built"
    database, mapper = Database(settings.database_url), EventMapper()
    loyalty, log = _event_sourced(database, mapper)
    directory, zone, home = PostgresDirectory(database), settings.zone, settings.home
    gateway = gateway or payment_gateway(settings, clock)
    recoveries, waiting = PostgresRecoveries(database), unsettled.PostgresUnsettledOrders(database)
    settle, settle_refund, recover = _settling(loyalty, gateway, waiting, recoveries, clock, zone)
    lots_read, history = lots.Lots(database), History(database, mapper, directory, clock)
    prices = CataloguePrices(database)
    checkpoints, tree, trusted = Checkpoints(database), SealedTree(database), TrustedKeys(home / KEYS)
    return House(
        settings=settings,
        clock=clock,
        database=database,
        loyalty=loyalty,
        log=log,
        mapper=mapper,
        gateway=gateway,
        tokens=tokens(settings),
        directory=directory,
        receipts=Receipts(database),
        job_runs=JobRuns(database),
        readings=Readings(database),
        panel_users=PanelUsers(database),
        recoveries=recoveries,
        unsettled=waiting,
        catalogue=Catalogue(database),
        accounts=Accounts(database),
        lots=lots_read,
        orders=orders.Orders(database),
        transactions=transactions.Transactions(database),
        overview=Overview(database),
        daily=DailyReport(database, log, PostgresTrackingRecorder(database), mapper, zone),
        logged_events=LoggedEvents(database, log),
        history=history,
        explanations=Explanations(database, mapper, directory, history, zone),
        checkpoints=checkpoints,
        tree=tree,
        trusted_keys=trusted,
        seal=Seal(database, checkpoints, tree, OutsideFile(home / FILE), Signer(home), trusted, clock),
        shipping=Shipping(checkpoints, trusted, home, checkpoint_places(settings)),
        proofs=Proofs(database, tree, checkpoints),
        export=Export(database, checkpoints, Signer(home), clock),
        verify=Verify(database, mapper, read_models(zone), checkpoints, tree, OutsideFile(home / FILE), Signer(home)),
        check_out=CheckOut(loyalty, directory, prices, gateway, settle, recoveries, clock, zone, settings.currency),
        settle_payment=settle,
        settle_refund=settle_refund,
        refund_order=RefundOrder(loyalty, directory, gateway, settle_refund, recoveries, clock),
        recover_payments=recover,
        hear_from_gateway=HearFromGateway(loyalty, settle, recover, recoveries),
        reconcile=Reconcile(gateway, PostgresOrderBooks(database)),
        adjust_points=AdjustPoints(loyalty, directory, clock, zone),
        change_rules=ChangeRules(loyalty, directory, clock),
        expire_points=ExpirePoints(loyalty, lots_read, clock),
        forget_member=ForgetMember(directory, waiting, clock),
        import_accounts=ImportAccounts(loyalty, directory, clock, zone),
        import_orders=ImportOrders(loyalty, directory, clock, zone, settings.currency),
    )


REPORT_LAG_TOLERATED = 100_000
"""Events that the report may be behind before the house calls itself not ready: some seconds of an import."""


def why_not_ready(house: House) -> str | None:
    """Why the house cannot serve yet, or None if it can. Raises the library's PersistenceError without a database."""
    missing = migrations.pending(house.database)
    if missing:
        return f"migrations are pending: {', '.join(missing)}"
    behind = (house.log.max_notification_id() or 0) - house.daily.position()
    if behind > REPORT_LAG_TOLERATED:
        return f"the daily report is {behind} events behind the log"
    return None
