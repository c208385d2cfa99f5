"""`make figures`: how dense the code is, for each room and for the whole house.

    python -m tests.figures [FOLDER ...]

Counted are the Python files of the product, without tests and migrations:

- branches per 100 lines of function bodies: if, for, while, except, case, ternary, each clause of a
  comprehension and each of its conditions, each operand of `and` and `or` beyond the first. Blank
  lines and docstrings are no lines;
- ternaries and comprehensions per 1,000 lines of code: neither blank nor comment nor docstring;
- the length of functions in lines (median, 90th percentile, longest);
- lines over 100 characters, and `fmt: skip`."""

import ast
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

WIDEST = 100
HEAD = (
    f"{'':<12}{'lines':>7}{'branches':>10}{'ternaries':>11}{'comprehensions':>16}"
    f"{'median':>8}{'p90':>5}{'max':>5}{'over 100':>10}{'fmt: skip':>11}"
)
BRANCHES = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.IfExp, ast.ExceptHandler, ast.match_case)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass
class Figures:
    """Counts of one room."""

    lines: int = 0
    code_lines: int = 0
    body_lines: int = 0
    branches: int = 0
    ternaries: int = 0
    comprehensions: int = 0
    wide_lines: int = 0
    skips: int = 0
    lengths: list[int] = field(default_factory=list)

    def add_file(self, text: str) -> None:
        lines = text.splitlines()
        self.lines += len(lines)
        self.code_lines += code_length(text, lines)
        self.wide_lines += sum(len(line) > WIDEST for line in lines)
        self.skips += text.count("# fmt: " + "skip")
        tree = ast.parse(text)
        for node in ast.walk(tree):
            self.ternaries += isinstance(node, ast.IfExp)
            self.comprehensions += isinstance(node, COMPREHENSIONS)
            if isinstance(node, FUNCTIONS):
                self.add_function(node, lines)

    def add_function(
        self, function: ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str]
    ) -> None:
        length = body_length(function, lines)
        self.lengths.append(length)
        self.body_lines += length
        self.branches += sum(map(branches_of, ast.walk(function)))

    @property
    def branches_per_100(self) -> float:
        return 100 * self.branches / max(self.body_lines, 1)

    @property
    def ternaries_per_1000(self) -> float:
        return 1000 * self.ternaries / max(self.code_lines, 1)

    @property
    def comprehensions_per_1000(self) -> float:
        return 1000 * self.comprehensions / max(self.code_lines, 1)

    def length_at(self, share: float) -> int:
        """The length that this share of the functions does not exceed, in lines."""
        lengths = sorted(self.lengths) or [0]
        return lengths[min(int(len(lengths) * share), len(lengths) - 1)]

    def row(self, name: str) -> str:
        return (
            f"{name:<12}{self.lines:>7}{self.branches_per_100:>10.1f}"
            f"{self.ternaries_per_1000:>11.1f}{self.comprehensions_per_1000:>16.1f}"
            f"{self.length_at(0.5):>8}{self.length_at(0.9):>5}{self.length_at(1):>5}"
            f"{self.wide_lines:>10}{self.skips:>11}"
        )


def branches_of(node: ast.AST) -> int:
    if isinstance(node, BRANCHES):
        return 1
    if isinstance(node, ast.comprehension):
        return 1 + len(node.ifs)
    if isinstance(node, ast.BoolOp):
        return len(node.values) - 1
    return 0


def body_length(function: ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str]) -> int:
    """Lines of a function's body that are neither blank nor its docstring."""
    first = function.body[0]
    start = first.lineno
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        start = (first.end_lineno or start) + 1
    return sum(bool(line.strip()) for line in lines[start - 1 : function.end_lineno])


def code_length(text: str, lines: list[str]) -> int:
    """Lines that are neither blank nor comment nor docstring."""
    texts: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, *FUNCTIONS)) and ast.get_docstring(node):
            docstring = node.body[0]
            texts.update(range(docstring.lineno, (docstring.end_lineno or docstring.lineno) + 1))
    return sum(
        bool(line.strip()) and not line.strip().startswith("#") and number not in texts
        for number, line in enumerate(lines, 1)
    )


def product_files(folders: Iterable[str]) -> Iterator[Path]:
    """The tracked Python files below these folders that are neither tests nor migrations."""
    listed = subprocess.run(["git", "ls-files", "*.py"], capture_output=True, text=True, check=True)
    for name in listed.stdout.split():
        path = Path(name)
        if path.parts[0] == "tests" or "migrations" in path.parts or not path.exists():
            continue
        if not folders or any(path.is_relative_to(folder) for folder in folders):
            yield path


def count(folders: Iterable[str] = ()) -> tuple[dict[str, Figures], Figures]:
    """The figures of each room and those of all together."""
    rooms: dict[str, Figures] = defaultdict(Figures)
    whole = Figures()
    for path in product_files(folders):
        text = path.read_text(encoding="utf-8")
        rooms[path.parts[0]].add_file(text)
        whole.add_file(text)
    return rooms, whole


def main(folders: list[str]) -> None:
    rooms, whole = count(folders)
    print(HEAD)
    for name in sorted(rooms):
        print(rooms[name].row(name))
    print(whole.row("all"))


if __name__ == "__main__":
    main(sys.argv[1:])
