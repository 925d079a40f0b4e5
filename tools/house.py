"""Measures how the package is built: `python tools/house.py [ROOT]` prints a figure a line.

Imports inside functions count; those for type checkers only do not.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

Graph = dict[str, set[str]]


def modules(root: Path) -> dict[str, Path]:
    """The modules of the package by dotted name."""
    found = {}
    for path in sorted((root / "tfvae").rglob("*.py")):
        name = ".".join(path.relative_to(root).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = path
    return found


def imports(root: Path) -> Graph:
    """The modules of the package that each one imports, anywhere in its file."""
    known = modules(root)
    return {name: set(_imported(name, path, known)) - {name} for name, path in known.items()}


def circles(graph: Graph) -> list[set[str]]:
    """Sets of modules that import each other directly or by others (strongly connected components)."""
    reached = {name: _reached(graph, name) for name in graph}
    left, found = set(graph), []
    while left:
        name = min(left)
        circle = {each for each in reached[name] if name in reached[each]}
        if len(circle) > 1:
            found.append(circle)
        left -= circle | {name}
    return found


def crossings(graph: Graph) -> list[str]:
    """Imports of the program by the library, `module -> imported`."""
    return [
        f"{name} -> {each}"
        for name, others in sorted(graph.items())
        for each in sorted(others)
        if each.startswith("tfvae.app") and not name.startswith("tfvae.app") and name != "tfvae.__main__"
    ]


def files(root: Path) -> dict[str, int]:
    """The number of lines of each file, by path."""
    return {
        str(path.relative_to(root)): len(path.read_text(encoding="utf-8").splitlines())
        for path in modules(root).values()
    }


def loose(root: Path) -> list[str]:
    """Modules that stand at the top of the package, in no folder; private ones do not count."""
    return sorted(path.name for path in (root / "tfvae").glob("*.py") if not path.name.startswith("_"))


def functions(root: Path) -> dict[str, int]:
    """The number of lines of each function without its docstring, by address."""
    found = {}
    for path in modules(root).values():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                doc = node.body[0] if ast.get_docstring(node) else None
                lines = (node.end_lineno or 0) - node.lineno + 1
                size = lines - ((doc.end_lineno or 0) - doc.lineno + 1 if doc else 0)
                found[f"{path.relative_to(root)}:{node.lineno} {node.name}"] = size
    return found


def report_subscripts(root: Path) -> dict[str, int]:
    """The number of texts in brackets, as in `report["likelihood"]`, in each file that reads or writes reports.

    What is no report is left out: a mapping of the names below, and what a mapping is filled with (`found["a"] = b`).
    """
    found = {}
    for folder in ("evaluation", "app/run", "app/cli"):
        for path in sorted((root / "tfvae" / folder).rglob("*.py")):
            nodes = [each for each in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if _is_read_by_text(each)]
            if nodes:
                found[str(path.relative_to(root))] = len(nodes)
    return found


def self_calls(model: Any, call: Callable[[], Any]) -> list[str]:
    """Methods of a model that are called on the model while `call` runs, in order. Properties do not count.

    A method is a function in a class of this package that the model's class descends from, wherever its code stands.
    """
    methods = {
        function.__code__: f"{each.__name__}.{name}"
        for each in reversed(type(model).__mro__)
        if each.__module__.startswith("tfvae")
        for name, function in vars(each).items()
        if inspect.isfunction(function)
    }
    found = []

    def watch(frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event == "call" and code in methods and frame.f_locals.get(code.co_varnames[0]) is model:
            found.append(methods[code])

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        call()
    finally:
        sys.setprofile(before)
    return found


def calls_of_a_test_step() -> list[str]:
    """The calls that one `test_step` of a small VAE, run eagerly, makes on the model, without itself."""
    import tensorflow as tf

    import tfvae

    model = tfvae.vae((8, 8, 1), latent_size=2, network="mlp(4)")
    model.compile("adam", run_eagerly=True)
    images = tf.zeros((2, 8, 8, 1), tf.uint8)
    return self_calls(model, lambda: model.test_step(images))[1:]


def bases(kind: type) -> list[str]:
    """The classes of `tfvae.models` that a class descends from."""
    return [each.__name__ for each in kind.__mro__[1:] if each.__module__.startswith("tfvae.models")]


_NO_REPORTS = ("arrays", "by_example", "environ", "state", "kept")  # the last two are of checkpoints


def _is_read_by_text(node: ast.AST) -> bool:
    if not isinstance(node, ast.Subscript) or not isinstance(node.ctx, ast.Load):
        return False
    is_text = isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)
    return is_text and not ast.unparse(node.value).endswith(_NO_REPORTS)


def _reached(graph: Graph, start: str) -> set[str]:
    seen, waiting = {start}, [start]
    while waiting:
        for each in graph[waiting.pop()] - seen:
            seen.add(each)
            waiting.append(each)
    return seen


def _imported(name: str, path: Path, known: dict[str, Path]) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            inner = [f"{node.module}.{each.name}" for each in node.names]
            yield from (each for each in inner if each in known)
            if any(each not in known for each in inner):
                yield str(node.module)


def main() -> None:
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
    graph, sizes, top = imports(root), files(root), loose(root)
    longest, longest_function = (
        max(sizes, key=lambda name: sizes[name]),
        max(functions(root).items(), key=lambda each: each[1]),
    )
    found = circles(graph)
    print(f"import circles: {len(found)}", *(" ".join(sorted(each)) for each in found), sep="\n  ")
    print(f"imports of the program by the library: {len(crossings(graph))}", *crossings(graph), sep="\n  ")
    print(f"modules at the top: {len(top)} ({', '.join(top)})")
    print(f"longest file: {longest}, {sizes[longest]} lines; over 300: {sum(size > 300 for size in sizes.values())}")
    print(f"lines of tfvae/: {sum(sizes.values()):,} in {len(sizes)} files")
    subscripts = report_subscripts(root)
    print(f"texts in brackets where reports are read: {sum(subscripts.values())}", *subscripts.items(), sep="\n  ")
    print(f"longest function: {longest_function[0]}, {longest_function[1]} lines")
    sys.path.insert(0, str(root))
    calls = calls_of_a_test_step()
    print(f"calls of a VAE on itself in one test step: {len(calls)}", *calls, sep="\n  ")


if __name__ == "__main__":
    main()
