"""From what a person typed to what PostgreSQL looks for: words, beginnings of words, and words spelt alike.

A typo is put right against the words that the catalogue knows (`product_words`), never against the products: a few
thousand words are quicker to compare than all documents. One slip is looked up in an index of words with a letter left
out (SymSpell's idea); only where that finds nothing near are trigrams asked, which find two. It writes nothing.
"""

from __future__ import annotations

import string
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from app.database import Database

# One letter begins too many words to be worth ranking.
MIN_PREFIX = 2
# Words of three letters are too near to each other; longer than 40 is not a word (and the table holds none).
CORRECTABLE = range(4, 41)
# On a vocabulary of 16,000 one slip is found in 0.1 ms, but a word that is near to none costs 3 ms more for the
# trigrams: a long text is taken as it is.
MAX_CORRECTED = 6
# How many words, the most similar by trigrams first, are looked at letter by letter.
CANDIDATES = 10
# Of two slips in a word of five letters little is left to know it by.
MIN_TWO_SLIPS = 6

# Of the words that share a form with what was typed. By similarity() and not by its twin `<->`, in whose order the
# index for ALIKE could be read, which is what this spares. By the word at last, so that the next page is of the same
# search.
ONE_SLIP = """
SELECT typed.word, near.word
FROM unnest(%s::text[], %s::text[]) AS typed (word, forms),
    LATERAL (
        SELECT word FROM product_words WHERE word_slips(word) @@ typed.forms::tsquery
        ORDER BY similarity(word, typed.word) DESC, word LIMIT %s
    ) AS near
"""

ALIKE = """
SELECT typed.word, near.word
FROM unnest(%s::text[]) AS typed (word),
    LATERAL (SELECT word FROM product_words ORDER BY word <-> typed.word LIMIT %s) AS near
"""


@dataclass(frozen=True)
class Match:
    """A tsquery as an SQL expression, the one for exact hits alone, and the parameters of both.

    Where it is worth asking for the words before the last one first: `gate` is what nothing matches without, likely to
    be in no product at all; `head` the same, likely to be in some.
    """

    sql: str
    exact: str
    parameters: dict[str, str]
    gate: str = ""
    head: str = ""


EXACT = "websearch_to_tsquery('english', %(q)s)"


def literal(text: str) -> Match:
    """What was typed, in web search syntax (quotes, `or`, `-`); the last word may be unfinished."""
    tokens = text.split()
    prefix = _prefix(tokens[-1]) if _is_plain(tokens) else ""
    if not prefix:
        return Match(EXACT, EXACT, {"q": text})
    head = "websearch_to_tsquery('english', %(head)s)"
    last = "(websearch_to_tsquery('english', %(last)s) || to_tsquery('simple', %(prefix)s))"
    parameters = {"q": text, "head": " ".join(tokens[:-1]), "last": tokens[-1], "prefix": prefix}
    return Match(f"({head} && {last})", EXACT, parameters, gate=head if len(tokens) > 1 else "")


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
    head = f"({' && '.join(terms[:-1])})" if prefix and len(terms) > 1 else ""
    return Match(f"({' && '.join(terms)})", EXACT, parameters, head=head)


def _is_plain(tokens: list[str]) -> bool:
    return not any('"' in token or token.startswith("-") or token.lower() == "or" for token in tokens)


def _prefix(token: str) -> str:
    """The last word as a prefix, or nothing where it has more than letters and digits, or too few or many."""
    return f"'{token.lower()}':*" if token.isalnum() and MIN_PREFIX <= len(token) < CORRECTABLE.stop else ""


def _spelt_alike(database: Database, tokens: list[str]) -> dict[str, list[str]]:
    """Each of the tokens that has neighbours in the vocabulary, with them."""
    words = {token: token.lower() for token in tokens if token.isalpha() and len(token) in CORRECTABLE}
    if not words:
        return {}
    last = tokens[-1]
    forms = {word: _forms(word, is_unfinished=word == last.lower()) for word in words.values()}
    one_slip = _by_word(database.rows(ONE_SLIP, (list(forms), list(forms.values()), CANDIDATES)))
    alike = {
        token: nearest(word, one_slip.get(word, ()), is_unfinished=token == last, forgiven=1)
        for token, word in words.items()
    }
    # What one slip explains, or is a word as it stands, needs no second look; in a short word two are not forgiven.
    unknown = {
        token: word
        for token, word in words.items()
        if not alike[token] and len(word) >= MIN_TWO_SLIPS and word not in one_slip.get(word, ())
    }
    if unknown:
        two_slips = _by_word(database.rows(ALIKE, (list(set(unknown.values())), CANDIDATES)))
        for token, word in unknown.items():
            alike[token] = nearest(word, two_slips.get(word, ()), is_unfinished=token == last)
    return {token: found for token, found in alike.items() if found}


def _forms(word: str, *, is_unfinished: bool) -> str:
    """A word and what is left of it without one of its letters, as a tsquery: what `word_slips` is asked for."""
    forms = dict.fromkeys([word, *(word[:n] + word[n + 1 :] for n in range(len(word)))])
    return " | ".join(f"'{form}':*" if is_unfinished else f"'{form}'" for form in forms)


def _by_word(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    near: dict[str, list[str]] = {}
    for word, other in pairs:
        near.setdefault(word, []).append(other)
    return near


def nearest(word: str, candidates: Collection[str], *, is_unfinished: bool = False, forgiven: int = 2) -> list[str]:
    """Those of the candidates that the word may have been meant to be, all equally near.

    One slip is forgiven, in words of six letters or more two, but never more than `forgiven`. A word that the catalogue
    knows was hardly mistyped: only what differs in one letter past the first is near to it.
    """
    distances = {other: slips(word, other, is_unfinished=is_unfinished) for other in candidates if other != word}
    if word in candidates:
        return [other for other in distances if slips(word, other) == 1 and other[0] == word[0]]
    allowed = min(forgiven, 2 if len(word) >= MIN_TWO_SLIPS else 1)
    best = min(distances.values(), default=allowed + 1)
    return [other for other, distance in distances.items() if distance == best <= allowed]


def slips(typed: str, meant: str, *, is_unfinished: bool = False) -> int:
    """How many letters were left out, added, mistaken or swapped with the next (optimal string alignment).

    An unfinished word is compared with the beginning of the other that suits it best.
    """
    # How both begin costs nothing, and words that are near to each other differ late: half the time is spared.
    pairs = enumerate(zip(typed, meant, strict=False))
    shared = next((n for n, (letter, other) in pairs if letter != other), min(len(typed), len(meant)))
    typed, meant = typed[shared:], meant[shared:]
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
