"""The small changes that can be made to the text of a Python module.

Each is a fault that a programmer could make: another comparison, a bound that is off by one, a
missing statement. Annotations, docstrings and the text of errors are left alone.
"""

from __future__ import annotations

import ast
import re
from itertools import pairwise
from typing import Any, Final, NamedTuple

COMPARISONS: Final = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
ARITHMETIC: Final = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "+"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "+"),
    ast.Pow: ("**", "*"),
    ast.BitOr: ("|", "&"),
    ast.BitAnd: ("&", "|"),
    ast.LShift: ("<<", ">>"),
    ast.RShift: (">>", "<<"),
}
CALLS: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}
TYPE_NAMES: Final = {"Literal", "TypeVar", "TypeAlias", "cast"}
"""Expressions with these names are for type checkers, or make a type."""
SIMPLE: Final = (ast.Assign, ast.AugAssign, ast.Delete, ast.Raise, ast.Break, ast.Continue)
"""Statements of a function that can be left out."""


class Change(NamedTuple):
    """A change to a module: `new` instead of `old` in the lines of one statement or condition."""

    module: str
    """The path of the module in the package."""
    scope: str
    """The class and the function that have the text."""
    old: str
    """The lines before the change, without their indents; ⏎ is between them."""
    new: str
    text: str
    """The whole module after the change."""

    @property
    def key(self) -> tuple[str, str]:
        """The module, and the line of a list that names the change."""
        return self.module, f"{self.scope}: {self.old} → {self.new}"


class Edit(NamedTuple):
    """Bytes to replace, as offsets in the module."""

    start: int
    end: int
    new: str


def changes(module: str, text: str) -> list[Change]:
    """Return every change to a module, in the order of the text, without duplicates."""
    finder = _Finder(text)
    finder.visit(ast.parse(text))
    found: dict[tuple[int, str], Change] = {}
    for scope, edit in sorted(set(finder.edits), key=lambda one: one[1]):
        changed = finder.data[: edit.start] + edit.new.encode() + finder.data[edit.end :]
        first = finder.data.rfind(b"\n", 0, edit.start) + 1
        last = finder.data.find(b"\n", edit.end)
        grown = last + len(changed) - len(finder.data)
        old, new = _in_one_line(finder.data[first:last]), _in_one_line(changed[first:grown])
        if old != new:
            found[first, new] = Change(module, scope, old, new, changed.decode())
    return list(found.values())


def _in_one_line(lines: bytes) -> str:
    return "⏎".join(map(str.strip, lines.decode().splitlines()))


class _Finder(ast.NodeVisitor):
    """The edits for each node of a module."""

    def __init__(self, text: str) -> None:
        self.data = text.encode()
        self.edits: list[tuple[str, Edit]] = []
        self._starts = [0]
        for line in self.data.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._scope: list[str] = []
        self._in_function = 0

    def start(self, node: Any) -> int:
        return self._offset(node.lineno, node.col_offset)

    def end(self, node: Any) -> int:
        return self._offset(node.end_lineno, node.end_col_offset)

    def _offset(self, line: int, column: int) -> int:
        return self._starts[line - 1] + column

    def add(self, start: int, end: int, new: str) -> None:
        self.edits.append((".".join(self._scope) or "module", Edit(start, end, new)))

    def replace(self, node: ast.AST, new: str) -> None:
        self.add(self.start(node), self.end(node), new)

    def between(self, one: ast.AST, other: ast.AST, old: str, new: str) -> None:
        """Replace the operator between two operands."""
        start, stop = self.end(one), self.start(other)
        pattern = rb"\s+".join(re.escape(word).encode() for word in old.split())
        if found := re.search(pattern, self.data[start:stop]):
            self.add(start + found.start(), start + found.end(), new)

    def negate(self, test: ast.expr) -> None:
        if not isinstance(test, ast.Compare | ast.UnaryOp | ast.Constant | ast.NamedExpr):
            before = self.data[self.start(test) : self.end(test)].decode()
            self.replace(test, f"(not ({before}))")

    def generic_visit(self, node: ast.AST) -> None:
        for name, value in ast.iter_fields(node):
            if name in {"annotation", "returns", "type_params", "decorator_list", "bases"}:
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    self.visit(child)

    def visit(self, node: ast.AST) -> None:
        if self._in_function and isinstance(node, SIMPLE):
            self.replace(node, "pass")
        super().visit(node)

    def visit_FunctionDef(self, node: Any) -> None:
        self._scope.append(node.name)
        self._in_function += 1
        self.generic_visit(node)
        self._in_function -= 1
        self._scope.pop()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        before, self._in_function = self._in_function, 0
        self._scope.append(node.name)
        self.generic_visit(node)
        self._scope.pop()
        self._in_function = before

    def visit_If(self, node: ast.If) -> None:
        if not (isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
            self.negate(node.test)
            self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        self.negate(node.test)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self.negate(node.test)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for test in node.ifs:
            self.negate(test)
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant):
            return  # a docstring
        if self._in_function and not isinstance(node.value, ast.Yield | ast.YieldFrom):
            self.replace(node, "pass")
        self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None and ast.unparse(node.value) not in {"None", "False"}:
            self.replace(node.value, "None")
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        """Leave the error alone: its code and text are not for a program's flow."""
        if isinstance(node.exc, ast.Call):
            for argument in node.exc.args[:1]:
                if isinstance(argument, ast.Constant) and " " not in str(argument.value):
                    self.visit(argument)

    def visit_Compare(self, node: ast.Compare) -> None:
        operands = [node.left, *node.comparators]
        for (one, other), operator in zip(pairwise(operands), node.ops, strict=True):
            self.between(one, other, *COMPARISONS[type(operator)])
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for one, other in pairwise(node.values):
            self.between(one, other, old, new)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not | ast.USub):
            start = self.start(node)
            self.add(start, start + (3 if isinstance(node.op, ast.Not) else 1), "")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if type(node.op) in ARITHMETIC and not _is_text(node.left) and not _is_text(node.right):
            self.between(node.left, node.right, *ARITHMETIC[type(node.op)])
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if type(node.op) in ARITHMETIC and not _is_text(node.value):
            self.between(node.target, node.value, *(f"{o}=" for o in ARITHMETIC[type(node.op)]))
        self.visit(node.value)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name):
            if node.func.id in TYPE_NAMES:
                return
            if node.func.id in CALLS:
                self.replace(node.func, CALLS[node.func.id])
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if not (isinstance(node.value, ast.Name) and node.value.id in TYPE_NAMES):
            self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        is_type = isinstance(node.annotation, ast.Name) and node.annotation.id in TYPE_NAMES
        if node.value is not None and not is_type:
            if self._in_function:
                self.replace(node.value, "None")
            self.visit(node.value)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if isinstance(node.type, ast.Tuple):
            names = [ast.unparse(name) for name in node.type.elts]
            for index in range(len(names)):
                rest = names[:index] + names[index + 1 :]
                self.replace(node.type, f"({', '.join(rest)},)")
        self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Leave text with values alone: Python 3.11 does not know the places in it."""

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bool):
            self.replace(node, str(not value))
        elif isinstance(value, int):
            self.replace(node, str(value + 1))
            if value:
                self.replace(node, str(value - 1))
        elif isinstance(value, bytes):
            self.replace(node, repr(value + b"X"))
        elif isinstance(value, str) and not re.search(r"\s\S", value):
            self.replace(node, repr(value + "X"))


def _is_text(node: ast.expr) -> bool:
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
    return is_text or isinstance(node, ast.JoinedStr)
