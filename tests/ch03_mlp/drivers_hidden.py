"""Drivers run next to the student's code; see the tests that use them."""


def train_and_evaluate(adapters, documents, held_out, V, k, rest):
    """The first and the last losses of training, and the logits of windows that were held out."""
    model, losses = adapters.train_mlp(documents, V, k, **rest)
    x, y = adapters.context_windows(held_out, k)
    return [float(loss) for loss in losses], adapters.mlp_forward(model, x), y
