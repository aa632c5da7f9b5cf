"""Which module imports which: no circle, the imports inside functions included."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Importer and imported, and why this import is made late instead of not at all.
LATE = {
    (
        "exp_jupyter.client.writes.base",
        "exp_jupyter.client.writes.decision",
    ): "a write that waits can be taken back, and taking it back is a write too",
    (
        "exp_jupyter.server.services.approvals.gate",
        "exp_jupyter.server.services.approvals.change_requests",
    ): "the gate answers with the request it made, and applying a request changes a flag again",
    (
        "exp_jupyter.display.charts.series",
        "exp_jupyter.display.charts.figures",
    ): "a chart draws itself with matplotlib only when somebody asks for its axes",
}

Edge = tuple[str, str]


def modules() -> dict[str, Path]:
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in (ROOT / "exp_jupyter").rglob("*.py")
    }


def executed(node: ast.AST, *, in_function: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    """Yield what can run, and whether it runs only inside a function; types alone never do."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for other in child.orelse:
                yield other, in_function
                yield from executed(other, in_function=in_function)
            continue
        inside = in_function or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        yield child, inside
        yield from executed(child, in_function=inside)


class Graph:
    """The imports of the package. A name from a lazy package counts as its own module's."""

    def __init__(self) -> None:
        self.paths = modules()
        self.trees = {name: ast.parse(path.read_text()) for name, path in self.paths.items()}
        self.edges: dict[Edge, bool] = {}
        for name, tree in self.trees.items():
            for node, inside in executed(tree):
                for imported in self._imported(node):
                    if imported != name:
                        late = self.edges.get((name, imported), True)
                        self.edges[name, imported] = late and inside

    def _imported(self, node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.ImportFrom) and node.module in self.paths:
            yield from (self._home(node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in self.paths)

    def _home(self, package: str, name: str) -> str:
        if f"{package}.{name}" in self.paths:
            return f"{package}.{name}"
        if self.paths[package].name == "__init__.py":
            for node in ast.walk(self.trees[package]):
                if not isinstance(node, ast.ImportFrom) or node.module not in self.paths:
                    continue
                if any(name == (alias.asname or alias.name) for alias in node.names):
                    return self._home(node.module, name)
        return package

    def circle(self, without: set[Edge]) -> list[str]:
        """Return modules that import each other in a circle, in their order; none if none do."""
        imports: dict[str, set[str]] = {}
        for importer, imported in self.edges.keys() - without:
            imports.setdefault(importer, set()).add(imported)
        try:
            TopologicalSorter(imports).prepare()
        except CycleError as circle:
            found: list[str] = circle.args[1]
            return found
        return []


@pytest.fixture(scope="module")
def graph() -> Graph:
    return Graph()


def test_no_modules_import_each_other_in_a_circle(graph: Graph) -> None:
    assert graph.circle(without={*LATE}) == []


@pytest.mark.parametrize("edge", LATE, ids=lambda edge: edge[0].removeprefix("exp_jupyter."))
def test_an_import_that_closes_a_circle_is_made_inside_a_function(graph: Graph, edge: Edge) -> None:
    assert graph.edges.get(edge) is True, "made at once, or not at all any more"
    assert graph.circle(without=LATE.keys() - {edge}), "closes no circle any more"


def test_the_graph_knows_imports_of_every_kind(graph: Graph) -> None:
    edges = graph.edges
    # at the top, and inside a function
    assert edges["exp_jupyter.client.project", "exp_jupyter.client.api"] is False
    assert edges["exp_jupyter.client.project", "exp_jupyter.client.resources.flags"] is True
    # for types alone
    assert ("exp_jupyter.client.writes.flags.change", "exp_jupyter.client.api") not in edges
