"""From what a person typed to what PostgreSQL looks for: words, beginnings of words, and words spelt alike.

A typo is put right against the words that the catalogue knows (`product_words`), never against the products: a few
thousand words are quicker to compare than all documents. It writes nothing.
"""

from __future__ import annotations

import string
from collections.abc import Iterable
from dataclasses import dataclass

from app.database import Database

# One letter begins too many words to be worth ranking.
MIN_PREFIX = 2
# Words of three letters are too near to each other; longer than 40 is not a word (and the table holds none).
CORRECTABLE = range(4, 41)
# A correction costs about 2 ms a word on a vocabulary of 16,000, so a long text is taken as it is.
MAX_CORRECTED = 6
# How many of the most similar words, by trigrams, are looked at letter by letter.
CANDIDATES = 10

ALIKE = """
SELECT typed.word, near.word
FROM unnest(%s::text[]) AS typed (word),
    LATERAL (SELECT word FROM product_words ORDER BY word <-> typed.word LIMIT %s) AS near
"""


@dataclass(frozen=True)
class Match:
    """A tsquery as an SQL expression, the one for exact hits alone, and the parameters of both."""

    sql: str
    exact: str
    parameters: dict[str, str]


EXACT = "websearch_to_tsquery('english', %(q)s)"


def literal(text: str) -> Match:
    """What was typed, in web search syntax (quotes, `or`, `-`); the last word may be unfinished."""
    tokens = text.split()
    prefix = _prefix(tokens[-1]) if _is_plain(tokens) else ""
    if not prefix:
        return Match(EXACT, EXACT, {"q": text})
    sql = (
        "(websearch_to_tsquery('english', %(head)s)"
        " && (websearch_to_tsquery('english', %(last)s) || to_tsquery('simple', %(prefix)s)))"
    )
    return Match(sql, EXACT, {"q": text, "head": " ".join(tokens[:-1]), "last": tokens[-1], "prefix": prefix})


def widened(database: Database, text: str) -> Match | None:
    """What was typed or is spelt alike, word by word; None where nothing is, or the text has operators."""
    tokens = [token.strip(string.punctuation) for token in text.split()]
    if not _is_plain(text.split()) or len(tokens) > MAX_CORRECTED:
        return None
    found = _spelt_alike(database, tokens)
    if not found:
        return None
    terms, parameters = [], {"q": text}
    for n, token in enumerate(tokens):
        terms.append(f"(websearch_to_tsquery('english', %(w{n})s) || to_tsquery('english', %(c{n})s))")
        parameters |= {f"w{n}": token, f"c{n}": " | ".join(found.get(token, ()))}
    prefix = _prefix(tokens[-1])
    if prefix:
        terms[-1] = f"({terms[-1]} || to_tsquery('simple', %(prefix)s))"
        parameters["prefix"] = prefix
    return Match(f"({' && '.join(terms)})", EXACT, parameters)


def _is_plain(tokens: list[str]) -> bool:
    return not any('"' in token or token.startswith("-") or token.lower() == "or" for token in tokens)


def _prefix(token: str) -> str:
    """The last word as a prefix, or nothing where it has more than letters and digits, or too few or many."""
    return f"'{token.lower()}':*" if token.isalnum() and MIN_PREFIX <= len(token) < CORRECTABLE.stop else ""


def _spelt_alike(database: Database, tokens: list[str]) -> dict[str, list[str]]:
    """Each of the tokens that has neighbours in the vocabulary, with them."""
    words = {token: token.lower() for token in tokens if token.isalpha() and len(token) in CORRECTABLE}
    candidates: dict[str, list[str]] = {word: [] for word in words.values()}
    if not candidates:
        return {}
    for word, near in database.rows(ALIKE, (list(candidates), CANDIDATES)):
        candidates[word].append(near)
    alike = {token: nearest(word, candidates[word], is_unfinished=token == tokens[-1]) for token, word in words.items()}
    return {token: found for token, found in alike.items() if found}


def nearest(word: str, candidates: Iterable[str], *, is_unfinished: bool = False) -> list[str]:
    """Those of the candidates that the word may have been meant to be, all equally near.

    One slip is forgiven, in words of six letters or more two. A word that the catalogue knows was hardly mistyped:
    only what differs in one letter past the first is near to it.
    """
    distances = {other: slips(word, other, is_unfinished=is_unfinished) for other in candidates if other != word}
    if word in candidates:
        return [other for other in distances if slips(word, other) == 1 and other[0] == word[0]]
    allowed = 2 if len(word) > 5 else 1
    best = min(distances.values(), default=allowed + 1)
    return [other for other, distance in distances.items() if distance == best <= allowed]


def slips(typed: str, meant: str, *, is_unfinished: bool = False) -> int:
    """How many letters were left out, added, mistaken or swapped with the next (optimal string alignment).

    An unfinished word is compared with the beginning of the other that suits it best.
    """
    before: list[int] = []
    row = list(range(len(meant) + 1))
    for i, letter in enumerate(typed, 1):
        before, last, row = row, before, [i]
        for j, other in enumerate(meant, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 < j and letter == meant[j - 2] and typed[i - 2] == other:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return min(row) if is_unfinished else row[-1]
