"""A rule's condition as a typed tree: what the checker builds, Polars evaluates and the explanation names.

Predicates are three-valued; operands are values of one kind, or NULL.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from moderation.domain.signal import Column, ColumnKind

NUMERIC = frozenset({ColumnKind.FLOAT, ColumnKind.INTEGER})

Scalar: TypeAlias = int | float | bool | str


class Function(StrEnum):
    """Every function that a condition may call. All but `coalesce` give NULL when an argument is NULL."""

    COALESCE = "coalesce"
    LOWER = "lower"
    LENGTH = "length"
    ABS = "abs"
    LEAST = "least"
    GREATEST = "greatest"


@dataclass(frozen=True, slots=True)
class ColumnValue:
    """What a column of the signal catalog holds."""

    column: Column

    @property
    def kind(self) -> ColumnKind:
        """The column's kind."""
        return self.column.kind


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal, or a threshold by its name."""

    value: Scalar
    threshold: str = ""

    @property
    def kind(self) -> ColumnKind:
        """The kind that the value's type says."""
        if isinstance(self.value, bool):
            return ColumnKind.BOOLEAN
        if isinstance(self.value, str):
            return ColumnKind.TEXT
        return ColumnKind.INTEGER if isinstance(self.value, int) else ColumnKind.FLOAT


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """A sum, difference or product in double precision; NULL when it is not finite."""

    operator: str
    left: "Operand"
    right: "Operand"

    @property
    def kind(self) -> ColumnKind:
        """Always a float."""
        return ColumnKind.FLOAT


@dataclass(frozen=True, slots=True)
class Call:
    """A function of operands."""

    function: Function
    arguments: tuple["Operand", ...]

    @property
    def kind(self) -> ColumnKind:
        """Text for `lower`, a whole number for `length`, else what the arguments are."""
        if self.function is Function.LENGTH:
            return ColumnKind.INTEGER
        kinds = {argument.kind for argument in self.arguments}
        return kinds.pop() if len(kinds) == 1 else ColumnKind.FLOAT


Operand: TypeAlias = ColumnValue | Constant | Arithmetic | Call


@dataclass(frozen=True, slots=True)
class Compare:
    """`left operator right`, with `operator` one of = <> < <= > >=; the right side has the constant if either has.

    Text is equal when its characters are the same: no folding, no trimming.
    """

    text: str
    left: Operand
    operator: str
    right: Operand


@dataclass(frozen=True, slots=True)
class Member:
    """`operand [NOT] IN (values)`."""

    text: str
    operand: Operand
    values: tuple[Constant, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class Between:
    """`operand [NOT] BETWEEN low AND high`, both ends included."""

    text: str
    operand: Operand
    low: Constant
    high: Constant
    negated: bool


@dataclass(frozen=True, slots=True)
class IsNull:
    """`operand IS [NOT] NULL`: never unknown."""

    text: str
    operand: Operand
    negated: bool


@dataclass(frozen=True, slots=True)
class Flag:
    """A boolean column by itself."""

    text: str
    operand: ColumnValue


@dataclass(frozen=True, slots=True)
class Not:
    """Unknown stays unknown."""

    inner: "Predicate"


@dataclass(frozen=True, slots=True)
class And:
    """False if any part is, else unknown if any part is, else true."""

    parts: tuple["Predicate", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """True if any part is, else unknown if any part is, else false."""

    parts: tuple["Predicate", ...]


Leaf: TypeAlias = Compare | Member | Between | IsNull | Flag
Predicate: TypeAlias = Leaf | Not | And | Or


def leaves(predicate: Predicate) -> Iterator[Leaf]:
    """Every comparison of a condition, in the order of the text."""
    if isinstance(predicate, Not):
        yield from leaves(predicate.inner)
    elif isinstance(predicate, And | Or):
        for part in predicate.parts:
            yield from leaves(part)
    else:
        yield predicate


def left_of(leaf: Leaf) -> Operand:
    """What a comparison looks at."""
    return leaf.left if isinstance(leaf, Compare) else leaf.operand


def operands(leaf: Leaf) -> tuple[Operand, ...]:
    """Every operand of a comparison."""
    if isinstance(leaf, Compare):
        return (leaf.left, leaf.right)
    if isinstance(leaf, Member):
        return (leaf.operand, *leaf.values)
    if isinstance(leaf, Between):
        return (leaf.operand, leaf.low, leaf.high)
    return (leaf.operand,)


def atoms(operand: Operand) -> Iterator[ColumnValue | Constant]:
    """The columns and constants that an operand is made of."""
    if isinstance(operand, Arithmetic):
        yield from atoms(operand.left)
        yield from atoms(operand.right)
    elif isinstance(operand, Call):
        for argument in operand.arguments:
            yield from atoms(argument)
    else:
        yield operand


def columns_of(predicate: Predicate) -> dict[str, Column]:
    """The columns that a condition reads, by name."""
    return {
        atom.column.name: atom.column
        for leaf in leaves(predicate)
        for operand in operands(leaf)
        for atom in atoms(operand)
        if isinstance(atom, ColumnValue)
    }


def thresholds_of(operand: Operand) -> list[str]:
    """The thresholds that an operand is made of, each once, in order."""
    names = (atom.threshold for atom in atoms(operand) if isinstance(atom, Constant) and atom.threshold)
    return list(dict.fromkeys(names))
