"""An order in which gradients can flow: a node's turn comes after all that were made from it.

A computation is a graph. Each node knows its `parents`, the nodes it was made from. A topological
order lists parents before children; reversed, it never visits a node whose gradient is incomplete.
"""


def topological_order(root: object) -> list:
    """Depth-first search that keeps its own stack: Python's is full after 1,000 nested calls."""
    order: list = []
    finished = {id(root): False}  # by identity, since equal nodes are not the same node
    stack = [(root, iter(root.parents))]
    while stack:
        node, parents = stack[-1]
        parent = next(parents, None)
        if parent is None:
            stack.pop()
            order.append(node)
            finished[id(node)] = True
        elif id(parent) not in finished:
            finished[id(parent)] = False
            stack.append((parent, iter(parent.parents)))
        elif not finished[id(parent)]:
            raise ValueError(f"{parent!r} was made from itself; a graph with a cycle has no order")
    return order
