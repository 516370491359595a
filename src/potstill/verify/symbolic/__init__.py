"""Symbolic comparison of mathematical answers with a tokenizer and parser of our own.

Nothing here evaluates text: an answer becomes tokens, the tokens a tree, and the tree is compared exactly where it can
be, at pseudo-random points where it cannot, and by sympy in a worker for the rest.
"""

from __future__ import annotations

from potstill.verify.symbolic.compare import Compared, compare
from potstill.verify.symbolic.parse import parse
from potstill.verify.symbolic.tree import Node, TooCostlyError, UnparsableError

__all__ = ["Compared", "Node", "TooCostlyError", "UnparsableError", "compare", "parse"]
