"""Where the nodes of a plan stand when it is drawn: in layers, from what needs nothing to what comes last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

SWEEPS = 6
"""How often the order of the layers is improved."""
MOST_REDUCED = 500
"""Above so many nodes, edges that others imply are drawn too: finding them would take too long."""

Needs = Mapping[str, Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Places of nodes, counted in columns and rows, and the ways of edges through them."""

    places: dict[str, tuple[float, float]]
    """Column and row of each node; rows may be halves."""
    ways: dict[tuple[str, str], list[tuple[float, float]]]
    """For each drawn edge the places that it passes through, its ends included."""
    columns: int
    rows: float


def lay_out(needs: Needs) -> Layout:
    """The layout of a graph without cycles, told as what each node needs, in the order of the plan."""
    known = {node: [need for need in wanted if need in needs] for node, wanted in needs.items()}
    depth = layers_of(known)
    edges = [(need, node) for node, wanted in reduced(known).items() for need in wanted]
    layers: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for node in known:
        layers[depth[node]].append(node)
    links, ways = _with_bends(edges, depth, layers)
    _untangle(layers, links)
    return _placed(layers, ways, set(known))


def layers_of(needs: Needs) -> dict[str, int]:
    """How many nodes must have ended before each, along the longest way."""
    depth: dict[str, int] = {}
    waiting = list(needs)
    while waiting:
        later = []
        for node in waiting:
            if all(need in depth for need in needs[node]):
                depth[node] = max((depth[need] + 1 for need in needs[node]), default=0)
            else:
                later.append(node)
        if len(later) == len(waiting):  # a cycle, which no plan has: draw it all the same
            depth |= dict.fromkeys(later, 0)
            break
        waiting = later
    return depth


def reduced(needs: Needs) -> dict[str, list[str]]:
    """The needs without those that follow from the others: a drawing is calmer without them."""
    if len(needs) > MOST_REDUCED:
        return {node: list(wanted) for node, wanted in needs.items()}
    depth = layers_of(needs)
    above: dict[str, set[str]] = {}
    for node in sorted(needs, key=depth.__getitem__):
        above[node] = {far for need in needs[node] for far in {need, *above.get(need, ())}}
    return {
        node: [need for need in wanted if not any(need in above.get(other, ()) for other in wanted)]
        for node, wanted in needs.items()
    }


def _with_bends(
    edges: Sequence[tuple[str, str]], depth: Mapping[str, int], layers: list[list[str]]
) -> tuple[list[tuple[str, str]], dict[tuple[str, str], list[str]]]:
    """Give each edge a place of its own in every layer that it passes."""
    links: list[tuple[str, str]] = []
    ways: dict[tuple[str, str], list[str]] = {}
    for source, target in edges:
        way = [source]
        for layer in range(depth[source] + 1, depth[target]):
            bend = f"{source}\0{target}\0{layer}"  # no node is called like this
            layers[layer].append(bend)
            way.append(bend)
        way.append(target)
        links.extend(pairwise(way))
        ways[source, target] = way
    return links, ways


def _untangle(layers: list[list[str]], links: Sequence[tuple[str, str]]) -> None:
    """Order each layer by the middle of what it is tied to, forwards and backwards by turns."""
    before: dict[str, list[str]] = {}
    after: dict[str, list[str]] = {}
    for source, target in links:
        after.setdefault(source, []).append(target)
        before.setdefault(target, []).append(source)
    for sweep in range(SWEEPS):
        tied = before if sweep % 2 == 0 else after
        row = {node: place for layer in layers for place, node in enumerate(layer)}
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            middle = {
                node: sum(row[other] for other in tied[node]) / len(tied[node]) if node in tied else row[node]
                for node in layer
            }
            layer.sort(key=middle.__getitem__)
            row |= {node: place for place, node in enumerate(layer)}


def _placed(layers: list[list[str]], ways: Mapping[tuple[str, str], list[str]], real: set[str]) -> Layout:
    rows = max(map(len, layers), default=0)
    places = {
        node: (float(column), row + (rows - len(layer)) / 2)
        for column, layer in enumerate(layers)
        for row, node in enumerate(layer)
    }
    return Layout(
        places={node: place for node, place in places.items() if node in real},
        ways={edge: [places[node] for node in way] for edge, way in ways.items()},
        columns=len(layers),
        rows=float(rows),
    )
