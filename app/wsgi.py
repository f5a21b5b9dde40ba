"""The door for WSGI servers: `app.wsgi:app`, one house a worker process."""

from __future__ import annotations

import os
import threading
import time

from app.config import from_environment
from app.site import whole
from app.telemetry.logging import configure
from app.wiring import build


def _end_with(parent: int) -> None:
    """A worker whose supervisor was killed must not go on holding its port: the next start would fail."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


configure()
app = whole(build(from_environment()))
if from_environment().is_supervised:
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
