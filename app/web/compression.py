"""Packed answers: zstd, brotli or gzip, as the client accepts them, from 1 KiB on."""

from __future__ import annotations

from flask import Flask, Response, request
from flask_compress import Compress

FROM_BYTES = 1024
"""Below this a packed answer saves nothing."""

TYPES = [
    "application/json",
    "application/problem+json",
    "application/x-ndjson",
    "text/csv",
    "text/html",
    "text/css",
    "text/javascript",
]


def install(app: Flask) -> None:
    """Pack what `app` answers."""
    app.config["COMPRESS_MIMETYPES"] = TYPES
    app.config["COMPRESS_ALGORITHM"] = app.config["COMPRESS_ALGORITHM_STREAMING"] = ["zstd", "br", "gzip"]
    app.config["COMPRESS_EVALUATE_CONDITIONAL_REQUEST"] = True
    app.config["COMPRESS_REGISTER"] = False
    packing = Compress(app)

    def pack(response: Response) -> Response:
        # As it stands a short answer suits every client, so nobody need look at what this one accepts.
        length = response.content_length
        return response if length is not None and length < FROM_BYTES else packing.after_request(response)

    app.before_request(_drop_refused)
    app.after_request(pack)


def _drop_refused() -> None:
    """Take out what the client says it does not accept (`q=0`): Flask-Compress 1.25 would choose it all the same."""
    if "0" not in request.environ.get("HTTP_ACCEPT_ENCODING", ""):
        return  # as almost always: nothing is refused
    accepted = [(coding, quality) for coding, quality in request.accept_encodings if quality > 0]
    if len(accepted) < len(request.accept_encodings):
        request.environ["HTTP_ACCEPT_ENCODING"] = ", ".join(f"{coding};q={quality}" for coding, quality in accepted)
