"""Makes the sketch's tables and fills its catalogue: sku, name, brand, category, price, currency, image_url."""

from __future__ import annotations

import json
import sys

import django
from django.core.management import call_command

if __name__ == "__main__":
    django.setup()
    from benchmarks.peers.sketch.models import Product

    call_command("migrate", run_syncdb=True, verbosity=0)
    columns = ("sku", "name", "brand", "category", "price", "currency", "image_url")
    given = (Product(**dict(zip(columns, row, strict=True))) for row in json.load(sys.stdin)["products"])
    Product.objects.bulk_create(given, batch_size=1000)
    json.dump({"products": Product.objects.count()}, sys.stdout)
