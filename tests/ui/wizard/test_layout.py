"""Where the nodes of a plan stand when it is drawn."""

from hypothesis import given
from hypothesis import strategies as st

from ui.wizard.layout import lay_out, reduced

DIAMOND = {"top": [], "left": ["top"], "right": ["top"], "bottom": ["left", "right"]}


@st.composite
def graphs(draw):
    """Graphs without cycles of up to twelve nodes, in an order in which each needs earlier ones."""
    count = draw(st.integers(0, 12))
    return {f"n{node}": [f"n{need}" for need in range(node) if draw(st.booleans())] for node in range(count)}


def test_a_diamond_stands_in_three_columns():
    """What needs nothing stands first, what needs both sides last, and the sides one below the other."""
    places = lay_out(DIAMOND).places

    assert {"top": 0, "left": 1, "right": 1, "bottom": 2} == {
        node: place[0] for node, place in places.items()
    }
    assert {0, 1} == {places["left"][1], places["right"][1]}
    assert places["top"][1] == places["bottom"][1] == 0.5


def test_an_edge_that_others_imply_is_not_drawn():
    """`c` needs `a` by way of `b` already."""
    assert {"a": [], "b": ["a"], "c": ["b"]} == reduced({"a": [], "b": ["a"], "c": ["a", "b"]})


def test_an_edge_over_several_columns_keeps_clear_of_the_nodes_between():
    """The long way passes each column in a row where no node stands."""
    layout = lay_out({"a": [], "b": ["a"], "c": ["b"], "x": [], "end": ["c", "x"]})
    bends = layout.ways["x", "end"][1:-1]

    assert [1.0, 2.0] == [column for column, _ in bends]
    assert not set(bends) & set(layout.places.values())


def test_what_is_not_in_the_plan_is_not_drawn():
    """A need of something unknown leads nowhere."""
    assert {} == lay_out({"a": ["elsewhere"]}).ways


@given(graphs())
def test_every_node_stands_right_of_what_it_needs_and_on_a_place_of_its_own(needs):
    """So it is for any graph, and every edge that is drawn begins and ends at its nodes."""
    layout = lay_out(needs)

    assert set(layout.places) == set(needs)
    assert len(set(layout.places.values())) == len(needs)
    for node, wanted in needs.items():
        assert all(layout.places[need][0] < layout.places[node][0] for need in wanted)
    for (source, target), way in layout.ways.items():
        assert (layout.places[source], layout.places[target]) == (way[0], way[-1])


@given(graphs())
def test_the_drawn_edges_say_as_much_as_all_of_them(needs):
    """Whoever follows the drawn edges backwards finds everything that a node stands on."""

    def above(graph, node):
        found = set()
        waiting = list(graph[node])
        while waiting:
            need = waiting.pop()
            if need not in found:
                found.add(need)
                waiting.extend(graph[need])
        return found

    drawn = reduced(needs)

    assert all(above(needs, node) == above(drawn, node) for node in needs)
