"""Django's settings, from DATABASE_URL and TOKEN_SECRET."""

from __future__ import annotations

import os
from urllib.parse import parse_qs, urlsplit

_parts = urlsplit(os.environ["DATABASE_URL"])
_where = parse_qs(_parts.query)

SECRET_KEY = TOKEN_SECRET = os.environ["TOKEN_SECRET"]
DEBUG = False
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["benchmarks.peers.sketch"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "benchmarks.peers.sketch.views"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _parts.path.lstrip("/"),
        "USER": _parts.username or "",
        "PASSWORD": _parts.password or "",
        "HOST": _parts.hostname or _where["host"][0],
        "PORT": str(_parts.port or _where["port"][0]),
        "CONN_MAX_AGE": None,
    }
}
