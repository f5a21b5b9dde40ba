"""The places that copies of checkpoints can be sent to: a webhook and an S3-compatible bucket."""

from __future__ import annotations

from email.message import Message
from http.client import HTTPException
from typing import IO, Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

import msgspec

from app.audit.checkpoints import Checkpoint
from app.audit.shipping import Undelivered

TIMEOUT_S = 10.0
"""For each delivery: the next minute tries again."""


class _NoRedirects(HTTPRedirectHandler):
    """A POST that follows a redirect comes out as a GET without its body, and would look delivered."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> Request | None:
        return None


class Webhook:
    """POSTs a checkpoint as JSON; any 2xx is its delivery. The address may hold a secret, so no message names it."""

    name = "webhook"

    def __init__(self, url: str) -> None:
        self._url = url
        self._opener = build_opener(_NoRedirects)

    def deliver(self, checkpoint: Checkpoint, public_key: str) -> None:
        """Send it once, and follow no redirect. Raises Undelivered."""
        body = msgspec.json.encode({**checkpoint.as_data(), "public_key": public_key})
        request = Request(self._url, body, {"Content-Type": "application/json"}, method="POST")
        try:
            self._opener.open(request, timeout=TIMEOUT_S).close()
        except HTTPError as error:
            error.close()
            raise Undelivered(f"it answered {error.code}") from None
        except (OSError, HTTPException, ValueError) as error:
            # What they say in words may name the address.
            raise Undelivered(f"it cannot be reached ({type(error).__name__})") from None


class Bucket:
    """PUTs each checkpoint's note as an object of its own, by Amazon's library, which is an extra of the package.

    Credentials come from where that library looks: the standard AWS variables, a profile, the machine's role.
    """

    name = "bucket"

    def __init__(self, bucket: str, endpoint: str | None) -> None:
        self._bucket = bucket
        self._endpoint = endpoint
        self._client: Any = None

    def deliver(self, checkpoint: Checkpoint, public_key: str) -> None:
        """Put it once, under the name that is its own. Raises Undelivered."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        try:
            self._opened().put_object(
                Bucket=self._bucket,
                Key=object_key(checkpoint.size),
                Body=checkpoint.note().encode(),
                ContentType="text/plain; charset=utf-8",
            )
        except (BotoCoreError, ClientError) as error:
            raise Undelivered(f"it did not take the object ({error})") from None

    def _opened(self) -> Any:
        """A client, made when it is first needed: that takes half a second and reads credentials."""
        if self._client is None:
            import boto3  # noqa: PLC0415
            from botocore.config import Config  # noqa: PLC0415

            options = Config(
                connect_timeout=TIMEOUT_S,
                read_timeout=TIMEOUT_S,
                retries={"total_max_attempts": 1},
                # Checksums that not all who speak S3 know; the signature covers the body.
                request_checksum_calculation="when_required",
                # Buckets elsewhere than at Amazon's have no host name of their own.
                s3={"addressing_style": "path" if self._endpoint else "auto"},
            )
            self._client = boto3.session.Session().client("s3", endpoint_url=self._endpoint, config=options)
        return self._client


def object_key(size: int) -> str:
    """The name of a checkpoint's object: as text, names sort as sizes do."""
    return f"checkpoints/{size:020}.note"
