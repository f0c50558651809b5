"""What a person types to find words, as one query for either dialect."""

import re
from dataclasses import dataclass

from sqlalchemy import ColumnElement, bindparam, literal_column, text
from sqlalchemy.sql.elements import TextClause

from moderation.domain.errors import InvalidInputError
from moderation.storage.tables.words import WORDS_SQL

MAX_TERMS = 12
MAX_QUERY_CHARS = 300
_TERM = re.compile(r'(-?)(?:"([^"]*)"?|(\S+))')
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Term:
    """Words that stand beside each other. `prefix`: the last one may go on. `excluded`: the post must not have them."""

    words: tuple[str, ...]
    prefix: bool = False
    excluded: bool = False


@dataclass(frozen=True, slots=True)
class TextQuery:
    """Every term must hold."""

    terms: tuple[Term, ...]


def parse_text(typed: str) -> TextQuery:
    """Words, "several words in order", begin* and -without.

    Raises `InvalidInputError` when there is no word to look for, or too many.
    """
    if len(typed) > MAX_QUERY_CHARS:
        raise InvalidInputError(f"A search has at most {MAX_QUERY_CHARS} characters.")
    terms = tuple(term for found in _TERM.finditer(typed) if (term := _term(found)) is not None)
    if all(term.excluded for term in terms):
        raise InvalidInputError(
            "The search has no word to look for.", hint="Write at least one word without a minus before it."
        )
    if len(terms) > MAX_TERMS:
        raise InvalidInputError(f"A search has at most {MAX_TERMS} words or phrases.")
    return TextQuery(terms)


def sqlite_match(query: TextQuery) -> str:
    """The query in FTS5's own language: every word in double quotes, so that none is an operator."""
    wanted = " AND ".join(_fts5(term) for term in query.terms if not term.excluded)
    unwanted = "".join(f" NOT {_fts5(term)}" for term in query.terms if term.excluded)
    return f"({wanted}){unwanted}"


def postgresql_condition(query: TextQuery) -> ColumnElement[bool]:
    """That a post's words are the query's, through the index of the expression `WORDS_SQL`.

    It is one comparison with one `tsquery`: an exclusion beside it would be beyond the index.
    """
    wanted: TextClause = text("to_tsquery('simple', :wanted)")
    typed = " & ".join(_tsquery(term) for term in query.terms)
    return literal_column(WORDS_SQL).bool_op("@@")(wanted.bindparams(bindparam("wanted", typed)))


def _term(found: re.Match[str]) -> Term | None:
    minus, quoted, bare = found.groups()
    typed = quoted if bare is None else bare
    words = tuple(_WORD.findall(typed.lower()))
    if not words:
        return None
    return Term(words, prefix=bare is not None and bare.endswith("*"), excluded=bool(minus))


def _fts5(term: Term) -> str:
    return '"' + " ".join(term.words) + '"' + ("*" if term.prefix else "")


def _tsquery(term: Term) -> str:
    """Words are letters and digits alone, so that none is an operator."""
    phrase = " <-> ".join(f"'{word}'" for word in term.words) + (":*" if term.prefix else "")
    return f"!({phrase})" if term.excluded else f"({phrase})"
