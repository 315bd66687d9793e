"""Loading: somebody else's weights, in one's own model.

The checkpoints of GPT-2 were written by TensorFlow code whose linear layers were convolutions of
width 1, y = x W + b with W (in, out); transformers keeps them so in its Conv1D. A square matrix
that is not transposed fits as well as one that is, and the model talks nonsense: all else is
checked by shape.
"""

import re

from torch import Tensor

from .checking import check_names
from .gpt2 import parameter_shapes

CONV1D = re.compile(r"h\.\d+\.(attn|mlp)\.c_\w+\.weight")
# masks that old versions of transformers stored, and the head's other name
SURPLUS = re.compile(r"h\.\d+\.attn\.(masked_)?bias|lm_head\.weight")


def load_gpt2_state_dict(
    checkpoint: dict[str, Tensor], config: dict[str, int | float]
) -> dict[str, Tensor]:
    """Rename, turn, and let nothing go unnoticed."""
    shapes = parameter_shapes(config)
    found = {name.removeprefix("transformer."): weight for name, weight in checkpoint.items()}
    check_names(found, list(shapes))
    unknown = [n for n in found if n not in shapes and not SURPLUS.fullmatch(n)]
    if unknown:
        raise ValueError(f"not part of a GPT-2 of this config: {', '.join(unknown)}")
    state = {name: found[name].T if CONV1D.fullmatch(name) else found[name] for name in shapes}
    for name, weight in state.items():
        if weight.shape != shapes[name]:
            turned = " after turning it" if CONV1D.fullmatch(name) else ""
            got = f"got {tuple(weight.shape)}{turned}, wanted {shapes[name]}"
            raise ValueError(f"{name}: {got}; does the config fit the checkpoint?")
    return state
