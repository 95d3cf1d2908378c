"""Parse the formulas that users write into trees to print, evaluate and compare."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from math import e
from operator import add, mul, pow, sub, truediv

from .expression import (
    FUNCTIONS,
    PI,
    Call,
    Cases,
    Condition,
    Constant,
    Expression,
    Number,
    Symbol,
)

OPERATORS: Mapping[type[ast.operator], Callable[[Expression, Expression], Expression]] = {
    ast.Add: add,
    ast.Sub: sub,
    ast.Mult: mul,
    ast.Div: truediv,
    ast.Pow: pow,
}
RELATIONS: Mapping[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "≤",
    ast.Gt: ">",
    ast.Eq: "=",
}
CONSTANTS = {"pi": PI, "e": Constant("e", e)}


class Unreadable(Exception):
    """Raised for a part of a formula that cannot be read; the message describes it."""


def parsed(name: str, text: object, symbols: Sequence[str]) -> Expression:
    """Return the tree of a formula.

    Parameters
    ----------
    name : str
        The name of the formula in error messages.
    text : str
        Numbers, the symbols, pi, e, `+ - * / ^` (or `**`), brackets, functions such as exp and log,
        and `A if z > 0 else B`, as Python writes them.
    symbols : sequence of str
        The letters that stand for numbers.

    Raises
    ------
    TypeError, ValueError

    Examples
    --------
    >>> formula = parsed("formula", "exp(-z^2) / 2", ["z"])
    >>> formula.put({Symbol("z"): Number(0.0)}).value()
    0.5
    """
    accepted = (
        f"{name} must be a formula of {', '.join(symbols)} such as "
        f"'log(1 + exp(-{symbols[0]}^2)) / 2', with numbers, pi, e, + - * / ^, "
        f"{', '.join(FUNCTIONS)} and 'A if {symbols[0]} > 0 else B'"
    )
    if not isinstance(text, str):
        raise TypeError(f"{accepted}; got {text!r}")
    try:
        tree = ast.parse(text.strip().replace("^", "**"), mode="eval").body
        return read(tree, symbols)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"{accepted}; got {text!r}") from None
    except Unreadable as part:
        raise ValueError(f"{accepted}; got {text!r}, with {part}") from None


def read(node: ast.expr, symbols: Sequence[str]) -> Expression:
    """Return the tree of a part of a formula."""
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return Number(value)
        case ast.Name(id=name) if name in symbols:
            return Symbol(name)
        case ast.Name(id=name) if name in CONSTANTS:
            return CONSTANTS[name]
        case ast.UnaryOp(op=ast.USub(), operand=part):
            return -read(part, symbols)
        case ast.UnaryOp(op=ast.UAdd(), operand=part):
            return read(part, symbols)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            return OPERATORS[type(op)](read(left, symbols), read(right, symbols))
        case ast.Call(func=ast.Name(id=name), args=parts, keywords=[]) if name in FUNCTIONS:
            return Call(name, tuple(read(part, symbols) for part in parts))
        case ast.IfExp(
            test=ast.Compare(left=left, ops=[op], comparators=[right]), body=body, orelse=orelse
        ) if type(op) in (*RELATIONS, ast.GtE):
            first, second = read(left, symbols), read(right, symbols)
            cases = read(body, symbols), read(orelse, symbols)
            if isinstance(op, ast.GtE):  # a >= b is b <= a
                condition = Condition(second, "≤", first)
            else:
                condition = Condition(first, RELATIONS[type(op)], second)
            return Cases(((cases[0], condition),), cases[1])
    raise Unreadable(f"{ast.unparse(node)!r}")
