"""The head and its loss in one, without ever holding all logits.

    loss = mean of logsumexp(z) - z_y      z = h Wᵀ      dz = (softmax(z) - onehot(y)) / N

With V = 10,000 the logits are by far the largest tensor of a training step, and as gradients they
come once more. But dz is known as soon as z is: so ROWS tokens at a time go to logits, on to their
share of the loss, and straight back to dh and dW, while the numbers are still in the cache (Hsu et
al. 2024, "Liger Kernel").
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

ROWS = 256


def linear_cross_entropy(
    h: Float[Tensor, "N C"], weight: Float[Tensor, "V C"], targets: Int[Tensor, " N"]
) -> Float[Tensor, ""]:
    """The mean cross-entropy of predicting the targets from logits h weightᵀ, in float32 at least.

    For training: it computes the gradients as well, whether somebody asks for them or not.
    """
    device = h.device.type
    if torch.is_autocast_enabled(device):
        dtype = torch.get_autocast_dtype(device)
        h, weight = h.to(dtype), weight.to(dtype)
    with torch.autocast(device, enabled=False):
        return _LinearCrossEntropy.apply(h, weight, targets)


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, h, weight, targets):
        wide = torch.promote_types(h.dtype, torch.float32)
        dh, dW = torch.empty_like(h), torch.zeros_like(weight, dtype=wide)
        loss = torch.zeros((), dtype=wide, device=h.device)
        for rows, d_rows, y in zip(
            h.split(ROWS), dh.split(ROWS), targets[:, None].split(ROWS), strict=True
        ):
            z = rows @ weight.T
            p = z.softmax(-1, dtype=wide)
            # the largest p is exp(max z - logsumexp z), and at least 1/V: its logarithm is finite
            logsumexp = z.amax(-1, keepdim=True) - p.amax(-1, keepdim=True).log()
            loss += (logsumexp - z.gather(-1, y)).sum()
            dz = p.scatter_add_(-1, y, p.new_full(y.shape, -1)).to(h.dtype)
            torch.mm(dz, weight, out=d_rows)
            if dz.dtype == dW.dtype:
                dW.addmm_(dz.T, rows)  # saves a pass over all of dW
            else:
                dW += dz.T @ rows
        ctx.save_for_backward(dh.div_(len(h)), dW.div_(len(h)).to(weight.dtype))
        return loss / len(h)

    @staticmethod
    @once_differentiable
    def backward(ctx, d_loss):
        dh, dW = ctx.saved_tensors
        return dh * d_loss.to(dh.dtype), dW * d_loss.to(dW.dtype), None
