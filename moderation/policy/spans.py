"""Where a node of sqlglot's tree stands in the text: its tree keeps the places of names and literals only."""

from collections.abc import Iterator, Sequence

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

_OPENING = frozenset({TokenType.L_PAREN})
_CLOSING = frozenset({TokenType.R_PAREN})
_CONSTANTS = frozenset({TokenType.NULL, TokenType.TRUE, TokenType.FALSE})
_TAIL = _CONSTANTS | {TokenType.IS, TokenType.ISNULL, TokenType.NOTNULL, TokenType.NOT}
_VALUE_ENDS = _CLOSING | {TokenType.VAR, TokenType.IDENTIFIER, TokenType.NUMBER, TokenType.STRING}


class Spans:
    """The extents of nodes, worked out from the tokens around their leaves."""

    def __init__(self, text: str, tokens: Sequence[Token], tree: exp.Expr) -> None:
        self._text = text
        self._tokens = tokens
        self._first = {token.start: index for index, token in enumerate(tokens)}
        self._last = {token.end: index for index, token in enumerate(tokens)}
        self._constants = dict(_constants(tokens, tree))

    def extent(self, node: exp.Expr) -> tuple[int, int]:
        """First character and the one after the last; of what is around it where it cannot be told."""
        found = [place for inner in node.walk() if (place := self._place(inner)) is not None]
        if not found:
            return self.extent(node.parent) if node.parent is not None else (0, len(self._text))
        first = self._first.get(min(start for start, _ in found), 0)
        last = self._last.get(max(end for _, end in found), len(self._tokens) - 1)
        if isinstance(node, exp.Is):
            last = self._through_tail(last)
        first, last = self._balanced(first, last)
        if not isinstance(node, exp.Column | exp.Literal):
            first = self._signed(first)
        if isinstance(node, exp.Not):
            first -= self._leading_not(first, last)
        return (self._tokens[first].start, self._tokens[last].end + 1)

    def text(self, node: exp.Expr) -> str:
        """The node as written, on one line."""
        start, end = self.extent(node)
        return " ".join(line.strip() for line in self._text[start:end].splitlines())

    def _place(self, node: exp.Expr) -> tuple[int, int] | None:
        if {"start", "end"} <= node.meta.keys():
            return (node.meta["start"], node.meta["end"])
        return self._constants.get(id(node))

    def _signed(self, first: int) -> int:
        """Wider by the signs before it: a minus that follows no value."""
        while first > 0 and self._tokens[first - 1].token_type is TokenType.DASH:
            if first > 1 and self._tokens[first - 2].token_type in _VALUE_ENDS:
                break
            first -= 1
        return first

    def _through_tail(self, last: int) -> int:
        """`x IS NOT NULL` ends after words that have no place of their own."""
        after = last + 1
        while after < len(self._tokens) and self._tokens[after].token_type in _CLOSING:
            after += 1
        while after < len(self._tokens) and self._tokens[after].token_type in _TAIL:
            last, after = after, after + 1
        return last

    def _leading_not(self, first: int, last: int) -> bool:
        """Whether a negation is written before what it negates (`NOT x IN (1)`), not inside (`x NOT IN (1)`)."""
        inside = any(token.token_type is TokenType.NOT for token in self._tokens[first : last + 1])
        return not inside and first > 0 and self._tokens[first - 1].token_type is TokenType.NOT

    def _balanced(self, first: int, last: int) -> tuple[int, int]:
        """Wider by the parentheses that belong to what is inside."""
        depth = lowest = 0
        for token in self._tokens[first : last + 1]:
            depth += (token.token_type in _OPENING) - (token.token_type in _CLOSING)
            lowest = min(lowest, depth)
        while lowest < 0 and first > 0:
            first -= 1
            if self._tokens[first].token_type in _OPENING:
                lowest, depth = lowest + 1, depth + 1
        while depth > 0 and last + 1 < len(self._tokens):
            last += 1
            depth -= self._tokens[last].token_type in _CLOSING
        return first, last


def _constants(tokens: Sequence[Token], tree: exp.Expr) -> Iterator[tuple[int, tuple[int, int]]]:
    """The places of TRUE, FALSE and NULL by node id: the n-th such node is the n-th such word."""
    nodes = [node for node in tree.dfs() if isinstance(node, exp.Boolean | exp.Null)]
    words = [token for token in tokens if token.token_type in _CONSTANTS]
    if len(nodes) == len(words):
        for node, word in zip(nodes, words, strict=True):
            yield id(node), (word.start, word.end)
