"""The house rules, held against every file, and each rule against an offence planted for it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.house import rules
from tests.house.sources import CODE, modules, papers, read, texts

Rule = Callable[[Path, str], Iterator[str]]

LONG_FUNCTION = '"""A."""\n\n\ndef long() -> None:\n    """B."""\n' + "    print()\n" * rules.FUNCTION_LINES
# Whatever these spell must not stand in this file in one piece: the rules read it, too.
LATER, PLACE, STOCK = "# TO" + "DO: mend", "'/ho" + "me/me/x'", "eventsourcing." + "postgres"

# rule, the files that it holds for, and snippets that break it, with the path each is planted at
RULES: list[tuple[Rule, list[Path], list[tuple[str, str]]]] = [
    (rules.short_module, modules(*CODE), [("app/x.py", "x = 1\n" * (rules.MODULE_LINES + 1))]),
    (rules.short_functions, modules(*CODE), [("app/x.py", LONG_FUNCTION)]),
    (rules.module_docstring, modules(*CODE), [("app/x.py", "x = 1\n"), ("tests/test_x.py", "import os\n")]),
    (
        rules.public_docstrings,
        modules("app", "bin", "benchmarks"),
        [
            ("app/x.py", "def f(): ...\n"),
            ("app/x.py", "class C: ...\n"),
            ("app/x.py", "class C:\n    'c'\n    def m(self):\n" + "        print()\n" * rules.TELLING_LINES),
        ],
    ),
    (
        rules.telling_names,
        modules(*CODE),
        [
            ("app/utils.py", ""),
            ("app/helpers/x.py", ""),
            ("app/x.py", "class PoolManager: ...\n"),
            ("app/x.py", "def date_helper(): ...\n"),
        ],
    ),
    (rules.no_machine_paths, [*texts(*CODE), *papers()], [("app/x.py", f"x = {PLACE}\n")]),
    (rules.nothing_unfinished, [*texts(*CODE), *papers()], [("app/x.py", f"{LATER}\n")]),
    (
        rules.no_swallowed_errors,
        modules(*CODE),
        [
            ("app/x.py", "try:\n    f()\nexcept:\n    raise\n"),
            ("app/x.py", "try:\n    f()\nexcept ValueError:\n    pass\n"),
            ("app/x.py", "try:\n    f()\nexcept ValueError:\n    ...\n"),
        ],
    ),
    (
        rules.environment_in_config_only,
        modules("app"),
        [
            ("app/x.py", "import os\nx = os.environ['X']\n"),
            ("app/x.py", "import os\nx = os.getenv('X')\n"),
            ("app/x.py", "from os import environ\n"),
        ],
    ),
    (
        rules.one_connect,
        modules("app"),
        [
            ("app/x.py", "import psycopg2\nx = psycopg2.connect('')\n"),
            ("app/x.py", "from psycopg2 import connect\n"),
        ],
    ),
    (
        rules.own_persistence,
        modules("app", "tests"),
        [
            ("app/x.py", f"from {STOCK} import PostgresDatastore\n"),
            ("app/x.py", "import psycopg\n"),
            ("tests/x.py", "from psycopg.rows import dict_row\n"),
            ("app/x.py", f"env = {{'PERSISTENCE_MODULE': '{STOCK}'}}\n"),
        ],
    ),
    (
        rules.pure_domain,
        modules("app/domain"),
        [
            ("app/domain/x.py", "import datetime\nx = datetime.datetime.now()\n"),
            ("app/domain/x.py", "from datetime import date\nx = date.today()\n"),
            ("app/domain/x.py", "from uuid import uuid4\n"),
            ("app/domain/x.py", "import uuid\nx = uuid.uuid4()\n"),
            ("app/domain/x.py", "import random\n"),
            ("app/domain/x.py", "from secrets import token_hex\n"),
            ("app/domain/x.py", "from time import time\n"),
            ("app/domain/x.py", "import os\n"),
        ],
    ),
]

NAMES = [rule.__name__ for rule, _, _ in RULES]
PLANTED = [(rule, path, source) for rule, _, snippets in RULES for path, source in snippets]


@pytest.mark.parametrize(("rule", "files"), [(rule, files) for rule, files, _ in RULES], ids=NAMES)
def test_every_file_keeps_the_rule(rule: Rule, files: list[Path]) -> None:
    assert files, "the rule holds for no file at all"
    offences = [offence for path in files for offence in rule(path, read(path))]
    assert not offences, "\n".join(["", *offences])


@pytest.mark.parametrize(("rule", "path", "source"), PLANTED, ids=[rule.__name__ for rule, _, _ in PLANTED])
def test_a_planted_offence_is_found(rule: Rule, path: str, source: str) -> None:
    assert len(list(rule(Path(path), source))) == 1


@pytest.mark.parametrize("rule", [rule for rule, _, _ in RULES], ids=NAMES)
def test_a_decent_module_offends_no_rule(rule: Rule) -> None:
    decent = (
        '"""What it owns."""\n\n\nclass Till:\n    """Takes coins."""\n\n    def size(self) -> int:\n        return 1\n'
    )
    assert list(rule(Path("app/domain/till.py"), decent)) == []


def test_the_module_that_may_do_a_thing_is_let_do_it() -> None:
    assert list(rules.environment_in_config_only(Path("app/config.py"), "import os\nx = os.environ\n")) == []
    assert list(rules.one_connect(Path("app/database.py"), "import psycopg2\nx = psycopg2.connect('')\n")) == []
    assert list(rules.pure_domain(Path("app/scheduler/x.py"), "import time\n")) == []


def test_the_other_driver_is_not_even_installed() -> None:
    assert importlib.util.find_spec("psycopg2") is not None
    assert importlib.util.find_spec("psycopg") is None
