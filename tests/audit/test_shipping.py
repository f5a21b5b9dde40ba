"""Copies of checkpoints elsewhere: each place gets every one, in order, however often it was away."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256

import pytest
from click.testing import CliRunner

from app.audit import shipping
from app.audit.checkpoints import Checkpoint, parse
from app.cli import audit_checkpoints
from app.config import BadSetting, Settings, from_environment
from app.scheduler.jobs import Failed, seal_log
from app.wiring import House, build
from tests.audit.elsewhere import Delivery, Elsewhere
from tests.audit.sealed_logs import append, kept, sealed
from tests.support.clock import Clock


@pytest.fixture
def house(hooked: Settings, clock: Clock) -> Iterator[House]:
    """A house that ships to the webhook."""
    built = build(hooked, clock=clock)
    yield built
    built.close()


def test_the_webhook_gets_each_checkpoint_once_whole_and_with_the_key(house: House, elsewhere: Elsewhere) -> None:
    first = sealed(house, 5)
    assert house.shipping() == (1, [])
    assert house.shipping() == (0, [])
    second = sealed(house)
    assert house.shipping() == (1, [])
    assert [(d.method, d.path) for d in elsewhere.deliveries] == [("POST", "/notes?token=s3cret")] * 2
    assert [parse(delivery.json["note"]) for delivery in elsewhere.deliveries] == [first, second]
    for delivery, checkpoint in zip(elsewhere.deliveries, (first, second), strict=True):
        published = house.settings.home / "checkpoint-keys" / f"{checkpoint.key_id}.pem"
        assert delivery.headers["Content-Type"] == "application/json"
        assert delivery.json == {**checkpoint.as_data(), "public_key": published.read_text()}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 400, 404, 429, 500, 503])
def test_a_webhook_that_does_not_take_a_copy_gets_it_again_and_nothing_out_of_order(
    house: House, elsewhere: Elsewhere, status: int
) -> None:
    sizes = [sealed(house).size for _ in range(3)]
    elsewhere.answers = [200, status]
    assert house.shipping() == (1, [f"webhook: it answered {status}"])
    assert elsewhere.sizes() == sizes[:2]
    assert house.shipping() == (2, [])
    assert elsewhere.sizes() == [sizes[0], sizes[1], sizes[1], sizes[2]]
    assert {delivery.path for delivery in elsewhere.deliveries} == {"/notes?token=s3cret"}


def test_a_place_that_cannot_be_reached_fails_the_job_but_not_the_seal(settings: Settings, clock: Clock) -> None:
    house = build(replace(settings, checkpoint_webhook="http://127.0.0.1:1/?token=s3cret"), clock=clock)
    append(house, 5)
    with pytest.raises(Failed) as failed:
        seal_log(house)
    said = str(failed.value)
    assert said.startswith("5 sealed, 0 copies shipped; not shipped: webhook: it cannot be reached (")
    assert "s3cret" not in said
    assert [checkpoint.size for checkpoint in kept(house)] == [5]
    with pytest.raises(Failed, match=r"^nothing new sealed, 0 copies shipped"):
        seal_log(house)
    house.close()


def test_the_job_ships_what_it_sealed(house: House, elsewhere: Elsewhere) -> None:
    append(house, 5)
    assert seal_log(house) == "5 sealed, 1 copies shipped"
    assert elsewhere.sizes() == [5]


def test_on_the_command_line_a_seal_that_was_not_shipped_ends_with_status_1(
    house: House, hooked: Settings, elsewhere: Elsewhere
) -> None:
    environment = {
        "DATABASE_URL": hooked.database_url,
        "DATABASE_OWNER_URL": hooked.database_owner_url,
        "MILES_HOME": str(hooked.home),
        "MILES_CHECKPOINT_WEBHOOK": hooked.checkpoint_webhook,
    }
    append(house, 5)
    elsewhere.answers = [500]
    ended = CliRunner().invoke(audit_checkpoints.seal, env=environment)
    assert (ended.exit_code, ended.output.splitlines()[-1]) == (1, "Error: not shipped: webhook: it answered 500")
    assert CliRunner().invoke(audit_checkpoints.seal, env=environment).exit_code == 0
    assert elsewhere.sizes() == [5, 5]


def test_a_place_that_has_to_catch_up_does_not_keep_the_next_seal_waiting(
    house: House, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipping, "MOST_AT_A_TIME", 2)
    sizes = [sealed(house).size for _ in range(5)]
    assert [house.shipping().copies for _ in range(4)] == [2, 2, 1, 0]
    assert elsewhere.sizes() == sizes


def test_what_was_delivered_is_remembered_and_where_that_is_lost_all_is_sent_again(
    house: House, hooked: Settings, clock: Clock, elsewhere: Elsewhere
) -> None:
    sizes = [sealed(house).size for _ in range(2)]
    house.shipping()
    later = build(hooked, clock=clock)
    assert later.shipping() == (0, [])
    later.close()
    memory = hooked.home / "checkpoints.webhook"
    assert memory.read_text() == f"{sizes[-1]}\n"
    for lost in ("", "many", "-1"):
        memory.write_text(lost)
        assert house.shipping() == (2, [])
    assert elsewhere.sizes() == sizes * 4


def in_a_bucket(settings: Settings, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> House:
    """A house that ships to a bucket there."""
    for name, value in {"ACCESS_KEY_ID": "AKID", "SECRET_ACCESS_KEY": "hush", "DEFAULT_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    bucket = {"checkpoint_s3_bucket": "proofs", "checkpoint_s3_endpoint": elsewhere.url}
    return build(replace(settings, **bucket), clock=clock)  # type: ignore[arg-type]


def assert_put(delivery: Delivery, checkpoint: Checkpoint) -> None:
    """It is the checkpoint's note as an object of its own, signed as S3 asks for."""
    assert (delivery.method, delivery.path) == ("PUT", f"/proofs/checkpoints/{checkpoint.size:020}.note")
    assert delivery.body == checkpoint.note().encode()
    assert delivery.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert delivery.headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKID/")
    assert delivery.headers["X-Amz-Content-SHA256"] == sha256(delivery.body).hexdigest()


def test_a_bucket_gets_each_note_as_an_object_and_a_refused_one_again(
    settings: Settings, elsewhere: Elsewhere, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = in_a_bucket(settings, elsewhere, monkeypatch, clock)
    first, second = sealed(house, 5), sealed(house)
    elsewhere.answers = [200, 503]
    copies, (failure,) = house.shipping()
    assert copies == 1
    assert failure.startswith("bucket: it did not take the object") and "hush" not in failure
    assert house.shipping() == (1, [])
    for delivery, checkpoint in zip(elsewhere.deliveries, (first, second, second), strict=True):
        assert_put(delivery, checkpoint)
    house.close()


def test_one_place_that_is_away_keeps_nothing_from_the_other(
    hooked: Settings, elsewhere: Elsewhere, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = in_a_bucket(hooked, elsewhere, monkeypatch, clock)
    sealed(house, 5)
    elsewhere.answers = [500]
    assert house.shipping() == (1, ["webhook: it answered 500"])
    assert house.shipping() == (1, [])
    assert [delivery.method for delivery in elsewhere.deliveries] == ["POST", "PUT", "POST"]
    house.close()


def test_a_bucket_without_credentials_is_a_failure_that_says_so(
    settings: Settings, elsewhere: Elsewhere, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = in_a_bucket(settings, elsewhere, monkeypatch, clock)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(settings.home / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    sealed(house)
    assert house.shipping() == (0, ["bucket: it did not take the object (Unable to locate credentials)"])
    assert elsewhere.deliveries == []
    house.close()


def complaint(**variables: str) -> str:
    """What is said of these settings, in one line."""
    with pytest.raises(BadSetting) as refused:
        from_environment(variables)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_the_places_are_settings_and_none_is_the_default() -> None:
    chosen = {
        "MILES_CHECKPOINT_WEBHOOK": "https://audit.example/notes?token=s3cret",
        "MILES_CHECKPOINT_S3_BUCKET": "proofs",
        "MILES_CHECKPOINT_S3_ENDPOINT": "https://s3.example/",
    }
    settings = from_environment(chosen)
    assert settings.checkpoint_webhook == chosen["MILES_CHECKPOINT_WEBHOOK"]
    assert (settings.checkpoint_s3_bucket, settings.checkpoint_s3_endpoint) == ("proofs", "https://s3.example")
    assert "s3cret" not in repr(settings)
    settings = from_environment({})
    assert (settings.checkpoint_webhook, settings.checkpoint_s3_bucket, settings.checkpoint_s3_endpoint) == (None,) * 3


@pytest.mark.parametrize(
    "url", ["http://audit.example/s3cret", "ftp://s3cret", "s3cret", "https://", "https://[s3cret", "https://a:s3cret/"]
)
def test_a_webhook_that_would_show_its_secret_is_refused_without_naming_it(url: str) -> None:
    said = complaint(MILES_CHECKPOINT_WEBHOOK=url)
    assert "MILES_CHECKPOINT_WEBHOOK" in said and "s3cret" not in said


def test_half_of_a_bucket_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "needs MILES_CHECKPOINT_S3_BUCKET" in complaint(MILES_CHECKPOINT_S3_ENDPOINT="https://s3.example")
    bucket = {"MILES_CHECKPOINT_S3_BUCKET": "proofs"}
    assert "MILES_CHECKPOINT_S3_ENDPOINT" in complaint(**bucket, MILES_CHECKPOINT_S3_ENDPOINT="http://s3.example")
    monkeypatch.setitem(sys.modules, "boto3", None)
    assert "miles-plus-cash[s3]" in complaint(**bucket)
