"""Chapter 7, Optimization: the functions that you write.

Shapes are jaxtyping: `Float[Tensor, "..."]` is a float tensor of any shape, `"... m n"` any number
of leading axes, then m rows of n columns. B is the batch, T time, V the size of the vocabulary.

Numbers in, numbers of the same dtype out, float16 and bfloat16 included. Arguments need not be
contiguous. What a docstring says is changed in place stays the tensor that it is, in the memory
where it lies; nothing else of an argument is changed. Seeds are from 0 to 2**32 - 1; the same seed
gives the same numbers, another one others, and torch's global generator is left alone.

A dataset is a stream of ids along one axis: a numpy array, a np.memmap or a tensor, of any integer
dtype, such as uint16, in native byte order. It need not be contiguous, and may be larger than
memory. A model is a torch.nn.Module that takes ids B T to logits B T V, such as chapter 5's, and
may have dropout. A target is an id, or -100 where there is nothing to predict. The loss of a target
is its cross-entropy in nats, computed in float32 at least.

Ids are int64 wherever they are tensors that you return. Keep the names and signatures. Beyond that
the design is yours: more functions, more files.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from typing import IO

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn, optim
from torch.optim import Optimizer

from . import accumulation, batches, checkpoints, clipping, groups, initialisation, muon, schedules
from .adamw import AdamW
from .sgd import sgd_momentum as momentum_step
from .training import train_loop as train


def sgd_momentum(
    weight: Float[Tensor, "..."],
    gradient: Float[Tensor, "..."],
    velocity: Float[Tensor, "..."],
    lr: float,
    momentum: float,
    nesterov: bool = False,
) -> tuple[Float[Tensor, "..."], Float[Tensor, "..."]]:
    """One step of gradient descent with momentum: the new weight and the new velocity.

    v = momentum * velocity + gradient, and weight - lr * v; with nesterov
    weight - lr * (gradient + momentum * v). All three tensors are of one shape and dtype, and none
    is changed. ValueError for other shapes, for a negative lr, and for a momentum that is negative
    or not below 1.

    sgd_momentum([1], [2], [6], 0.1, 0.5) -> [0.5], [5]
    sgd_momentum([1], [2], [6], 0.1, 0.5, nesterov=True) -> [0.55], [5]

    Source: Polyak 1964; Sutskever et al. 2013, "On the importance of initialization and momentum
    in deep learning"; here in the form of torch.optim.SGD.
    """
    return momentum_step(weight, gradient, velocity, lr, momentum, nesterov)


def adamw() -> type[optim.Optimizer]:
    """The class AdamW, a subclass of torch.optim.Optimizer, and not of torch's Adams.

    AdamW(params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01), in this order or by
    name. `params` is whatever torch.optim.Optimizer takes: an iterable of tensors, or of dicts,
    each a group of parameters with options of its own. They are float32, float64 or bfloat16; no
    float16 here. ValueError if lr, eps or weight_decay of the constructor is negative, or one of
    betas is negative or not below 1.

    step(closure=None) does for each parameter w with a gradient g, frozen or not, in place, at its
    t-th time:
        w = w - lr * weight_decay * w
        m = beta1 * m + (1 - beta1) * g,      v = beta2 * v + (1 - beta2) * g²
        w = w - lr * (m / (1 - beta1**t)) / (sqrt(v / (1 - beta2**t)) + eps)
    m and v start at 0 and have the shape, dtype and device of w; t is w's own, and 1 at its first
    step. A parameter whose grad is None is left as it is and counts no step. Gradients are not
    changed; an inf or NaN in one is used as it is. Others may write to w between steps.

    The options are those that are in the parameter's group when the step is taken, as in
    torch.optim.AdamW: schedulers change them, and add_param_group adds groups. step returns None,
    or calls the closure before all else, with gradients enabled even where they are off outside,
    and returns the object that it returns. No graph is built. All that is remembered is in
    state_dict(), as tensors and plain numbers, so that another AdamW of equal parameters that has
    loaded it, by way of a file or copied, goes on the same.

    Source: Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization", algorithm 2, with
    the learning rate and its schedule as one number.
    """
    return AdamW


def clip_grad_norm(parameters: Iterable[Tensor], max_norm: float) -> Float[Tensor, ""]:
    """Scale all gradients by min(1, max_norm / (norm + 1e-6)), in place; returns the norm.

    The norm is the root of the sum of the squares of all numbers in all gradients, as it was
    before: a 0-dimensional tensor without a graph, float64 if some gradient is, else float32. Each
    gradient's own norm is computed in its own precision, float32 at least. `parameters` may be a
    generator. A parameter that comes twice counts once, but two Parameters are two, even if they
    share memory; a frozen one with a gradient counts, one whose grad is None does not. Without any
    gradient the norm is 0. Where no scaling is called for, gradients keep every bit. If the norm is
    inf or NaN they are left as they are, for the caller to skip the step. ValueError if max_norm is
    negative, whatever the gradients are.

    Source: Pascanu et al. 2013, "On the difficulty of training recurrent neural networks", §3.2.
    """
    return clipping.clip_grad_norm(parameters, max_norm)


def cosine_schedule(step: int, max_lr: float, min_lr: float, warmup: int, total: int) -> float:
    """The learning rate of a step: a linear warm-up, then half a cosine down to min_lr.

        step < warmup              max_lr * step / warmup
        warmup <= step < total     min_lr + (max_lr - min_lr) * (1 + cos(π p)) / 2,
                                   p = (step - warmup) / (total - warmup)
        total <= step              min_lr, also if total = warmup

    Steps count from 0. ValueError if step or warmup is negative, or total is below warmup.

    cosine_schedule(6, 1.0, 0.2, 4, 12) -> 0.8828...: a quarter of the way, cos(π/4)

    Source: Loshchilov and Hutter 2017, "SGDR", eq. 5.
    """
    return schedules.cosine_schedule(step, max_lr, min_lr, warmup, total)


def wsd_schedule(
    step: int, max_lr: float, min_lr: float, warmup: int, stable_until: int, total: int
) -> float:
    """The learning rate of a step: a linear warm-up, a constant, a linear decay to min_lr.

        step < warmup                    max_lr * step / warmup
        warmup <= step < stable_until    max_lr
        stable_until <= step < total     max_lr - (max_lr - min_lr) * p,
                                         p = (step - stable_until) / (total - stable_until)
        total <= step                    min_lr, also if phases are empty

    ValueError if step is negative, or not 0 <= warmup <= stable_until <= total.

    wsd_schedule(9, 1.0, 0.2, 4, 8, 12) -> 0.8

    Source: Hu et al. 2024, "MiniCPM", §4; Hägele et al. 2024 compare forms of the decay.
    """
    return schedules.wsd_schedule(step, max_lr, min_lr, warmup, stable_until, total)


def decay_groups(model: nn.Module, weight_decay: float) -> list[dict]:
    """Two groups for an optimizer: what decays, with `weight_decay`, and what does not, with 0.0.

    Each is {"params": list of Parameters, "weight_decay": float} without other keys, in the order
    of model.parameters(). A parameter decays if it has two axes or more and is not the weight of an
    nn.Embedding, subclasses included; nothing else is asked, neither names nor other types of
    modules. The weight of an nn.Embedding does not decay even if another layer shares it. Every
    Parameter comes once; two are two, even of equal numbers or in the same memory. Frozen ones,
    with requires_grad False, are left out. A group may be empty. ValueError if weight_decay is
    negative.
    """
    return groups.decay_groups(model, weight_decay)


def muon_orthogonalize(G: Float[Tensor, "... m n"], steps: int = 5) -> Float[Tensor, "... m n"]:
    """Newton-Schulz steps that bring all singular values of a matrix near 1.

    X = G / (‖G‖ + 1e-7) in the Frobenius norm, then `steps` times
    X = a X + b (X Xᵀ) X + c (X Xᵀ)² X with (a, b, c) = (3.4445, -4.7750, 2.0315). Leading axes are
    a batch of matrices, each treated for itself; a batch may be empty. m may be larger than n or
    smaller: the same comes out of Gᵀ, transposed. Computed in float32 where G is of half precision,
    else in G's own dtype. Of a matrix of zeros zeros come out. The result is not scaled for m and
    n. ValueError if G has fewer than two axes or steps is negative.

    muon_orthogonalize([[3, 0], [0, 4]], 1) -> [[1.1932..., 0], [0, 0.9764...]]

    Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks".
    """
    return muon.muon_orthogonalize(G, steps)


def xavier_init(shape: Sequence[int], seed: int, gain: float = 1.0) -> Float[Tensor, "..."]:
    """Independent numbers, uniform between -a and a, a = gain * √(6 / (fan_in + fan_out)).

    A new tensor at each call, float32 whatever torch's default dtype is. `shape` is (out, in), as
    that of a linear layer's weight, or (out, in, *kernel), of a convolution's. With k the product
    of the kernel's sizes, 1 if there is none, fan_in is in * k and fan_out is out * k. ValueError
    for fewer than two axes, or a size below 1.

    Source: Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward
    neural networks", eq. 16.
    """
    return initialisation.xavier_init(shape, seed, gain)


def kaiming_init(shape: Sequence[int], seed: int, mode: str = "fan_in") -> Float[Tensor, "..."]:
    """Independent normal numbers of mean 0 and standard deviation √(2 / fan).

    `mode` says which fan, "fan_in" or "fan_out"; both are those of `xavier_init`, and so are dtype
    and errors. ValueError for another mode.

    Source: He et al. 2015, "Delving Deep into Rectifiers", §2.2.
    """
    return initialisation.kaiming_init(shape, seed, mode)


def gpt2_init(model: nn.Module, num_layers: int, seed: int) -> None:
    """Fill a model's parameters in place, by the type of the module that holds them.

    The weights of nn.Linear and nn.Embedding become normal with mean 0 and standard deviation 0.02;
    those of an nn.Linear named c_proj, which writes to the residual stream, 0.02 / √(2 num_layers).
    Named is what the last part of its name in model.named_modules() says: h.0.attn.c_proj; a layer
    with two names has the first there. The biases of nn.Linear and nn.LayerNorm become 0, the
    weights of nn.LayerNorm 1, whatever their shape. Subclasses of the three are filled like them.
    All else stays as it is, and a padding_idx makes no difference. Frozen parameters are filled
    too, and stay frozen; dtypes stay; layers may lack biases. No two weights share random numbers,
    unless they are one Parameter. ValueError if num_layers is below 1.

    Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", §2.3, and
    GPT-2's code.
    """
    initialisation.gpt2_init(model, num_layers, seed)


def accumulate_gradients(
    model: nn.Module, microbatches: Iterable[tuple[Int[Tensor, "B T"], Int[Tensor, "B T"]]]
) -> float:
    """Add the gradient of the mean loss of all targets to .grad, a micro-batch at a time.

    A micro-batch is a pair (ids, targets); micro-batches may have different shapes, and come from a
    generator; pairs stay valid until the call returns, and are not changed. The mean is over all
    targets of all micro-batches that are not -100, so that how a batch is cut changes neither loss
    nor gradients. Returned is this mean, as a number.

    The model is called once for each micro-batch, or not at all for one without targets, and the
    graph of one is freed before the next is built. Gradients are added to those that are there
    already. The model's mode is left as it is. ValueError, and no change, if there is no target.

    With losses of 1 and 1 in one micro-batch and of 4 in another -> 2, not (1 + 4) / 2
    """
    return accumulation.accumulate_gradients(model, microbatches)


def get_batch(
    dataset: np.ndarray | Int[Tensor, " N"],
    B: int,
    T: int,
    device: torch.device | str,
    rng: torch.Generator,
) -> tuple[Int[Tensor, "B T"], Int[Tensor, "B T"]]:
    """B random windows: ids x = d[s : s+T] and their targets y = d[s+1 : s+T+1], int64, on `device`.

    Every row has a start s of its own, and all starts from 0 to N - T - 1, which is the last that
    has a target for each id, are equally likely. They are drawn from `rng`, a generator of the CPU,
    whose state alone decides: the same state gives the same batch on any device, and no other
    generator is touched. The same `rng` gives another batch at the next call. Only the windows are
    read, never the whole dataset, and x and y share no memory with it. ValueError if it has not one
    axis of at least T + 1 ids, or if B or T is below 1.

    get_batch([7, 8, 9], 1, 2, "cpu", rng) -> [[7, 8]], [[8, 9]]
    """
    return batches.get_batch(dataset, B, T, device, rng)


def save_checkpoint(
    model: nn.Module,
    optimizer: Optimizer,
    step: int,
    out: str | os.PathLike | IO[bytes],
    extra: dict | None = None,
) -> None:
    """Save by torch.save the dict of "model" and "optimizer", their state_dicts, "step", "extra".

    step is an int. extra, a key also where it is None: a dict of plain data and tensors, such as
    the states of generators; read it again as torch.load(src, weights_only=True)["extra"].

    To a path, atomically: it is written to a temporary file in the same folder, flushed, made sure
    of with os.fsync, and put in place with os.replace. Whoever is killed at any moment leaves the
    old file or the new one at `out`. If anything fails, or is interrupted, the error passes, the
    old file is there, and the temporary one is not. A binary file object, whatever has a method
    write, is written to from where it stands, and left open.
    """
    checkpoints.save_checkpoint(model, optimizer, step, out, extra)


def load_checkpoint(
    src: str | os.PathLike | IO[bytes], model: nn.Module, optimizer: Optimizer
) -> int:
    """Fill model and optimizer with what `save_checkpoint` has saved; the step.

    Training goes on from here as it would have without the break. Parameters stay the objects they
    are, on their device, and tied ones stay tied; where the checkpoint was made does not matter:
    one from a GPU loads without one. The model's mode stays what it is. A binary file object,
    whatever has a method read, is read from where it stands, and left open. Loaded with
    weights_only=True: code in the file is never run. FileNotFoundError where there is none.

    ValueError, and neither model nor optimizer changed, if the file is cut short, holds something
    else than a checkpoint, or lacks one of its parts or has one of another type; with the name of
    each weight that is missing, not expected, no tensor, or of another shape; and if the optimizer
    has other groups.
    """
    return checkpoints.load_checkpoint(src, model, optimizer)


def train_loop(
    model: nn.Module,
    optimizer: Optimizer,
    dataset: np.ndarray | Int[Tensor, " N"],
    config: dict[str, int | float | str | None],
    folder: str | os.PathLike,
    *,
    valid: np.ndarray | Int[Tensor, " M"] | None = None,
    on_step: Callable[[dict[str, int | float]], object] | None = None,
) -> dict[str, int | float]:
    """Train for config["steps"] updates, resumably; the record of the last one.

    The config has exactly these keys, or it is a ValueError that names the wrong ones:
        steps, batch_size, context_length    updates; windows in each; ids in a window
        microbatches     a batch is one call of get_batch, cut by rows into so many equal parts
        schedule         "cosine", "wsd", or "constant": the same warm-up, and max_lr to the end
        max_lr, min_lr, warmup               as in the schedules, whose total is steps
        stable_until     with "wsd" only
        clip             max_norm of the gradients of all the model's parameters, above 0; or None
        seed             of the generator for get_batch, and of torch's global one, for dropout:
                         both are seeded once, and batch k is the k-th that get_batch draws
        log_every, eval_every, checkpoint_every    in steps, each also due at the last step
        eval_batches     how many batches of batch_size windows an evaluation takes
    Counts are integers from 1, batch_size divisible by microbatches; numbers may be numpy's. What
    is wrong is a ValueError before the first step: all the names of missing, unknown and impossible
    entries, and for a dataset, or valid, shorter than context_length + 1.

    Update number k, from 1 to steps, has the learning rate schedule(k): it is set in every group of
    the optimizer, times group["lr_scale"] where a group has one, before the update. Gradients are
    those of this step alone in all parameters of the model, also in those that the optimizer lacks,
    and None where the batch has none; clipped once they are complete. The model trains in training
    mode, and is left in it.

    A record is a new dict of numbers: step (k), loss (the mean of the batch, before the update),
    lr, grad_norm (before clipping), tokens (ids trained on since step 1) and tokens_per_second (of
    this step's training), and, if `valid` is given and evaluation is due, valid_loss: the mean over
    all targets of valid's first eval_batches * batch_size windows, or as many as there are, which
    begin at 0, T, 2T, ...; after the update, in evaluation mode and without gradients. Neither
    evaluation nor on_step, whatever they do with torch's generators and the model's mode, has an
    influence on training.

    After an update: the evaluation; the record as a line of JSON in folder/metrics.jsonl, if it is
    due or has a valid_loss; folder/checkpoint.pt by save_checkpoint, if due; on_step(record), after
    every update. The folder is made if there is none.

    If there is a checkpoint.pt, the run goes on from it, and its lines and weights become exactly
    those of a run never interrupted, dropout and all: lines of later steps, and all from one on
    that was left half-written or cannot be read, are cut off before, so that a kill at any moment
    loses no line. Without one, metrics.jsonl is begun anew. A finished run is loaded and its last
    record returned, without a step. Microbatches, log_every, eval_every, eval_batches and
    checkpoint_every may differ from those that the run began with; ValueError that names all other
    keys that do, and for a checkpoint.pt that load_checkpoint would not take. A run that is refused
    changes no file.

    FloatingPointError with the step if a loss or the norm of the gradients is not finite: before
    the update, and the step is neither logged nor saved.
    """
    return train(model, optimizer, dataset, config, folder, valid, on_step)
