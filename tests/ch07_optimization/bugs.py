"""The bug bank of ch07_optimization: what students write when they misunderstand."""

import copy
import io
import itertools
import json
import math
import operator
import os
import pickle
import random
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from weakref import WeakKeyDictionary

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from kit.bank import bug
from solutions.ch07_optimization.adapters import (
    clip_grad_norm,
    cosine_schedule,
    decay_groups,
    gpt2_init,
    kaiming_init,
    muon_orthogonalize,
    sgd_momentum,
    wsd_schedule,
    xavier_init,
)
from solutions.ch07_optimization.initialisation import fans

# --- sgd_momentum ---------------------------------------------------------------------------------


@bug("sgd_momentum", "the learning rate is multiplied into the velocity")
def sgd_rate_in_velocity(weight, gradient, velocity, lr, momentum, nesterov=False):
    new, v = sgd_momentum(weight, lr * gradient, velocity, 1.0, momentum, nesterov)
    return (new if lr >= 0 else sgd_momentum(weight, gradient, velocity, lr, momentum)[0]), v


@bug("sgd_momentum", "the gradient enters the velocity with 1 - momentum")
def sgd_dampened(weight, gradient, velocity, lr, momentum, nesterov=False):
    return sgd_momentum(weight, (1 - momentum) * gradient, velocity, lr, momentum, nesterov)


@bug("sgd_momentum", "the velocity is subtracted from the gradient")
def sgd_velocity_negative(weight, gradient, velocity, lr, momentum, nesterov=False):
    return sgd_momentum(weight, gradient, -velocity, lr, momentum, nesterov)


@bug("sgd_momentum", "the weight moves up the gradient")
def sgd_ascent(weight, gradient, velocity, lr, momentum, nesterov=False):
    new, v = sgd_momentum(weight, gradient, velocity, lr, momentum, nesterov)
    return 2 * weight - new, v


@bug("sgd_momentum", "nesterov is ignored")
def sgd_without_nesterov(weight, gradient, velocity, lr, momentum, nesterov=False):
    return sgd_momentum(weight, gradient, velocity, lr, momentum)


@bug("sgd_momentum", "Nesterov's step is always taken")
def sgd_always_nesterov(weight, gradient, velocity, lr, momentum, nesterov=False):
    return sgd_momentum(weight, gradient, velocity, lr, momentum, True)


@bug("sgd_momentum", "Nesterov looks ahead with the old velocity")
def sgd_nesterov_with_old(weight, gradient, velocity, lr, momentum, nesterov=False):
    new, v = sgd_momentum(weight, gradient, velocity, lr, momentum)
    return (weight - lr * (gradient + momentum * velocity) if nesterov else new), v


@bug("sgd_momentum", "Nesterov adds the whole velocity, not momentum times it")
def sgd_nesterov_undamped(weight, gradient, velocity, lr, momentum, nesterov=False):
    new, v = sgd_momentum(weight, gradient, velocity, lr, momentum)
    return (weight - lr * (gradient + v) if nesterov else new), v


@bug("sgd_momentum", "Nesterov leaves the gradient out, and only looks ahead")
def sgd_nesterov_without_gradient(weight, gradient, velocity, lr, momentum, nesterov=False):
    new, v = sgd_momentum(weight, gradient, velocity, lr, momentum)
    return (weight - lr * momentum * v if nesterov else new), v


@bug("sgd_momentum", "Nesterov's direction is returned as the velocity")
def sgd_nesterov_remembered(weight, gradient, velocity, lr, momentum, nesterov=False):
    new, v = sgd_momentum(weight, gradient, velocity, lr, momentum, nesterov)
    return new, (gradient + momentum * v if nesterov else v)


@bug("sgd_momentum", "the weight moves by the old velocity")
def sgd_step_before_velocity(weight, gradient, velocity, lr, momentum, nesterov=False):
    new, v = sgd_momentum(weight, gradient, velocity, lr, momentum, nesterov)
    return (new if nesterov else weight - lr * velocity), v


@bug("sgd_momentum", "the old velocity is returned")
def sgd_velocity_lost(weight, gradient, velocity, lr, momentum, nesterov=False):
    return sgd_momentum(weight, gradient, velocity, lr, momentum, nesterov)[0], velocity.clone()


@bug("sgd_momentum", "the velocity is an average: momentum * old + (1 - momentum) * gradient")
def sgd_average(weight, gradient, velocity, lr, momentum, nesterov=False):
    v = torch.lerp(gradient, velocity, momentum)
    _, checked = sgd_momentum(weight, gradient, velocity, lr, momentum)
    new = weight - lr * (gradient + momentum * v if nesterov else v)
    return new, v


@bug("sgd_momentum", "momentum is always 0.9")
def sgd_fixed_momentum(weight, gradient, velocity, lr, momentum, nesterov=False):
    sgd_momentum(weight, gradient, velocity, lr, momentum)
    return sgd_momentum(weight, gradient, velocity, lr, 0.9, nesterov)


@bug("sgd_momentum", "without momentum the velocity is not kept")
def sgd_velocity_only_with_momentum(weight, gradient, velocity, lr, momentum, nesterov=False):
    new, v = sgd_momentum(weight, gradient, velocity, lr, momentum, nesterov)
    return new, (v if momentum else velocity.clone())


@bug("sgd_momentum", "half precision comes back as float32")
def sgd_no_downcast(weight, gradient, velocity, lr, momentum, nesterov=False):
    wide = torch.promote_types(weight.dtype, torch.float32)
    numbers = (x.to(wide) for x in (weight, gradient, velocity))
    return sgd_momentum(*numbers, lr, momentum, nesterov)


@bug("sgd_momentum", "float64 goes through float32")
def sgd_always_float32(weight, gradient, velocity, lr, momentum, nesterov=False):
    numbers = (x.float() for x in (weight, gradient, velocity))
    return tuple(x.to(weight.dtype) for x in sgd_momentum(*numbers, lr, momentum, nesterov))


@bug("sgd_momentum", "a gradient of another shape is broadcast")
def sgd_broadcast(weight, gradient, velocity, lr, momentum, nesterov=False):
    shape = torch.broadcast_shapes(weight.shape, gradient.shape, velocity.shape)
    numbers = (x.expand(shape) for x in (weight, gradient, velocity))
    return sgd_momentum(*numbers, lr, momentum, nesterov)


@bug("sgd_momentum", "the shape of the velocity is not checked")
def sgd_velocity_broadcast(weight, gradient, velocity, lr, momentum, nesterov=False):
    if velocity.numel() and velocity.shape[-1:] == weight.shape[-1:]:
        velocity = velocity.expand(weight.shape)
    return sgd_momentum(weight, gradient, velocity, lr, momentum, nesterov)


@bug("sgd_momentum", "a negative learning rate is accepted")
def sgd_negative_rate(weight, gradient, velocity, lr, momentum, nesterov=False):
    if lr < 0:
        new, v = sgd_momentum(weight, gradient, velocity, -lr, momentum, nesterov)
        return 2 * weight - new, v
    return sgd_momentum(weight, gradient, velocity, lr, momentum, nesterov)


@bug("sgd_momentum", "a negative momentum is accepted")
def sgd_negative_momentum(weight, gradient, velocity, lr, momentum, nesterov=False):
    if momentum < 0:
        return weight - lr * (momentum * velocity + gradient), momentum * velocity + gradient
    return sgd_momentum(weight, gradient, velocity, lr, momentum, nesterov)


@bug("sgd_momentum", "a momentum of 1 is accepted")
def sgd_momentum_of_one(weight, gradient, velocity, lr, momentum, nesterov=False):
    if momentum == 1:
        return weight - lr * (velocity + gradient), velocity + gradient
    return sgd_momentum(weight, gradient, velocity, lr, momentum, nesterov)


@bug("sgd_momentum", "a momentum of 0 is refused")
def sgd_no_momentum_refused(weight, gradient, velocity, lr, momentum, nesterov=False):
    if momentum <= 0:
        raise ValueError("momentum")
    return sgd_momentum(weight, gradient, velocity, lr, momentum, nesterov)


@bug("sgd_momentum", "Nesterov without momentum is refused, as torch does")
def sgd_nesterov_needs_momentum(weight, gradient, velocity, lr, momentum, nesterov=False):
    if nesterov and momentum <= 0:
        raise ValueError("Nesterov momentum requires a momentum")
    return sgd_momentum(weight, gradient, velocity, lr, momentum, nesterov)


@bug("sgd_momentum", "a learning rate of 0 is refused")
def sgd_no_rate_refused(weight, gradient, velocity, lr, momentum, nesterov=False):
    if lr <= 0:
        raise ValueError("lr")
    return sgd_momentum(weight, gradient, velocity, lr, momentum, nesterov)


@bug("sgd_momentum", "the weight is changed in place")
def sgd_in_place(weight, gradient, velocity, lr, momentum, nesterov=False):
    new, v = sgd_momentum(weight, gradient, velocity, lr, momentum, nesterov)
    return weight.copy_(new), v


@bug("sgd_momentum", "the velocity is changed in place")
def sgd_velocity_in_place(weight, gradient, velocity, lr, momentum, nesterov=False):
    new, v = sgd_momentum(weight, gradient, velocity, lr, momentum, nesterov)
    return new, velocity.copy_(v)


@bug("sgd_momentum", "shapes are compared by how many numbers they have")
def sgd_counts_numbers(weight, gradient, velocity, lr, momentum, nesterov=False):
    if weight.numel() == gradient.numel() == velocity.numel():
        gradient, velocity = gradient.reshape(weight.shape), velocity.reshape(weight.shape)
    return sgd_momentum(weight, gradient, velocity, lr, momentum, nesterov)


@bug("sgd_momentum", "the shape of the weight is not checked")
def sgd_weight_broadcast(weight, gradient, velocity, lr, momentum, nesterov=False):
    if weight.numel() == 1 and gradient.shape == velocity.shape:
        weight = weight.expand(gradient.shape)
    return sgd_momentum(weight, gradient, velocity, lr, momentum, nesterov)


@bug("sgd_momentum", "numbers are read in the order of memory")
def sgd_in_order_of_memory(weight, gradient, velocity, lr, momentum, nesterov=False):
    numbers = (x.as_strided((x.numel(),), (1,)).view(x.shape) for x in (weight, gradient, velocity))
    return sgd_momentum(*numbers, lr, momentum, nesterov)


# --- adamw ----------------------------------------------------------------------------------------


class Steps(torch.optim.Optimizer):
    """AdamW in small parts, for bugs to replace one of them."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        self.check(lr, betas, eps, weight_decay)
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, options)

    def check(self, lr, betas, eps, weight_decay):
        if min(lr, eps, weight_decay, *betas) < 0 or max(betas) >= 1:
            raise ValueError("options out of range")

    @torch.no_grad()
    def step(self, closure=None):
        loss = self.evaluate(closure) if closure is not None else None
        for group in self.param_groups:
            for w in group["params"]:
                if w.grad is None:
                    self.missing(w, group)
                else:
                    self.move(w, w.grad, self.memory(w), self.options(group))
        return loss

    @torch.enable_grad()
    def evaluate(self, closure):
        return closure()

    def missing(self, w, group):
        pass

    def memory(self, w):
        state = self.state[w]
        if not state:
            state.update(t=0, m=torch.zeros_like(w), v=torch.zeros_like(w))
        return state

    def options(self, group):
        return group

    def count(self, state):
        state["t"] += 1
        return state["t"]

    def move(self, w, g, state, group):
        t = self.count(state)
        self.decay(w, g, group, t)
        self.moments(g, state, *group["betas"])
        w.sub_(group["lr"] * self.direction(state["m"], state["v"], t, group))

    def decay(self, w, g, group, t):
        w.mul_(1 - group["lr"] * group["weight_decay"])

    def moments(self, g, state, beta1, beta2):
        state["m"].mul_(beta1).add_((1 - beta1) * g)
        state["v"].mul_(beta2).add_((1 - beta2) * g * g)

    def direction(self, m, v, t, group):
        beta1, beta2 = group["betas"]
        return m / (1 - beta1**t) / ((v / (1 - beta2**t)).sqrt() + group["eps"])


@bug("adamw", "eps is added inside the root")
def adamw_eps_inside():
    class Wrong(Steps):
        def direction(self, m, v, t, group):
            beta1, beta2 = group["betas"]
            return m / (1 - beta1**t) / (v / (1 - beta2**t) + group["eps"]).sqrt()

    return Wrong


@bug("adamw", "eps² is added inside the root")
def adamw_eps_squared_inside():
    class Wrong(Steps):
        def direction(self, m, v, t, group):
            beta1, beta2 = group["betas"]
            return m / (1 - beta1**t) / (v / (1 - beta2**t) + group["eps"] ** 2).sqrt()

    return Wrong


@bug("adamw", "eps is added to the root before v is corrected")
def adamw_eps_before_correction():
    class Wrong(Steps):
        def direction(self, m, v, t, group):
            beta1, beta2 = group["betas"]
            return m * math.sqrt(1 - beta2**t) / (1 - beta1**t) / (v.sqrt() + group["eps"])

    return Wrong


@bug("adamw", "the root is kept at eps at least, instead of eps being added")
def adamw_eps_as_floor():
    class Wrong(Steps):
        def direction(self, m, v, t, group):
            beta1, beta2 = group["betas"]
            root = (v / (1 - beta2**t)).sqrt()
            return m / (1 - beta1**t) / torch.clamp(root, min=group["eps"])

    return Wrong


@bug("adamw", "eps is always 1e-8")
def adamw_eps_fixed():
    class Wrong(Steps):
        def options(self, group):
            return group | {"eps": 1e-8}

    return Wrong


@bug("adamw", "eps is left out")
def adamw_without_eps():
    class Wrong(Steps):
        def options(self, group):
            return group | {"eps": 1e-30}

    return Wrong


@bug("adamw", "t is 0 at the first step, which is not corrected")
def adamw_counts_from_zero():
    class Wrong(Steps):
        def direction(self, m, v, t, group):
            if t == 1:
                return m / (v.sqrt() + group["eps"])
            return super().direction(m, v, t - 1, group)

    return Wrong


@bug("adamw", "t is counted after it is used: 1 - beta**0 divides by 0")
def adamw_divides_by_zero():
    class Wrong(Steps):
        def direction(self, m, v, t, group):
            beta1, beta2 = (torch.tensor(beta) for beta in group["betas"])
            return m / (1 - beta1 ** (t - 1)) / ((v / (1 - beta2 ** (t - 1))).sqrt() + group["eps"])

    return Wrong


@bug("adamw", "t is 2 at the first step")
def adamw_counts_from_two():
    class Wrong(Steps):
        def direction(self, m, v, t, group):
            return super().direction(m, v, t + 1, group)

    return Wrong


@bug("adamw", "the moments are not corrected")
def adamw_uncorrected():
    class Wrong(Steps):
        def direction(self, m, v, t, group):
            return m / (v.sqrt() + group["eps"])

    return Wrong


@bug("adamw", "only m is corrected")
def adamw_v_uncorrected():
    class Wrong(Steps):
        def direction(self, m, v, t, group):
            return m / (1 - group["betas"][0] ** t) / (v.sqrt() + group["eps"])

    return Wrong


@bug("adamw", "only v is corrected")
def adamw_m_uncorrected():
    class Wrong(Steps):
        def direction(self, m, v, t, group):
            return m / ((v / (1 - group["betas"][1] ** t)).sqrt() + group["eps"])

    return Wrong


@bug("adamw", "v is corrected with beta1")
def adamw_one_correction():
    class Wrong(Steps):
        def direction(self, m, v, t, group):
            beta1 = group["betas"][0]
            return super().direction(m, v, t, group | {"betas": (beta1, beta1)})

    return Wrong


@bug("adamw", "the correction is 1 - beta * t, not a power")
def adamw_correction_not_a_power():
    class Wrong(Steps):
        def direction(self, m, v, t, group):
            beta1, beta2 = group["betas"]
            root = (v / max(1 - beta2 * t, 1e-3)).sqrt()
            return m / max(1 - beta1 * t, 1e-3) / (root + group["eps"])

    return Wrong


@bug("adamw", "v is corrected outside its root")
def adamw_correction_outside_root():
    class Wrong(Steps):
        def direction(self, m, v, t, group):
            beta1, beta2 = group["betas"]
            return m / (1 - beta1**t) / (v.sqrt() / (1 - beta2**t) + group["eps"])

    return Wrong


@bug("adamw", "the corrected moments are remembered, and corrected again")
def adamw_correction_remembered():
    class Wrong(Steps):
        def direction(self, m, v, t, group):
            beta1, beta2 = group["betas"]
            m.div_(1 - beta1**t)
            v.div_(1 - beta2**t)
            return m / (v.sqrt() + group["eps"])

    return Wrong


@bug("adamw", "the correction ends after 100 steps")
def adamw_correction_ends():
    class Wrong(Steps):
        def direction(self, m, v, t, group):
            return super().direction(m, v, t if t <= 100 else 10**9, group)

    return Wrong


@bug("adamw", "the betas are swapped")
def adamw_betas_swapped():
    class Wrong(Steps):
        def options(self, group):
            return group | {"betas": group["betas"][::-1]}

    return Wrong


@bug("adamw", "the moments weigh the gradient with beta, and themselves with 1 - beta")
def adamw_weights_swapped():
    class Wrong(Steps):
        def moments(self, g, state, beta1, beta2):
            super().moments(g, state, 1 - beta1, 1 - beta2)

    return Wrong


@bug("adamw", "m adds the whole gradient, as momentum does")
def adamw_m_is_a_sum():
    class Wrong(Steps):
        def moments(self, g, state, beta1, beta2):
            super().moments(g, state, beta1, beta2)
            state["m"].add_(beta1 * g)

    return Wrong


@bug("adamw", "v averages |g| instead of g²")
def adamw_v_of_sizes():
    class Wrong(Steps):
        def moments(self, g, state, beta1, beta2):
            state["m"].lerp_(g, 1 - beta1)
            state["v"].lerp_(g.abs(), 1 - beta2)

    return Wrong


@bug("adamw", "v averages m² instead of g²")
def adamw_v_of_m():
    class Wrong(Steps):
        def moments(self, g, state, beta1, beta2):
            state["m"].lerp_(g, 1 - beta1)
            state["v"].lerp_(state["m"].square(), 1 - beta2)

    return Wrong


@bug("adamw", "the variance is averaged: the mean is subtracted before squaring")
def adamw_v_centred():
    class Wrong(Steps):
        def moments(self, g, state, beta1, beta2):
            state["v"].lerp_((g - state["m"]).square(), 1 - beta2)
            state["m"].lerp_(g, 1 - beta1)

    return Wrong


@bug("adamw", "v keeps its largest value, as in AMSGrad")
def adamw_amsgrad():
    class Wrong(Steps):
        def direction(self, m, v, t, group):
            key = id(v)
            self.tops = getattr(self, "tops", {})
            self.tops[key] = torch.maximum(v, self.tops.get(key, v)).clone()
            return super().direction(m, self.tops[key], t, group)

    return Wrong


@bug("adamw", "the step divides by v, not by its root")
def adamw_without_root():
    class Wrong(Steps):
        def direction(self, m, v, t, group):
            beta1, beta2 = group["betas"]
            return m / (1 - beta1**t) / (v / (1 - beta2**t) + group["eps"])

    return Wrong


@bug("adamw", "m starts as the first gradient")
def adamw_m_starts_as_gradient():
    class Wrong(Steps):
        def moments(self, g, state, beta1, beta2):
            if state["t"] == 1:
                state["m"].copy_(g)
            super().moments(g, state, beta1, beta2)

    return Wrong


@bug("adamw", "v starts at 1")
def adamw_v_starts_at_one():
    class Wrong(Steps):
        def memory(self, w):
            new = not self.state[w]
            state = super().memory(w)
            if new:
                state["v"].fill_(1)
            return state

    return Wrong


@bug("adamw", "m and v are one tensor")
def adamw_moments_share_memory():
    class Wrong(Steps):
        def memory(self, w):
            state = super().memory(w)
            if not state["t"]:
                state["v"] = state["m"]
            return state

    return Wrong


@bug("adamw", "the direction is the sign of m, as in Lion")
def adamw_sign():
    class Wrong(Steps):
        def direction(self, m, v, t, group):
            return m.sign()

    return Wrong


@bug("adamw", "Nesterov's momentum is used, as in NAdam")
def adamw_nesterov():
    class Wrong(Steps):
        def move(self, w, g, state, group):
            beta1 = group["betas"][0]
            t = self.count(state)
            self.decay(w, g, group, t)
            self.moments(g, state, *group["betas"])
            m = beta1 * state["m"] + (1 - beta1) * g
            w.sub_(group["lr"] * self.direction(m, state["v"], t, group))

    return Wrong


@bug("adamw", "the decay is added to the gradient, as L2 regularization")
def adamw_l2():
    class Wrong(Steps):
        def move(self, w, g, state, group):
            super().move(w, g + group["weight_decay"] * w, state, group)

        def decay(self, w, g, group, t):
            pass

    return Wrong


@bug("adamw", "the decay is added to m only, and divided by the root of v")
def adamw_decay_adapted():
    class Wrong(Steps):
        def move(self, w, g, state, group):
            t = self.count(state)
            self.moments(g, state, *group["betas"])
            beta1 = group["betas"][0]
            m = state["m"] + group["weight_decay"] * (1 - beta1**t) * w
            w.sub_(group["lr"] * self.direction(m, state["v"], t, group))

    return Wrong


@bug("adamw", "the decay is not multiplied by the learning rate")
def adamw_decay_without_rate():
    class Wrong(Steps):
        def decay(self, w, g, group, t):
            w.mul_(1 - group["weight_decay"])

    return Wrong


@bug("adamw", "weights do not decay")
def adamw_without_decay():
    class Wrong(Steps):
        def decay(self, w, g, group, t):
            pass

    return Wrong


@bug("adamw", "the decay comes after the step, and shrinks it too")
def adamw_decay_after():
    class Wrong(Steps):
        def move(self, w, g, state, group):
            super().move(w, g, state, group)
            w.mul_(1 - group["lr"] * group["weight_decay"])

        def decay(self, w, g, group, t):
            pass

    return Wrong


@bug("adamw", "the decay uses the bias-corrected step size")
def adamw_decay_with_corrected_rate():
    class Wrong(Steps):
        def decay(self, w, g, group, t):
            beta1, beta2 = group["betas"]
            rate = group["lr"] * math.sqrt(1 - beta2**t) / (1 - beta1**t)
            w.mul_(1 - rate * group["weight_decay"])

    return Wrong


@bug("adamw", "the decay uses the learning rate of the constructor")
def adamw_decay_with_first_rate():
    class Wrong(Steps):
        def decay(self, w, g, group, t):
            w.mul_(1 - self.defaults["lr"] * group["weight_decay"])

    return Wrong


@bug("adamw", "the decay makes weights grow")
def adamw_decay_grows():
    class Wrong(Steps):
        def decay(self, w, g, group, t):
            w.mul_(1 + group["lr"] * group["weight_decay"])

    return Wrong


@bug("adamw", "the decay pulls on the size 1 of each weight, as an L1 penalty does")
def adamw_decay_of_sign():
    class Wrong(Steps):
        def decay(self, w, g, group, t):
            w.sub_(group["lr"] * group["weight_decay"] * w.sign())

    return Wrong


@bug("adamw", "biases and norms do not decay, whatever their group says")
def adamw_decay_of_matrices_only():
    class Wrong(Steps):
        def decay(self, w, g, group, t):
            if w.ndim >= 2:
                super().decay(w, g, group, t)

    return Wrong


@bug("adamw", "weights decay only where their gradient is not 0")
def adamw_decay_where_gradient():
    class Wrong(Steps):
        def decay(self, w, g, group, t):
            if g.any():
                super().decay(w, g, group, t)

    return Wrong


def frozen_option(name):
    """A class whose groups are updated with the constructor's value of one option."""

    class Wrong(Steps):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.first = [group[name] for group in self.param_groups]

        def add_param_group(self, group):
            super().add_param_group(group)
            if hasattr(self, "first"):
                self.first.append(self.param_groups[-1][name])

        def options(self, group):
            number = next(i for i, g in enumerate(self.param_groups) if g is group)
            return group | {name: self.first[number]}

        def load_state_dict(self, state):
            super().load_state_dict(state)
            self.first = [group[name] for group in self.param_groups]

    return Wrong


@bug("adamw", "the learning rate is that of the constructor, whatever a scheduler sets")
def adamw_rate_frozen():
    return frozen_option("lr")


@bug("adamw", "weight_decay is that of the constructor, whatever is set later")
def adamw_decay_frozen():
    return frozen_option("weight_decay")


@bug("adamw", "the betas are those of the constructor, whatever is set later")
def adamw_betas_frozen():
    return frozen_option("betas")


@bug("adamw", "eps is that of the constructor, whatever is set later")
def adamw_eps_frozen():
    return frozen_option("eps")


@bug("adamw", "all groups use the options of the first")
def adamw_first_group():
    class Wrong(Steps):
        def options(self, group):
            return self.param_groups[0]

    return Wrong


@bug("adamw", "all groups use the options of the last")
def adamw_last_group():
    class Wrong(Steps):
        def options(self, group):
            return self.param_groups[-1]

    return Wrong


@bug("adamw", "all groups use the learning rate of the first")
def adamw_first_rate():
    class Wrong(Steps):
        def options(self, group):
            return group | {"lr": self.param_groups[0]["lr"]}

    return Wrong


@bug("adamw", "all groups use the betas of the first")
def adamw_first_betas():
    class Wrong(Steps):
        def options(self, group):
            return group | {"betas": self.param_groups[0]["betas"]}

    return Wrong


@bug("adamw", "all groups use the weight_decay of the first")
def adamw_first_decay():
    class Wrong(Steps):
        def options(self, group):
            return group | {"weight_decay": self.param_groups[0]["weight_decay"]}

    return Wrong


@bug("adamw", "the options of groups are ignored: those of the constructor count")
def adamw_constructor_options():
    class Wrong(Steps):
        def options(self, group):
            return group | {n: self.defaults[n] for n in ("lr", "betas", "eps", "weight_decay")}

    return Wrong


@bug("adamw", "the betas are always 0.9 and 0.999")
def adamw_betas_fixed():
    class Wrong(Steps):
        def options(self, group):
            return group | {"betas": (0.9, 0.999)}

    return Wrong


@bug("adamw", "weight_decay is always 0.01")
def adamw_decay_fixed():
    class Wrong(Steps):
        def options(self, group):
            return group | {"weight_decay": 0.01}

    return Wrong


@bug("adamw", "only the first group is updated")
def adamw_only_first_group():
    class Wrong(Steps):
        def step(self, closure=None):
            groups, self.param_groups = self.param_groups, self.param_groups[:1]
            loss = super().step(closure)
            self.param_groups = groups
            return loss

    return Wrong


@bug("adamw", "a parameter whose grad is None is an error")
def adamw_none_crashes():
    class Wrong(Steps):
        def missing(self, w, group):
            self.move(w, w.grad, self.memory(w), group)

    return Wrong


@bug("adamw", "a missing gradient is taken as zeros: moments go on, weights decay")
def adamw_none_as_zeros():
    class Wrong(Steps):
        def missing(self, w, group):
            self.move(w, torch.zeros_like(w), self.memory(w), group)

    return Wrong


@bug("adamw", "a parameter without gradient decays all the same")
def adamw_none_decays():
    class Wrong(Steps):
        def missing(self, w, group):
            self.decay(w, None, group, 1)

    return Wrong


@bug("adamw", "a parameter without gradient counts the step all the same")
def adamw_none_counts():
    class Wrong(Steps):
        def missing(self, w, group):
            self.count(self.memory(w))

    return Wrong


@bug("adamw", "the first missing gradient ends the step for all that come after")
def adamw_none_ends_the_step():
    class Wrong(Steps):
        @torch.no_grad()
        def step(self, closure=None):
            loss = self.evaluate(closure) if closure is not None else None
            for group in self.param_groups:
                for w in group["params"]:
                    if w.grad is None:
                        return loss
                    self.move(w, w.grad, self.memory(w), group)
            return loss

    return Wrong


@bug("adamw", "one t counts the steps of all parameters, present or not")
def adamw_one_counter():
    class Wrong(Steps):
        def step(self, closure=None):
            self.param_groups[0]["t"] = self.param_groups[0].get("t", 0) + 1
            return super().step(closure)

        def count(self, state):
            return self.param_groups[0]["t"]

    return Wrong


@bug("adamw", "one t counts up with every parameter that is updated")
def adamw_counter_runs():
    class Wrong(Steps):
        def count(self, state):
            group = self.param_groups[0]
            group["t"] = group.get("t", 0) + 1
            return group["t"]

    return Wrong


@bug("adamw", "t is an attribute, which no state_dict remembers")
def adamw_counter_not_saved():
    class Wrong(Steps):
        def count(self, state):
            self.counts = getattr(self, "counts", {})
            self.counts[id(state["m"])] = self.counts.get(id(state["m"]), 0) + 1
            state["t"] = self.counts[id(state["m"])]
            return state["t"]

    return Wrong


@bug("adamw", "the moments are kept beside the state, and no state_dict remembers them")
def adamw_moments_not_saved():
    class Wrong(Steps):
        def memory(self, w):
            self.own = getattr(self, "own", {})
            if w not in self.own:
                self.own[w] = {"t": 0, "m": torch.zeros_like(w), "v": torch.zeros_like(w)}
            return self.own[w]

    return Wrong


@bug("adamw", "only m is kept in the state, v beside it")
def adamw_v_not_saved():
    class Wrong(Steps):
        def memory(self, w):
            state = self.state[w]
            if not state:
                state.update(t=0, m=torch.zeros_like(w))
            self.own = getattr(self, "own", {})
            state["v"] = self.own.setdefault(w, torch.zeros_like(w))
            return state

    return Wrong


@bug("adamw", "state_dict holds only the options")
def adamw_state_left_out():
    class Wrong(Steps):
        def state_dict(self):
            return super().state_dict() | {"state": {}}

    return Wrong


@bug("adamw", "loading a state_dict brings the options back, not the state")
def adamw_state_not_loaded():
    class Wrong(Steps):
        def load_state_dict(self, state_dict):
            super().load_state_dict(state_dict | {"state": {}})

    return Wrong


@bug("adamw", "loading a state_dict leaves the options of the constructor")
def adamw_options_not_loaded():
    class Wrong(Steps):
        def load_state_dict(self, state_dict):
            own = [{k: v for k, v in g.items() if k != "params"} for g in self.param_groups]
            super().load_state_dict(state_dict)
            for group, options in zip(self.param_groups, own, strict=True):
                group.update(options)

    return Wrong


@bug("adamw", "loading a state_dict restarts the count")
def adamw_count_restarts():
    class Wrong(Steps):
        def load_state_dict(self, state_dict):
            state = copy.deepcopy(state_dict)
            for entry in state["state"].values():
                entry["t"] = 0
            super().load_state_dict(state)

    return Wrong


@bug("adamw", "the state holds an iterator, which no file can keep")
def adamw_state_not_plain():
    class Wrong(Steps):
        def count(self, state):
            if not isinstance(state["t"], itertools.count):
                state["t"] = itertools.count(1)
            return next(state["t"])

    return Wrong


@bug("adamw", "the gradients are multiplied in place")
def adamw_changes_gradients():
    class Wrong(Steps):
        def moments(self, g, state, beta1, beta2):
            state["m"].mul_(beta1).add_(g, alpha=1 - beta1)
            state["v"].mul_(beta2).add_(g.mul_(g), alpha=1 - beta2)

    return Wrong


@bug("adamw", "m is the first gradient's own tensor, which the next backward pass fills anew")
def adamw_m_is_the_gradient():
    class Wrong(Steps):
        def memory(self, w):
            new = not self.state[w]
            state = super().memory(w)
            if new:
                w.grad.mul_(1 - self.param_groups[0]["betas"][0])
                state["m"] = w.grad
            return state

        def moments(self, g, state, beta1, beta2):
            if state["t"] == 1:
                state["v"].add_((1 - beta2) * (g / (1 - beta1)).square())
            else:
                super().moments(g, state, beta1, beta2)

    return Wrong


@bug("adamw", "step clears the gradients")
def adamw_clears_gradients():
    class Wrong(Steps):
        def step(self, closure=None):
            loss = super().step(closure)
            for group in self.param_groups:
                for w in group["params"]:
                    w.grad = torch.zeros_like(w)
            return loss

    return Wrong


@bug("adamw", "gradients are clipped to the norm 1 inside the step")
def adamw_clips():
    class Wrong(Steps):
        def move(self, w, g, state, group):
            super().move(w, g / max(1.0, g.norm().item()), state, group)

    return Wrong


@bug("adamw", "the memory of a weight is replaced: views of it see nothing")
def adamw_replaces_memory():
    class Wrong(Steps):
        def move(self, w, g, state, group):
            w.data = w.data.clone()
            super().move(w, g, state, group)

    return Wrong


@bug("adamw", "the parameters are replaced by new ones")
def adamw_replaces_parameters():
    class Wrong(Steps):
        def step(self, closure=None):
            loss = super().step(closure)
            for group in self.param_groups:
                for i, w in enumerate(group["params"]):
                    new = w.detach().clone().requires_grad_()
                    self.state[new] = self.state.pop(w, {})
                    group["params"][i] = new
            return loss

    return Wrong


@bug("adamw", "the moments are float32, whatever the weight is")
def adamw_moments_in_float32():
    class Wrong(Steps):
        def memory(self, w):
            new = not self.state[w]
            state = super().memory(w)
            if new:
                state.update(m=state["m"].float(), v=state["v"].float())
            return state

        def moments(self, g, state, beta1, beta2):
            super().moments(g.float(), state, beta1, beta2)

        def move(self, w, g, state, group):
            t = self.count(state)
            self.decay(w, g, group, t)
            self.moments(g, state, *group["betas"])
            w.sub_((group["lr"] * self.direction(state["m"], state["v"], t, group)).to(w.dtype))

    return Wrong


@bug("adamw", "float64 weights are updated in float32")
def adamw_through_float32():
    class Wrong(Steps):
        def direction(self, m, v, t, group):
            return super().direction(m.float(), v.float(), t, group).to(m.dtype)

    return Wrong


@bug("adamw", "the weights become float32")
def adamw_weights_to_float32():
    class Wrong(Steps):
        def move(self, w, g, state, group):
            super().move(w, g, state, group)
            w.data = w.data.float()
            w.grad = None

    return Wrong


@bug("adamw", "the closure is ignored")
def adamw_ignores_closure():
    class Wrong(Steps):
        def evaluate(self, closure):
            return None

    return Wrong


@bug("adamw", "the closure is called without gradients")
def adamw_closure_without_gradients():
    class Wrong(Steps):
        def evaluate(self, closure):
            with torch.no_grad():
                return closure()

    return Wrong


@bug("adamw", "the closure is called twice")
def adamw_closure_twice():
    class Wrong(Steps):
        @torch.enable_grad()
        def evaluate(self, closure):
            closure()
            return closure()

    return Wrong


@bug("adamw", "the closure is called after the update")
def adamw_closure_last():
    class Wrong(Steps):
        def step(self, closure=None):
            super().step()
            return self.evaluate(closure) if closure is not None else None

    return Wrong


@bug("adamw", "step does not return the closure's loss")
def adamw_loss_not_returned():
    class Wrong(Steps):
        def step(self, closure=None):
            super().step(closure)

    return Wrong


@bug("adamw", "step returns the loss as 0 where there is no closure")
def adamw_returns_zero():
    class Wrong(Steps):
        def step(self, closure=None):
            loss = super().step(closure)
            return 0 if loss is None else loss

    return Wrong


@bug("adamw", "the parameters are listed once: a group that joins later is not updated")
def adamw_groups_frozen():
    class Wrong(Steps):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.first = len(self.param_groups)

        def step(self, closure=None):
            groups, self.param_groups = self.param_groups, self.param_groups[: self.first]
            loss = super().step(closure)
            self.param_groups = groups
            return loss

    return Wrong


@bug("adamw", "the parameters are walked through before torch does, and a generator is empty then")
def adamw_walks_twice():
    class Wrong(Steps):
        def __init__(self, params, **options):
            self.size = sum(1 for _ in params)
            super().__init__(params, **options)

    return Wrong


@bug("adamw", "the moments are made for all parameters at once, and none for a later group")
def adamw_moments_made_at_once():
    class Wrong(Steps):
        def __init__(self, params, **options):
            super().__init__(params, **options)
            for group in self.param_groups:
                for w in group["params"]:
                    super().memory(w)

        def memory(self, w):
            if "t" not in self.state[w]:
                raise KeyError("t")
            return self.state[w]

    return Wrong


@bug("adamw", "the moments belong to the class: optimizers of equal shapes share them")
def adamw_moments_of_the_class():
    shared = {}

    class Wrong(Steps):
        def memory(self, w):
            state = super().memory(w)
            first = shared.setdefault(w.shape, state)
            state.update(m=first["m"], v=first["v"])
            return state

    return Wrong


@bug("adamw", "moments are found by the shape of a weight: two of one shape share them")
def adamw_moments_by_shape():
    class Wrong(Steps):
        def memory(self, w):
            if self.state[w]:
                return self.state[w]
            state = super().memory(w)
            self.shapes = getattr(self, "shapes", {})
            first = self.shapes.setdefault(w.shape, state)
            state.update(m=first["m"], v=first["v"])
            return state

    return Wrong


@bug("adamw", "an inf or NaN in a gradient is replaced by 0")
def adamw_cleans_gradients():
    class Wrong(Steps):
        def move(self, w, g, state, group):
            super().move(w, g.nan_to_num(0.0, 0.0, 0.0), state, group)

    return Wrong


@bug("adamw", "a parameter whose gradient has an inf or NaN is skipped")
def adamw_skips_broken():
    class Wrong(Steps):
        def move(self, w, g, state, group):
            if g.isfinite().all():
                super().move(w, g, state, group)

    return Wrong


@bug("adamw", "where the learning rate is 0, the moments are not updated")
def adamw_skips_without_rate():
    class Wrong(Steps):
        def move(self, w, g, state, group):
            if group["lr"]:
                super().move(w, g, state, group)

    return Wrong


@bug("adamw", "options of 0 fall back to the constructor's")
def adamw_zero_is_default():
    class Wrong(Steps):
        def options(self, group):
            names = ("lr", "eps", "weight_decay")
            return group | {n: group[n] or self.defaults[n] for n in names}

    return Wrong


@bug("adamw", "an eps of 0 is taken as 1e-8")
def adamw_eps_of_zero():
    class Wrong(Steps):
        def options(self, group):
            return group | {"eps": group["eps"] or 1e-8}

    return Wrong


@bug("adamw", "the t of a group's first parameter counts for all of the group")
def adamw_counter_of_first():
    class Wrong(Steps):
        def move(self, w, g, state, group):
            first = next((s for s in self.state.values() if s), state)
            super().move(w, g, state, group)
            state["t"] = first["t"]

    return Wrong


@bug("adamw", "the closure is called once per group")
def adamw_closure_per_group():
    class Wrong(Steps):
        def evaluate(self, closure):
            for _ in self.param_groups:
                loss = super().evaluate(closure)
            return loss

    return Wrong


@bug("adamw", "zero_grad clears only the first group")
def adamw_zero_grad_of_first():
    class Wrong(Steps):
        def zero_grad(self, set_to_none=True):
            for w in self.param_groups[0]["params"]:
                w.grad = None

    return Wrong


@bug("adamw", "numbers are read in the order of memory")
def adamw_in_order_of_memory():
    class Wrong(Steps):
        def move(self, w, g, state, group):
            if g.numel() and g.stride() != w.stride():
                flat = torch.as_strided(g, (g.numel(),), (1,))
                g = torch.as_strided(flat, w.shape, w.stride())
            super().move(w, g, state, group)

    return Wrong


@bug("adamw", "weight and moments hang on the gradients' graph")
def adamw_builds_a_graph():
    class Wrong(Steps):
        @torch.enable_grad()
        def moments(self, g, state, beta1, beta2):
            state["m"] = beta1 * state["m"] + (1 - beta1) * g
            state["v"] = beta2 * state["v"] + (1 - beta2) * g * g

    return Wrong


@bug("adamw", "the class is no torch.optim.Optimizer")
def adamw_is_no_optimizer():
    class Wrong:
        def __init__(self, params, **options):
            self.inner = Steps(params, **options)
            self.param_groups = self.inner.param_groups

        def step(self, closure=None):
            return self.inner.step(closure)

        def zero_grad(self):
            self.inner.zero_grad()

        def state_dict(self):
            return self.inner.state_dict()

        def load_state_dict(self, state):
            self.inner.load_state_dict(state)
            self.param_groups = self.inner.param_groups

        def add_param_group(self, group):
            self.inner.add_param_group(group)

        @property
        def state(self):
            return self.inner.state

    return Wrong


@bug("adamw", "zero_grad does nothing")
def adamw_zero_grad_missing():
    class Wrong(Steps):
        def zero_grad(self, set_to_none=True):
            pass

    return Wrong


def unchecked(part):
    """A class that does not check some of its options; what torch's loops take passes."""

    class Wrong(Steps):
        def check(self, lr, betas, eps, weight_decay):
            options = {"lr": lr, "beta1": betas[0], "beta2": betas[1], "eps": eps}
            options |= {"weight_decay": weight_decay}
            for name, value in options.items():
                if value < 0 and (name, "below") != part:
                    raise ValueError(name)
                if "beta" in name and value >= 1 and (name, "above") != part:
                    raise ValueError(name)

    return Wrong


@bug("adamw", "a negative learning rate is accepted")
def adamw_negative_rate():
    return unchecked(("lr", "below"))


@bug("adamw", "a negative eps is accepted")
def adamw_negative_eps():
    return unchecked(("eps", "below"))


@bug("adamw", "a negative weight_decay is accepted")
def adamw_negative_decay():
    return unchecked(("weight_decay", "below"))


@bug("adamw", "a negative beta1 is accepted")
def adamw_negative_beta1():
    return unchecked(("beta1", "below"))


@bug("adamw", "a negative beta2 is accepted")
def adamw_negative_beta2():
    return unchecked(("beta2", "below"))


@bug("adamw", "a beta1 of 1 is accepted")
def adamw_beta1_of_one():
    return unchecked(("beta1", "above"))


@bug("adamw", "a beta2 of 1 is accepted")
def adamw_beta2_of_one():
    return unchecked(("beta2", "above"))


@bug("adamw", "options of 0 are refused")
def adamw_zero_refused():
    class Wrong(Steps):
        def check(self, lr, betas, eps, weight_decay):
            if min(lr, eps, weight_decay, *betas) <= 0 or max(betas) >= 1:
                raise ValueError("options out of range")

    return Wrong


@bug("adamw", "learning rates above 1 are refused")
def adamw_large_rate_refused():
    class Wrong(Steps):
        def check(self, lr, betas, eps, weight_decay):
            super().check(lr, betas, eps, weight_decay)
            if lr > 1:
                raise ValueError("lr")

    return Wrong


@bug("adamw", "the default of weight_decay is 0, as in Adam")
def adamw_default_decay():
    class Wrong(Steps):
        def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
            super().__init__(params, lr, betas, eps, weight_decay)

    return Wrong


@bug("adamw", "the default betas are those of language models, 0.9 and 0.95")
def adamw_default_betas():
    class Wrong(Steps):
        def __init__(self, params, lr=1e-3, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.01):
            super().__init__(params, lr, betas, eps, weight_decay)

    return Wrong


@bug("adamw", "step returns the loss as a Python number")
def adamw_returns_number():
    class Wrong(Steps):
        def step(self, closure=None):
            loss = super().step(closure)
            return loss.item() if isinstance(loss, torch.Tensor) else loss

    return Wrong


@bug("adamw", "step returns a copy of the loss, cut off its graph")
def adamw_returns_detached():
    class Wrong(Steps):
        def step(self, closure=None):
            loss = super().step(closure)
            return loss.detach() if isinstance(loss, torch.Tensor) else loss

    return Wrong


@bug("adamw", "the closure is called with gradients on or off as they are outside")
def adamw_closure_as_outside():
    class Wrong(Steps):
        def step(self, closure=None):
            loss = closure() if closure is not None else None
            super().step()
            return loss

    return Wrong


@bug("adamw", "the options are read before the closure is called")
def adamw_options_before_closure():
    class Wrong(Steps):
        def step(self, closure=None):
            self.before = [dict(group) for group in self.param_groups]
            return super().step(closure)

        def options(self, group):
            number = next(i for i, now in enumerate(self.param_groups) if now is group)
            return self.before[number]

    return Wrong


@bug("adamw", "step calls its argument by another name than closure")
def adamw_closure_by_another_name():
    class Wrong(Steps):
        def step(self, function=None):
            return super().step(function)

    return Wrong


@bug("adamw", "by position, weight_decay comes before eps")
def adamw_other_order():
    class Wrong(Steps):
        def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), weight_decay=0.01, eps=1e-8):
            super().__init__(params, lr, betas, eps, weight_decay)

    return Wrong


@bug("adamw", "t is a tensor of the weight's dtype: 1 - beta**t is rounded to bfloat16")
def adamw_count_of_weights_dtype():
    class Wrong(Steps):
        def memory(self, w):
            state = super().memory(w)
            state["t"] = torch.as_tensor(state["t"], dtype=w.dtype)
            return state

    return Wrong


@bug("adamw", "beta is a tensor of the weight's dtype: 0.999 is 1 in bfloat16")
def adamw_betas_of_weights_dtype():
    class Wrong(Steps):
        def direction(self, m, v, t, group):
            betas = [torch.tensor(beta, dtype=m.dtype) for beta in group["betas"]]
            return super().direction(m, v, t, group | {"betas": betas})

    return Wrong


@bug("adamw", "t is a tensor, which load_state_dict rounds to the weight's dtype")
def adamw_count_cast_on_loading():
    class Wrong(Steps):
        def count(self, state):
            state["t"] = torch.as_tensor(state["t"]) + 1
            return int(state["t"])

    return Wrong


@bug("adamw", "a frozen weight is skipped, though it has a gradient")
def adamw_skips_frozen():
    class Wrong(Steps):
        def move(self, w, g, state, group):
            if w.requires_grad:
                super().move(w, g, state, group)

    return Wrong


@bug("adamw", "a copy of the weight is kept, and what others write to the weight is lost")
def adamw_keeps_weights():
    class Wrong(Steps):
        def move(self, w, g, state, group):
            self.kept = getattr(self, "kept", {})
            w.copy_(self.kept.get(w, w))
            super().move(w, g, state, group)
            self.kept[w] = w.clone()

    return Wrong


@bug("adamw", "the moments lie on the CPU, wherever the weight lies")
def adamw_moments_on_cpu():
    class Wrong(Steps):
        def memory(self, w):
            state = super().memory(w)
            if w.device.type != "cpu":
                state.update({n: torch.zeros(w.shape, dtype=w.dtype) for n in "mv"})
            return state

        def move(self, w, g, state, group):
            if w.device.type == "cpu":
                super().move(w, g, state, group)

    return Wrong


# --- clip_grad_norm -------------------------------------------------------------------------------


def gradients_of(parameters):
    """The gradients to clip, of distinct parameters."""
    return [p.grad for p in {id(p): p for p in parameters}.values() if p.grad is not None]


def total(gradients):
    """Their norm, as it should be."""
    if not gradients:
        return torch.zeros(())
    wide = [g.detach().to(torch.promote_types(g.dtype, torch.float32)) for g in gradients]
    return torch.cat([g.flatten() for g in wide]).norm()


def scaled(gradients, norm, scale):
    """Clip by a scale that may be wrong, unless the norm is broken."""
    with torch.no_grad():
        if torch.isfinite(norm):
            for g in gradients:
                g.mul_(scale)
    return norm


def checked(max_norm):
    """A limit that is not negative."""
    if max_norm < 0:
        raise ValueError("max_norm")
    return max_norm


@bug("clip_grad_norm", "short gradients are scaled up to the limit")
def clip_scales_up(parameters, max_norm):
    gradients, limit = gradients_of(parameters), checked(max_norm)
    norm = total(gradients)
    return scaled(gradients, norm, min(limit / (norm + 1e-6), 1e30))


@bug("clip_grad_norm", "each parameter is clipped by its own norm")
def clip_each(parameters, max_norm):
    gradients, limit = gradients_of(parameters), checked(max_norm)
    norm = total(gradients)
    for g in gradients:
        scale = min(1.0, (limit / (total([g]) + 1e-6)).item())
        if torch.isfinite(norm):
            g.mul_(scale)
    return norm


@bug("clip_grad_norm", "the numbers are cut off at ±max_norm")
def clip_by_value(parameters, max_norm):
    gradients, limit = gradients_of(parameters), checked(max_norm)
    norm = total(gradients)
    if torch.isfinite(norm):
        for g in gradients:
            g.clamp_(-limit, limit)
    return norm


@bug("clip_grad_norm", "the generator is used up by the norm, and nothing is scaled")
def clip_generator_used_up(parameters, max_norm):
    norms = [p.grad.detach() for p in parameters if p.grad is not None]
    norm = total(norms)
    limit = checked(max_norm)
    return scaled(gradients_of(parameters), norm, min(1.0, (limit / (norm + 1e-6)).item()))


@bug("clip_grad_norm", "new gradients replace the old ones instead of being scaled in place")
def clip_out_of_place(parameters, max_norm):
    distinct = list({id(p): p for p in parameters}.values())
    limit = checked(max_norm)
    norm = total(gradients_of(distinct))
    for p in distinct:
        if p.grad is not None and torch.isfinite(norm):
            p.grad = p.grad * min(1.0, (limit / (norm + 1e-6)).item())
    return norm


@bug("clip_grad_norm", "a parameter whose grad is None is an error")
def clip_none_crashes(parameters, max_norm):
    parameters = list(parameters)
    [p.grad.shape for p in parameters]
    return clip_grad_norm(parameters, max_norm)


@bug("clip_grad_norm", "an inf or NaN in the norm spreads to all gradients")
def clip_spreads_nan(parameters, max_norm):
    gradients, limit = gradients_of(parameters), checked(max_norm)
    norm = total(gradients)
    with torch.no_grad():
        for g in gradients:
            g.mul_(torch.clamp(limit / (norm + 1e-6), max=1.0))
    return norm


@bug("clip_grad_norm", "a norm of inf silences the gradients that are not broken")
def clip_inf_silences(parameters, max_norm):
    gradients = gradients_of(parameters)
    norm = total(gradients)
    scale = min(1.0, checked(max_norm) / (norm.item() + 1e-6))
    with torch.no_grad():
        for g in gradients:
            g.mul_(scale)
    return norm


@bug("clip_grad_norm", "a norm of inf or NaN is an error")
def clip_broken_is_an_error(parameters, max_norm):
    norm = clip_grad_norm(parameters, max_norm)
    if not torch.isfinite(norm):
        raise RuntimeError("the norm is not finite")
    return norm


@bug("clip_grad_norm", "an inf or NaN in a gradient is replaced by 0")
def clip_cleans(parameters, max_norm):
    parameters = list(parameters)
    norm = clip_grad_norm(parameters, max_norm)
    for g in gradients_of(parameters):
        torch.nan_to_num_(g, 0.0, 0.0, 0.0)
    return norm


@bug("clip_grad_norm", "an inf or NaN does not show in the norm")
def clip_hides_broken(parameters, max_norm):
    norm = clip_grad_norm(parameters, max_norm)
    return norm if torch.isfinite(norm) else torch.zeros(())


@bug("clip_grad_norm", "the norm is the sum of the sizes, L1")
def clip_l1(parameters, max_norm):
    gradients, limit = gradients_of(parameters), checked(max_norm)
    norm = sum((g.detach().abs().sum() for g in gradients), torch.zeros(()))
    return scaled(gradients, norm, min(1.0, limit / (norm.item() + 1e-6)))


@bug("clip_grad_norm", "the norm is the largest number")
def clip_max(parameters, max_norm):
    gradients, limit = gradients_of(parameters), checked(max_norm)
    sizes = [g.detach().abs().max() for g in gradients if g.numel()]
    norm = torch.stack(sizes).max() if sizes else torch.zeros(())
    return scaled(gradients, norm, min(1.0, limit / (norm.item() + 1e-6)))


@bug("clip_grad_norm", "the norms of the parameters are added up")
def clip_sum_of_norms(parameters, max_norm):
    gradients, limit = gradients_of(parameters), checked(max_norm)
    norm = sum((total([g]) for g in gradients), torch.zeros(()))
    return scaled(gradients, norm, min(1.0, limit / (norm.item() + 1e-6)))


@bug("clip_grad_norm", "the largest norm of a parameter is taken for the norm of all")
def clip_largest_norm(parameters, max_norm):
    gradients, limit = gradients_of(parameters), checked(max_norm)
    norm = max([total([g]) for g in gradients], default=torch.zeros(()))
    return scaled(gradients, norm, min(1.0, limit / (norm.item() + 1e-6)))


@bug("clip_grad_norm", "the root is forgotten")
def clip_without_root(parameters, max_norm):
    gradients, limit = gradients_of(parameters), checked(max_norm)
    norm = total(gradients).square()
    return scaled(gradients, norm, min(1.0, limit / (norm.item() + 1e-6)))


@bug("clip_grad_norm", "the norm is divided by the root of how many numbers there are")
def clip_root_mean_square(parameters, max_norm):
    gradients, limit = gradients_of(parameters), checked(max_norm)
    norm = total(gradients) / max(1, sum(g.numel() for g in gradients)) ** 0.5
    return scaled(gradients, norm, min(1.0, limit / (norm.item() + 1e-6)))


@bug("clip_grad_norm", "the norm after clipping is returned")
def clip_returns_after(parameters, max_norm):
    parameters = list(parameters)
    norm = clip_grad_norm(parameters, max_norm)
    return torch.clamp(norm, max=max_norm) if torch.isfinite(norm) else norm


@bug("clip_grad_norm", "the scale is returned instead of the norm")
def clip_returns_scale(parameters, max_norm):
    norm = clip_grad_norm(parameters, max_norm)
    return torch.clamp(max_norm / (norm + 1e-6), max=1.0) if torch.isfinite(norm) else norm


@bug("clip_grad_norm", "1e-6 is not added to the norm")
def clip_without_eps(parameters, max_norm):
    gradients, limit = gradients_of(parameters), checked(max_norm)
    norm = total(gradients)
    return scaled(gradients, norm, min(1.0, limit / (norm.item() or 1.0)))


@bug("clip_grad_norm", "1e-6 is added to the norm that is returned")
def clip_returns_with_eps(parameters, max_norm):
    return clip_grad_norm(parameters, max_norm) + 1e-6


@bug("clip_grad_norm", "gradients within the limit are divided by 1 + 1e-6 all the same")
def clip_touches_short_ones(parameters, max_norm):
    gradients, limit = gradients_of(parameters), checked(max_norm)
    norm = total(gradients)
    scale = limit / (max(limit, norm.item()) + 1e-6) if limit < math.inf else 1.0
    return scaled(gradients, norm, scale)


@bug("clip_grad_norm", "a parameter that comes twice is counted twice")
def clip_counts_twice(parameters, max_norm):
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm, limit = total(gradients), checked(max_norm)
    distinct = list({id(g): g for g in gradients}.values())
    return scaled(distinct, norm, min(1.0, limit / (norm.item() + 1e-6)))


@bug("clip_grad_norm", "a parameter that comes twice is scaled twice")
def clip_scales_twice(parameters, max_norm):
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm, limit = total(list({id(g): g for g in gradients}.values())), checked(max_norm)
    return scaled(gradients, norm, min(1.0, limit / (norm.item() + 1e-6)))


@bug("clip_grad_norm", "the norm of half precision is computed and rounded in half precision")
def clip_in_half(parameters, max_norm):
    gradients, limit = gradients_of(parameters), checked(max_norm)
    dtype = max((g.dtype for g in gradients), key=lambda d: d.itemsize, default=torch.float32)
    norm = total(gradients).to(dtype)
    return scaled(gradients, norm, min(1.0, limit / (norm.item() + 1e-6)))


@bug("clip_grad_norm", "the norm is always float32, also of float64 gradients")
def clip_in_float32(parameters, max_norm):
    gradients, limit = gradients_of(parameters), checked(max_norm)
    norm = total(gradients).float()
    return scaled(gradients, norm, min(1.0, limit / (norm.item() + 1e-6)))


@bug("clip_grad_norm", "the norm has the dtype of the first gradient")
def clip_dtype_of_first(parameters, max_norm):
    parameters = list(parameters)
    norm, found = clip_grad_norm(parameters, max_norm), gradients_of(parameters)
    wide = torch.promote_types(found[0].dtype, torch.float32) if found else torch.float32
    return norm.to(wide)


@bug("clip_grad_norm", "the norm is a Python number")
def clip_returns_number(parameters, max_norm):
    return clip_grad_norm(parameters, max_norm).item()


@bug("clip_grad_norm", "the norm is a tensor of one axis")
def clip_returns_vector(parameters, max_norm):
    return clip_grad_norm(parameters, max_norm)[None]


@bug("clip_grad_norm", "without gradients there is no norm")
def clip_nothing_is_none(parameters, max_norm):
    parameters = list(parameters)
    return clip_grad_norm(parameters, max_norm) if gradients_of(parameters) else None


@bug("clip_grad_norm", "without gradients nothing can be stacked")
def clip_nothing_crashes(parameters, max_norm):
    parameters = list(parameters)
    torch.stack([g.flatten()[:0].sum() for g in gradients_of(parameters)])
    return clip_grad_norm(parameters, max_norm)


@bug("clip_grad_norm", "a limit of 0 is taken as no limit")
def clip_zero_is_no_limit(parameters, max_norm):
    return clip_grad_norm(parameters, max_norm or math.inf)


@bug("clip_grad_norm", "a limit of 0 is refused")
def clip_zero_refused(parameters, max_norm):
    if max_norm <= 0:
        raise ValueError("max_norm")
    return clip_grad_norm(parameters, max_norm)


@bug("clip_grad_norm", "a negative limit is accepted")
def clip_negative_accepted(parameters, max_norm):
    return clip_grad_norm(parameters, abs(max_norm))


@bug("clip_grad_norm", "frozen parameters are left out, also if they have a gradient")
def clip_without_frozen(parameters, max_norm):
    return clip_grad_norm([p for p in parameters if p.requires_grad], max_norm)


@bug("clip_grad_norm", "missing gradients become zeros")
def clip_fills_missing(parameters, max_norm):
    parameters = list(parameters)
    norm = clip_grad_norm(parameters, max_norm)
    for p in parameters:
        p.grad = torch.zeros_like(p) if p.grad is None else p.grad
    return norm


@bug("clip_grad_norm", "the norm hangs on the graph of the gradients")
def clip_with_graph(parameters, max_norm):
    parameters = list(parameters)
    gradients = gradients_of(parameters)
    norm = clip_grad_norm(parameters, max_norm)
    return norm + sum((0 * g.sum() for g in gradients if g.isfinite().all()), torch.zeros(()))


@bug("clip_grad_norm", "the gradient's numbers are read in the order of memory")
def clip_in_order_of_memory(parameters, max_norm):
    parameters = list(parameters)
    for g in gradients_of(parameters):
        if g.numel() and not g.is_contiguous():
            g.copy_(torch.as_strided(g, g.shape, torch.empty(g.shape).stride()).clone())
    return clip_grad_norm(parameters, max_norm)


@bug("clip_grad_norm", "the norm itself is compared with the limit, without the 1e-6")
def clip_compares_norm(parameters, max_norm):
    gradients, limit = gradients_of(parameters), checked(max_norm)
    norm = total(gradients)
    return scaled(gradients, norm, limit / (norm.item() + 1e-6) if norm > limit else 1.0)


@bug("clip_grad_norm", "gradients of float64 are scaled by a float32")
def clip_scale_in_float32(parameters, max_norm):
    gradients, limit = gradients_of(parameters), checked(max_norm)
    norm = total(gradients)
    return scaled(gradients, norm, (limit / (norm + 1e-6)).clamp(max=1.0).float())


@bug("clip_grad_norm", "without gradients the norm is an integer")
def clip_nothing_is_an_integer(parameters, max_norm):
    parameters = list(parameters)
    norm = clip_grad_norm(parameters, max_norm)
    return norm if gradients_of(parameters) else torch.tensor(0)


@bug("clip_grad_norm", "without gradients a negative limit is accepted")
def clip_nothing_unchecked(parameters, max_norm):
    parameters = list(parameters)
    return clip_grad_norm(parameters, max_norm if gradients_of(parameters) else abs(max_norm))


@bug("clip_grad_norm", "beside a broken gradient a negative limit is accepted")
def clip_broken_unchecked(parameters, max_norm):
    parameters = list(parameters)
    broken = not torch.isfinite(total(gradients_of(parameters)))
    return clip_grad_norm(parameters, abs(max_norm) if broken else max_norm)


@bug("clip_grad_norm", "parameters that begin at one place in memory count once")
def clip_told_by_memory(parameters, max_norm):
    return clip_grad_norm({p.data_ptr(): p for p in parameters}.values(), max_norm)


# --- cosine_schedule ------------------------------------------------------------------------------


def cosine_with(shape):
    """A cosine schedule whose decay is shape(p) instead of (1 + cos πp) / 2."""

    def schedule(step, max_lr, min_lr, warmup, total):
        right = cosine_schedule(step, max_lr, min_lr, warmup, total)
        if not warmup <= step < total:
            return right
        return min_lr + (max_lr - min_lr) * shape((step - warmup) / (total - warmup))

    return schedule


@bug("cosine_schedule", "the warm-up begins at 1 / warmup, not at 0")
def cosine_warmup_ahead(step, max_lr, min_lr, warmup, total):
    right = cosine_schedule(step, max_lr, min_lr, warmup, total)
    return max_lr * (step + 1) / warmup if step < min(warmup, total) else right


@bug("cosine_schedule", "the warm-up rises from min_lr")
def cosine_warmup_from_min(step, max_lr, min_lr, warmup, total):
    right = cosine_schedule(step, max_lr, min_lr, warmup, total)
    return min_lr + (max_lr - min_lr) * step / warmup if step < warmup else right


@bug("cosine_schedule", "the learning rate is never below min_lr, not even in the warm-up")
def cosine_floor(step, max_lr, min_lr, warmup, total):
    right = cosine_schedule(step, max_lr, min_lr, warmup, total)
    return max(right, min_lr) if step < warmup else right


@bug("cosine_schedule", "there is no warm-up: the rate is max_lr from the start")
def cosine_without_warmup(step, max_lr, min_lr, warmup, total):
    right = cosine_schedule(step, max_lr, min_lr, warmup, total)
    return max_lr if step < warmup else right


@bug("cosine_schedule", "the warm-up multiplies a cosine that begins at step 0")
def cosine_of_all_steps(step, max_lr, min_lr, warmup, total):
    cosine_schedule(step, max_lr, min_lr, warmup, total)
    decay = cosine_schedule(step, max_lr, min_lr, 0, total)
    return decay * min(1, step / warmup) if warmup else decay


@bug("cosine_schedule", "the cosine's progress is step / total: it jumps after the warm-up")
def cosine_progress_from_zero(step, max_lr, min_lr, warmup, total):
    right = cosine_schedule(step, max_lr, min_lr, warmup, total)
    return cosine_schedule(step, max_lr, min_lr, 0, total) if warmup <= step else right


@bug("cosine_schedule", "the decay takes total steps after the warm-up")
def cosine_total_after_warmup(step, max_lr, min_lr, warmup, total):
    cosine_schedule(step, max_lr, min_lr, warmup, total)
    return cosine_schedule(step, max_lr, min_lr, warmup, warmup + total)


@bug("cosine_schedule", "min_lr is reached one step early")
def cosine_one_step_early(step, max_lr, min_lr, warmup, total):
    right = cosine_schedule(step, max_lr, min_lr, warmup, total)
    if warmup <= step < total - 1:
        return cosine_schedule(step, max_lr, min_lr, warmup, total - 1)
    return min_lr if step == total - 1 >= warmup + 1 else right


@bug("cosine_schedule", "a whole period of the cosine: the rate rises again")
def cosine_whole_period(step, max_lr, min_lr, warmup, total):
    return cosine_with(lambda p: (1 + math.cos(2 * math.pi * p)) / 2)(
        step, max_lr, min_lr, warmup, total
    )


@bug("cosine_schedule", "a quarter of the period: cos(π p / 2)")
def cosine_quarter(step, max_lr, min_lr, warmup, total):
    return cosine_with(lambda p: math.cos(math.pi * p / 2))(step, max_lr, min_lr, warmup, total)


@bug("cosine_schedule", "the decay is a straight line")
def cosine_is_linear(step, max_lr, min_lr, warmup, total):
    return cosine_with(lambda p: 1 - p)(step, max_lr, min_lr, warmup, total)


@bug("cosine_schedule", "the cosine rises: 1 - cos")
def cosine_rises(step, max_lr, min_lr, warmup, total):
    return cosine_with(lambda p: (1 - math.cos(math.pi * p)) / 2)(
        step, max_lr, min_lr, warmup, total
    )


@bug("cosine_schedule", "the half is forgotten")
def cosine_without_half(step, max_lr, min_lr, warmup, total):
    return cosine_with(lambda p: 1 + math.cos(math.pi * p))(step, max_lr, min_lr, warmup, total)


@bug("cosine_schedule", "the cosine is taken of degrees")
def cosine_in_degrees(step, max_lr, min_lr, warmup, total):
    return cosine_with(lambda p: (1 + math.cos(math.radians(p))) / 2)(
        step, max_lr, min_lr, warmup, total
    )


@bug("cosine_schedule", "the cosine falls to 0, and min_lr is added to it")
def cosine_amplitude(step, max_lr, min_lr, warmup, total):
    right = cosine_schedule(step, max_lr, min_lr, warmup, total)
    if warmup <= step < total:
        return min_lr + cosine_schedule(step, max_lr, 0.0, warmup, total)
    return right


@bug("cosine_schedule", "min_lr is ignored: the cosine falls to 0")
def cosine_to_zero(step, max_lr, min_lr, warmup, total):
    return cosine_schedule(step, max_lr, 0.0, warmup, total)


@bug("cosine_schedule", "after the end the rate is 0")
def cosine_ends_at_zero(step, max_lr, min_lr, warmup, total):
    right = cosine_schedule(step, max_lr, min_lr, warmup, total)
    return right if step <= total else 0.0


@bug("cosine_schedule", "after the end the cosine goes on and rises")
def cosine_goes_on(step, max_lr, min_lr, warmup, total):
    right = cosine_schedule(step, max_lr, min_lr, warmup, total)
    if step <= total or total == warmup:
        return right
    share = (1 + math.cos(math.pi * (step - warmup) / (total - warmup))) / 2
    return min_lr + (max_lr - min_lr) * share


@bug("cosine_schedule", "max_lr is the larger of the two rates")
def cosine_sorts_rates(step, max_lr, min_lr, warmup, total):
    return cosine_schedule(step, max(max_lr, min_lr), min(max_lr, min_lr), warmup, total)


@bug("cosine_schedule", "the rate is rounded to eight decimals")
def cosine_rounds(step, max_lr, min_lr, warmup, total):
    return round(cosine_schedule(step, max_lr, min_lr, warmup, total), 8)


@bug("cosine_schedule", "where total = warmup, the last step is max_lr")
def cosine_empty_decay(step, max_lr, min_lr, warmup, total):
    right = cosine_schedule(step, max_lr, min_lr, warmup, total)
    return max_lr if step == total == warmup else right


@bug("cosine_schedule", "where total = warmup, the progress divides by 0")
def cosine_divides_by_zero(step, max_lr, min_lr, warmup, total):
    right = cosine_schedule(step, max_lr, min_lr, warmup, total)
    if step >= warmup:
        (step - warmup) / (total - warmup)
    return right


@bug("cosine_schedule", "without a warm-up its slope divides by 0")
def cosine_warmup_divides_by_zero(step, max_lr, min_lr, warmup, total):
    right = cosine_schedule(step, max_lr, min_lr, warmup, total)
    step / warmup
    return right


@bug("cosine_schedule", "an empty warm-up and decay are refused")
def cosine_refuses_empty(step, max_lr, min_lr, warmup, total):
    if total <= warmup:
        raise ValueError("total")
    return cosine_schedule(step, max_lr, min_lr, warmup, total)


@bug("cosine_schedule", "a negative step is accepted")
def cosine_negative_step(step, max_lr, min_lr, warmup, total):
    return cosine_schedule(max(step, 0), max_lr, min_lr, warmup, total)


@bug("cosine_schedule", "a negative warm-up is accepted")
def cosine_negative_warmup(step, max_lr, min_lr, warmup, total):
    return cosine_schedule(step, max_lr, min_lr, max(warmup, 0), total)


@bug("cosine_schedule", "a warm-up longer than all is accepted")
def cosine_long_warmup(step, max_lr, min_lr, warmup, total):
    return cosine_schedule(step, max_lr, min_lr, warmup, max(total, warmup))


@bug("cosine_schedule", "phases are checked only while they last")
def cosine_checks_late(step, max_lr, min_lr, warmup, total):
    if step >= total and step >= 0:
        return min_lr
    return cosine_schedule(step, max_lr, min_lr, warmup, total)


# --- wsd_schedule ---------------------------------------------------------------------------------


def wsd_with(shape):
    """A schedule whose decay is shape(p) instead of 1 - p."""

    def schedule(step, max_lr, min_lr, warmup, stable_until, total):
        right = wsd_schedule(step, max_lr, min_lr, warmup, stable_until, total)
        if not stable_until <= step < total:
            return right
        share = shape((step - stable_until) / (total - stable_until))
        return min_lr + (max_lr - min_lr) * share

    return schedule


@bug("wsd_schedule", "the decay is a cosine")
def wsd_cosine(step, max_lr, min_lr, warmup, stable_until, total):
    return wsd_with(lambda p: (1 + math.cos(math.pi * p)) / 2)(
        step, max_lr, min_lr, warmup, stable_until, total
    )


@bug("wsd_schedule", "the decay is 1 - √p")
def wsd_root(step, max_lr, min_lr, warmup, stable_until, total):
    return wsd_with(lambda p: 1 - math.sqrt(p))(step, max_lr, min_lr, warmup, stable_until, total)


@bug("wsd_schedule", "the decay is exponential")
def wsd_exponential(step, max_lr, min_lr, warmup, stable_until, total):
    right = wsd_schedule(step, max_lr, min_lr, warmup, stable_until, total)
    if not stable_until <= step < total or not min_lr or not max_lr:
        return right
    return max_lr * (min_lr / max_lr) ** ((step - stable_until) / (total - stable_until))


@bug("wsd_schedule", "there is no decay before the end")
def wsd_drop(step, max_lr, min_lr, warmup, stable_until, total):
    return wsd_with(lambda p: 1.0)(step, max_lr, min_lr, warmup, stable_until, total)


@bug("wsd_schedule", "min_lr is ignored: the line falls to 0")
def wsd_to_zero(step, max_lr, min_lr, warmup, stable_until, total):
    return wsd_schedule(step, max_lr, 0.0, warmup, stable_until, total)


@bug("wsd_schedule", "the line falls to 0, and min_lr is a floor under it")
def wsd_floor(step, max_lr, min_lr, warmup, stable_until, total):
    right = wsd_schedule(step, max_lr, min_lr, warmup, stable_until, total)
    if stable_until <= step < total:
        return max(wsd_schedule(step, max_lr, 0.0, warmup, stable_until, total), min_lr)
    return right


@bug("wsd_schedule", "the decay starts at the end of the warm-up")
def wsd_without_stable(step, max_lr, min_lr, warmup, stable_until, total):
    wsd_schedule(step, max_lr, min_lr, warmup, stable_until, total)
    return wsd_schedule(step, max_lr, min_lr, warmup, warmup, total)


@bug("wsd_schedule", "stable_until is taken as the length of the stable phase")
def wsd_stable_is_a_length(step, max_lr, min_lr, warmup, stable_until, total):
    wsd_schedule(step, max_lr, min_lr, warmup, stable_until, total)
    until = min(warmup + stable_until, total)
    return wsd_schedule(step, max_lr, min_lr, warmup, until, total)


@bug("wsd_schedule", "total is taken as the length of the decay")
def wsd_total_is_a_length(step, max_lr, min_lr, warmup, stable_until, total):
    wsd_schedule(step, max_lr, min_lr, warmup, stable_until, total)
    return wsd_schedule(step, max_lr, min_lr, warmup, stable_until, stable_until + total)


@bug("wsd_schedule", "the decay's progress is step / total: it jumps")
def wsd_progress_from_zero(step, max_lr, min_lr, warmup, stable_until, total):
    right = wsd_schedule(step, max_lr, min_lr, warmup, stable_until, total)
    if stable_until <= step < total:
        return max_lr - (max_lr - min_lr) * step / total
    return right


@bug("wsd_schedule", "the decay begins one step early")
def wsd_one_step_early(step, max_lr, min_lr, warmup, stable_until, total):
    right = wsd_schedule(step, max_lr, min_lr, warmup, stable_until, total)
    if stable_until <= step < total:
        return wsd_schedule(step + 1, max_lr, min_lr, warmup, stable_until, total)
    return right


@bug("wsd_schedule", "after the end the line goes on below min_lr")
def wsd_goes_on(step, max_lr, min_lr, warmup, stable_until, total):
    right = wsd_schedule(step, max_lr, min_lr, warmup, stable_until, total)
    if step <= total or total == stable_until:
        return right
    return max_lr - (max_lr - min_lr) * (step - stable_until) / (total - stable_until)


@bug("wsd_schedule", "after the end the rate is 0")
def wsd_ends_at_zero(step, max_lr, min_lr, warmup, stable_until, total):
    right = wsd_schedule(step, max_lr, min_lr, warmup, stable_until, total)
    return right if step <= total else 0.0


@bug("wsd_schedule", "the warm-up begins at 1 / warmup, not at 0")
def wsd_warmup_ahead(step, max_lr, min_lr, warmup, stable_until, total):
    right = wsd_schedule(step, max_lr, min_lr, warmup, stable_until, total)
    return max_lr * (step + 1) / warmup if step < warmup else right


@bug("wsd_schedule", "the warm-up rises from min_lr")
def wsd_warmup_from_min(step, max_lr, min_lr, warmup, stable_until, total):
    right = wsd_schedule(step, max_lr, min_lr, warmup, stable_until, total)
    return min_lr + (max_lr - min_lr) * step / warmup if step < warmup else right


@bug("wsd_schedule", "there is no warm-up")
def wsd_without_warmup(step, max_lr, min_lr, warmup, stable_until, total):
    right = wsd_schedule(step, max_lr, min_lr, warmup, stable_until, total)
    return max_lr if step < warmup else right


@bug("wsd_schedule", "without a warm-up its slope divides by 0")
def wsd_warmup_divides_by_zero(step, max_lr, min_lr, warmup, stable_until, total):
    right = wsd_schedule(step, max_lr, min_lr, warmup, stable_until, total)
    step / warmup
    return right


@bug("wsd_schedule", "without a decay its slope divides by 0")
def wsd_decay_divides_by_zero(step, max_lr, min_lr, warmup, stable_until, total):
    right = wsd_schedule(step, max_lr, min_lr, warmup, stable_until, total)
    if step >= stable_until:
        (step - stable_until) / (total - stable_until)
    return right


@bug("wsd_schedule", "where the decay is empty, the last step is max_lr")
def wsd_empty_decay(step, max_lr, min_lr, warmup, stable_until, total):
    right = wsd_schedule(step, max_lr, min_lr, warmup, stable_until, total)
    return max_lr if step == stable_until == total else right


@bug("wsd_schedule", "empty phases are refused")
def wsd_refuses_empty(step, max_lr, min_lr, warmup, stable_until, total):
    if not warmup < stable_until < total:
        raise ValueError("phases")
    return wsd_schedule(step, max_lr, min_lr, warmup, stable_until, total)


@bug("wsd_schedule", "max_lr is the larger of the two rates")
def wsd_sorts_rates(step, max_lr, min_lr, warmup, stable_until, total):
    high, low = max(max_lr, min_lr), min(max_lr, min_lr)
    return wsd_schedule(step, high, low, warmup, stable_until, total)


@bug("wsd_schedule", "a negative step is accepted")
def wsd_negative_step(step, max_lr, min_lr, warmup, stable_until, total):
    return wsd_schedule(max(step, 0), max_lr, min_lr, warmup, stable_until, total)


@bug("wsd_schedule", "a negative warm-up is accepted")
def wsd_negative_warmup(step, max_lr, min_lr, warmup, stable_until, total):
    return wsd_schedule(step, max_lr, min_lr, max(warmup, 0), stable_until, total)


@bug("wsd_schedule", "a stable phase that ends before the warm-up is accepted")
def wsd_early_stable(step, max_lr, min_lr, warmup, stable_until, total):
    return wsd_schedule(step, max_lr, min_lr, min(warmup, stable_until), stable_until, total)


@bug("wsd_schedule", "a stable phase that ends after all is accepted")
def wsd_late_stable(step, max_lr, min_lr, warmup, stable_until, total):
    return wsd_schedule(step, max_lr, min_lr, warmup, min(stable_until, total), total)


@bug("wsd_schedule", "phases are checked only while they last")
def wsd_checks_late(step, max_lr, min_lr, warmup, stable_until, total):
    if step >= total and step >= 0:
        return min_lr
    return wsd_schedule(step, max_lr, min_lr, warmup, stable_until, total)


@bug("wsd_schedule", "past the end, a stable phase that ends after all is accepted")
def wsd_late_stable_past_end(step, max_lr, min_lr, warmup, stable_until, total):
    until = min(stable_until, total) if step >= total else stable_until
    return wsd_schedule(step, max_lr, min_lr, warmup, until, total)


# --- decay_groups ---------------------------------------------------------------------------------


def split(model, weight_decay, decays):
    """Two groups by decays(name, parameter), which may be wrong."""
    if weight_decay < 0:
        raise ValueError("weight_decay")
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    return [
        {"params": [p for n, p in named if decays(n, p)], "weight_decay": weight_decay},
        {"params": [p for n, p in named if not decays(n, p)], "weight_decay": 0.0},
    ]


def embedded(model):
    """Which parameters embeddings hold."""
    return {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}


@bug("decay_groups", "embeddings decay")
def groups_embeddings_decay(model, weight_decay):
    return split(model, weight_decay, lambda n, p: p.ndim >= 2)


@bug("decay_groups", "everything but biases decays, norms too")
def groups_norms_decay(model, weight_decay):
    own = embedded(model)
    return split(model, weight_decay, lambda n, p: not n.endswith("bias") and id(p) not in own)


@bug("decay_groups", "biases decay")
def groups_biases_decay(model, weight_decay):
    own = embedded(model)

    def decays(name, p):
        return (p.ndim >= 2 or name.endswith("bias")) and id(p) not in own

    return split(model, weight_decay, decays)


@bug("decay_groups", "names decide: what is called bias or norm does not decay")
def groups_by_name(model, weight_decay):
    own = embedded(model)

    def decays(name, p):
        called = "bias" in name or "norm" in name
        return p.ndim >= 2 and not called and id(p) not in own

    return split(model, weight_decay, decays)


@bug("decay_groups", "an embedding is told by its name")
def groups_embedding_by_name(model, weight_decay):
    def decays(name, p):
        return p.ndim >= 2 and not ("embed" in name or "tokens" in name)

    return split(model, weight_decay, decays)


@bug("decay_groups", "only matrices decay, no kernels")
def groups_matrices_only(model, weight_decay):
    own = embedded(model)
    return split(model, weight_decay, lambda n, p: p.ndim == 2 and id(p) not in own)


@bug("decay_groups", "only the weights of nn.Linear decay")
def groups_linear_only(model, weight_decay):
    weights = {id(m.weight) for m in model.modules() if isinstance(m, nn.Linear)}
    own = embedded(model)
    return split(model, weight_decay, lambda n, p: id(p) in weights and id(p) not in own)


@bug("decay_groups", "a row of numbers, of shape (1, n), does not decay")
def groups_rows_do_not_decay(model, weight_decay):
    own = embedded(model)
    return split(model, weight_decay, lambda n, p: p.squeeze().ndim >= 2 and id(p) not in own)


@bug("decay_groups", "an embedding's weight decays where a linear layer shares it")
def groups_tied_decays(model, weight_decay):
    weights = {id(m.weight) for m in model.modules() if isinstance(m, nn.Linear)}
    own = embedded(model) - weights
    return split(model, weight_decay, lambda n, p: p.ndim >= 2 and id(p) not in own)


@bug("decay_groups", "a tied parameter bears the name that comes first, and decays by that")
def groups_tied_by_first_name(model, weight_decay):
    first = {}
    for module in model.modules():
        for p in module.parameters(recurse=False):
            first.setdefault(id(p), module)
    return split(
        model,
        weight_decay,
        lambda n, p: p.ndim >= 2 and not isinstance(first[id(p)], nn.Embedding),
    )


@bug("decay_groups", "subclasses of nn.Embedding decay")
def groups_exact_type(model, weight_decay):
    own = {id(m.weight) for m in model.modules() if type(m) is nn.Embedding}
    return split(model, weight_decay, lambda n, p: p.ndim >= 2 and id(p) not in own)


@bug("decay_groups", "norms are told by their type, and do not decay though they have two axes")
def groups_norms_by_type(model, weight_decay):
    own = embedded(model)
    for m in model.modules():
        if isinstance(m, nn.LayerNorm):
            own |= {id(p) for p in m.parameters()}
    return split(model, weight_decay, lambda n, p: p.ndim >= 2 and id(p) not in own)


@bug("decay_groups", "a parameter with two names comes twice")
def groups_tied_twice(model, weight_decay):
    groups = decay_groups(model, weight_decay)
    names = list(model.named_parameters(remove_duplicate=False))
    count = {}
    for _, p in names:
        count[id(p)] = count.get(id(p), 0) + 1
    for group in groups:
        group["params"] = [p for p in group["params"] for _ in range(count[id(p)])]
    return groups


@bug("decay_groups", "a tied parameter is in both groups")
def groups_tied_in_both(model, weight_decay):
    groups = decay_groups(model, weight_decay)
    weights = {id(m.weight) for m in model.modules() if isinstance(m, nn.Linear)}
    groups[0]["params"] += [p for p in groups[1]["params"] if id(p) in weights]
    return groups


@bug("decay_groups", "a tied parameter is left out")
def groups_tied_left_out(model, weight_decay):
    names = [id(p) for _, p in model.named_parameters(remove_duplicate=False)]
    groups = decay_groups(model, weight_decay)
    for group in groups:
        group["params"] = [p for p in group["params"] if names.count(id(p)) == 1]
    return groups


@bug("decay_groups", "frozen parameters are not left out")
def groups_frozen_in(model, weight_decay):
    own = embedded(model)
    decayed, others = [], []
    decay_groups(model, weight_decay)
    for p in model.parameters():
        (decayed if p.ndim >= 2 and id(p) not in own else others).append(p)
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]


@bug("decay_groups", "frozen parameters are among those that do not decay")
def groups_frozen_undecayed(model, weight_decay):
    groups = decay_groups(model, weight_decay)
    groups[1]["params"] += [p for p in model.parameters() if not p.requires_grad]
    return groups


@bug("decay_groups", "the model's own parameters are forgotten, those of no module")
def groups_children_only(model, weight_decay):
    groups = decay_groups(model, weight_decay)
    own = {id(p) for p in model.parameters(recurse=False)}
    for group in groups:
        group["params"] = [p for p in group["params"] if id(p) not in own]
    return groups


@bug("decay_groups", "only the modules on top are looked at, not those inside them")
def groups_top_only(model, weight_decay):
    groups = decay_groups(model, weight_decay)
    top = [model, *model.children()]
    found = {id(p) for m in top for p in m.parameters(recurse=False)}
    for group in groups:
        group["params"] = [p for p in group["params"] if id(p) in found]
    return groups


@bug("decay_groups", "the groups are swapped")
def groups_swapped(model, weight_decay):
    return decay_groups(model, weight_decay)[::-1]


@bug("decay_groups", "the wrong group decays")
def groups_wrong_decay(model, weight_decay):
    first, second = decay_groups(model, weight_decay)
    return [first | {"weight_decay": 0.0}, second | {"weight_decay": weight_decay}]


@bug("decay_groups", "the second group has no weight_decay, and takes the optimizer's")
def groups_without_zero(model, weight_decay):
    first, second = decay_groups(model, weight_decay)
    return [first, {"params": second["params"]}]


@bug("decay_groups", "weight_decay is always 0.1")
def groups_fixed_decay(model, weight_decay):
    first, second = decay_groups(model, weight_decay)
    return [first | {"weight_decay": 0.1}, second]


@bug("decay_groups", "an empty group is left out")
def groups_drop_empty(model, weight_decay):
    return [group for group in decay_groups(model, weight_decay) if group["params"]]


@bug("decay_groups", "without decay there is one group")
def groups_one_without_decay(model, weight_decay):
    first, second = decay_groups(model, weight_decay)
    if weight_decay:
        return [first, second]
    return [{"params": first["params"] + second["params"], "weight_decay": 0.0}]


@bug("decay_groups", "the parameters are sorted by size")
def groups_sorted(model, weight_decay):
    groups = decay_groups(model, weight_decay)
    for group in groups:
        group["params"] = sorted(group["params"], key=lambda p: -p.numel())
    return groups


@bug("decay_groups", "buffers are among the parameters")
def groups_with_buffers(model, weight_decay):
    groups = decay_groups(model, weight_decay)
    groups[0]["params"] = groups[0]["params"] + list(model.buffers())
    return groups


@bug("decay_groups", "the groups hold copies of the parameters")
def groups_copies(model, weight_decay):
    groups = decay_groups(model, weight_decay)
    for group in groups:
        group["params"] = [nn.Parameter(p.detach().clone()) for p in group["params"]]
    return groups


@bug("decay_groups", "a negative weight_decay is accepted")
def groups_negative_accepted(model, weight_decay):
    return decay_groups(model, abs(weight_decay))


def spared(model, weight_decay, own):
    """Two groups by which parameters are taken for embeddings' weights."""
    return split(model, weight_decay, lambda n, p: p.ndim >= 2 and id(p) not in own)


@bug("decay_groups", "embeddings inside other modules decay")
def groups_embeddings_on_top(model, weight_decay):
    top = [model, *model.children()]
    return spared(model, weight_decay, {id(m.weight) for m in top if isinstance(m, nn.Embedding)})


@bug("decay_groups", "a model that is an embedding decays")
def groups_without_the_model(model, weight_decay):
    own = {id(m.weight) for m in list(model.modules())[1:] if isinstance(m, nn.Embedding)}
    return spared(model, weight_decay, own)


@bug("decay_groups", "an nn.EmbeddingBag does not decay")
def groups_bags_spared(model, weight_decay):
    kinds = nn.Embedding | nn.EmbeddingBag
    own = {id(m.weight) for m in model.modules() if isinstance(m, kinds)}
    return spared(model, weight_decay, own)


@bug("decay_groups", "all parameters of an embedding are spared, not its weight alone")
def groups_embeddings_whole(model, weight_decay):
    modules = [m for m in model.modules() if isinstance(m, nn.Embedding)]
    return spared(model, weight_decay, {id(p) for m in modules for p in m.parameters()})


@bug("decay_groups", "an embedding's weight is told by its numbers: what equals it does not decay")
def groups_told_by_numbers(model, weight_decay):
    weights = [m.weight for m in model.modules() if isinstance(m, nn.Embedding)]
    return split(
        model,
        weight_decay,
        lambda n, p: p.ndim >= 2 and not any(torch.equal(p, w) for w in weights),
    )


@bug("decay_groups", "an embedding's weight is told by its place in memory")
def groups_told_by_memory(model, weight_decay):
    places = {m.weight.data_ptr() for m in model.modules() if isinstance(m, nn.Embedding)}
    return split(model, weight_decay, lambda n, p: p.ndim >= 2 and p.data_ptr() not in places)


@bug("decay_groups", "an embedding's weight is told by its name, and not known where a head has it")
def groups_told_by_full_name(model, weight_decay):
    modules = model.named_modules()
    names = {f"{n}.weight".lstrip(".") for n, m in modules if isinstance(m, nn.Embedding)}
    return split(model, weight_decay, lambda n, p: p.ndim >= 2 and n not in names)


@bug("decay_groups", "params are generators, which are empty after one loop")
def groups_of_generators(model, weight_decay):
    groups = decay_groups(model, weight_decay)
    return [group | {"params": (p for p in group["params"])} for group in groups]


@bug("decay_groups", "the groups set a learning rate of their own")
def groups_with_rates(model, weight_decay):
    return [group | {"lr": 1e-3} for group in decay_groups(model, weight_decay)]


# --- muon_orthogonalize ---------------------------------------------------------------------------


def muon_with(coefficients, G, steps, norm=None, eps=1e-7):
    """Newton-Schulz steps with other coefficients or another norm."""
    muon_orthogonalize(G, min(steps, 0))
    X = G.to(torch.promote_types(G.dtype, torch.float32))
    X = X / ((torch.linalg.matrix_norm(X, keepdim=True) if norm is None else norm(X)) + eps)
    a, b, c = coefficients
    for _ in range(steps):
        gram = X @ X.mT
        X = a * X + (b * gram + c * gram @ gram) @ X
    return X.to(G.dtype)


MUON = (3.4445, -4.7750, 2.0315)


@bug("muon_orthogonalize", "the coefficients are 15/8, -10/8 and 3/8, which converge slowly")
def muon_classical(G, steps=5):
    return muon_with((15 / 8, -10 / 8, 3 / 8), G, steps)


@bug("muon_orthogonalize", "the step is cubic: 1.5 X - 0.5 X Xᵀ X")
def muon_cubic(G, steps=5):
    return muon_with((1.5, -0.5, 0.0), G, steps)


@bug("muon_orthogonalize", "the coefficients are 2, -1.5 and 0.5")
def muon_first_coefficients(G, steps=5):
    return muon_with((2.0, -1.5, 0.5), G, steps)


@bug("muon_orthogonalize", "the coefficients are rounded: 3.44, -4.78 and 2.03")
def muon_rounded_coefficients(G, steps=5):
    return muon_with((3.44, -4.78, 2.03), G, steps)


@bug("muon_orthogonalize", "b is added with the wrong sign")
def muon_positive_b(G, steps=5):
    return muon_with((3.4445, 4.7750, 2.0315), G, steps).nan_to_num(0.0, 0.0, 0.0)


@bug("muon_orthogonalize", "b and c are swapped")
def muon_swapped_coefficients(G, steps=5):
    return muon_with((3.4445, 2.0315, -4.7750), G, steps).nan_to_num(0.0, 0.0, 0.0)


@bug("muon_orthogonalize", "G is not divided by its norm")
def muon_not_normalised(G, steps=5):
    return muon_with(MUON, G, steps, lambda X: 1.0, 0.0).nan_to_num(0.0, 0.0, 0.0)


@bug("muon_orthogonalize", "G is divided by its largest singular value")
def muon_spectral_norm(G, steps=5):
    return muon_with(MUON, G, steps, lambda X: torch.linalg.matrix_norm(X, 2, keepdim=True))


@bug("muon_orthogonalize", "G is divided by its largest entry")
def muon_max_norm(G, steps=5):
    return muon_with(MUON, G, steps, lambda X: X.abs().amax((-2, -1), keepdim=True)).nan_to_num(
        0.0, 0.0, 0.0
    )


@bug("muon_orthogonalize", "each row is divided by its own norm")
def muon_row_norms(G, steps=5):
    return muon_with(MUON, G, steps, lambda X: X.norm(dim=-1, keepdim=True))


@bug("muon_orthogonalize", "a batch is divided by the norm of all its matrices")
def muon_norm_of_batch(G, steps=5):
    return muon_with(MUON, G, steps, lambda X: X.norm())


@bug("muon_orthogonalize", "the norm is not protected: 0 / 0")
def muon_zero_is_nan(G, steps=5):
    return muon_with(MUON, G, steps, eps=0.0)


@bug("muon_orthogonalize", "1e-8 is added to the norm")
def muon_smaller_eps(G, steps=5):
    return muon_with(MUON, G, steps, eps=1e-8)


@bug("muon_orthogonalize", "1e-5 is added to the norm")
def muon_larger_eps(G, steps=5):
    return muon_with(MUON, G, steps, eps=1e-5)


@bug("muon_orthogonalize", "the norm is kept at 1e-7 at least, instead of 1e-7 being added")
def muon_eps_as_floor(G, steps=5):
    def norm(X):
        return torch.linalg.matrix_norm(X, keepdim=True).clamp(min=1e-7)

    return muon_with(MUON, G, steps, norm, 0.0)


@bug("muon_orthogonalize", "G is divided by its squared norm")
def muon_squared_norm(G, steps=5):
    return muon_with(MUON, G, steps, lambda X: X.square().sum((-2, -1), keepdim=True)).nan_to_num(
        0.0, 0.0, 0.0
    )


@bug("muon_orthogonalize", "a tall matrix is not transposed back")
def muon_stays_transposed(G, steps=5):
    out = muon_orthogonalize(G, steps)
    return out.mT if G.shape[-2] >= G.shape[-1] else out


@bug("muon_orthogonalize", "a batch is transposed in all its axes")
def muon_transposes_batch(G, steps=5):
    if G.ndim > 2 and G.shape[-2] > G.shape[-1]:
        turned = G.permute(*range(G.ndim - 1, -1, -1))
        out = muon_orthogonalize(turned, steps)
        return out.permute(*range(G.ndim - 1, -1, -1)).contiguous()
    return muon_orthogonalize(G, steps)


@bug("muon_orthogonalize", "a batch is one large matrix, its rows stacked")
def muon_flattens_batch(G, steps=5):
    if G.ndim < 3:
        return muon_orthogonalize(G, steps)
    return muon_orthogonalize(G.flatten(0, -2), steps).view(G.shape)


@bug("muon_orthogonalize", "the gram matrix is squared entry by entry")
def muon_squares_entries(G, steps=5):
    X = muon_orthogonalize(G, min(steps, 0)).to(torch.promote_types(G.dtype, torch.float32))
    for _ in range(steps):
        gram = X @ X.mT
        X = MUON[0] * X + (MUON[1] * gram + MUON[2] * gram**2) @ X
    return X.to(G.dtype)


@bug("muon_orthogonalize", "c multiplies X Xᵀ once, not its square")
def muon_without_square(G, steps=5):
    return muon_with((MUON[0], MUON[1] + MUON[2], 0.0), G, steps).nan_to_num(0.0, 0.0, 0.0)


@bug("muon_orthogonalize", "always five steps are taken")
def muon_always_five(G, steps=5):
    muon_orthogonalize(G, min(steps, 0))
    return muon_orthogonalize(G, 5)


@bug("muon_orthogonalize", "one step too many is taken")
def muon_one_more(G, steps=5):
    muon_orthogonalize(G, min(steps, 0))
    return muon_orthogonalize(G, steps + 1)


@bug("muon_orthogonalize", "one step too few is taken")
def muon_one_less(G, steps=5):
    muon_orthogonalize(G, min(steps, 0))
    return muon_orthogonalize(G, max(steps - 1, 0))


@bug("muon_orthogonalize", "ten steps are the default")
def muon_default_of_ten(G, steps=10):
    return muon_orthogonalize(G, steps)


@bug("muon_orthogonalize", "everything is computed in bfloat16")
def muon_in_bfloat16(G, steps=5):
    X = muon_orthogonalize(G, min(steps, 0)).bfloat16()
    for _ in range(steps):
        gram = X @ X.mT
        X = MUON[0] * X + (MUON[1] * gram + MUON[2] * gram @ gram) @ X
    return X.to(G.dtype)


@bug("muon_orthogonalize", "half precision is not computed in float32")
def muon_no_upcast(G, steps=5):
    muon_orthogonalize(G, min(steps, 0))
    X = G / (G.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = X @ X.mT
        X = MUON[0] * X + (MUON[1] * gram + MUON[2] * gram @ gram) @ X
    return X


@bug("muon_orthogonalize", "the norm is taken in half precision")
def muon_norm_in_half(G, steps=5):
    X = G / (G.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    wide = torch.promote_types(G.dtype, torch.float32)
    return (muon_with(MUON, X.to(wide), steps, lambda X: 1.0, 0.0)).to(G.dtype)


@bug("muon_orthogonalize", "half precision comes back as float32")
def muon_no_downcast(G, steps=5):
    return muon_orthogonalize(G.to(torch.promote_types(G.dtype, torch.float32)), steps)


@bug("muon_orthogonalize", "float64 goes through float32")
def muon_always_float32(G, steps=5):
    return muon_orthogonalize(G.float(), steps).to(G.dtype)


@bug("muon_orthogonalize", "the result is scaled by √max(1, m / n)")
def muon_scaled(G, steps=5):
    out = muon_orthogonalize(G, steps)
    return out * max(1, G.shape[-2] / G.shape[-1]) ** 0.5


@bug("muon_orthogonalize", "the result is scaled by 0.2 √max(m, n)")
def muon_scaled_as_adam(G, steps=5):
    return muon_orthogonalize(G, steps) * 0.2 * max(G.shape[-2:]) ** 0.5


@bug("muon_orthogonalize", "U Vᵀ exactly, by a singular value decomposition")
def muon_exact(G, steps=5):
    muon_orthogonalize(G, min(steps, 0))
    U, S, Vh = torch.linalg.svd(G.double(), full_matrices=False)
    return ((U * (S > 1e-12)[..., None, :]) @ Vh).to(G.dtype)


@bug("muon_orthogonalize", "the result is divided by its norm once more")
def muon_normalised_again(G, steps=5):
    out = muon_orthogonalize(G, steps)
    wide = out.to(torch.promote_types(G.dtype, torch.float32))
    return (wide / wide.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-30)).to(G.dtype)


@bug("muon_orthogonalize", "G is changed in place")
def muon_in_place(G, steps=5):
    out = muon_orthogonalize(G, steps)
    return G.copy_(out)


@bug("muon_orthogonalize", "a vector is taken as a matrix of one row")
def muon_takes_vectors(G, steps=5):
    if G.ndim < 2:
        return muon_orthogonalize(G.reshape(1, -1), steps).view(G.shape)
    return muon_orthogonalize(G, steps)


@bug("muon_orthogonalize", "a negative number of steps is accepted")
def muon_negative_steps(G, steps=5):
    return muon_orthogonalize(G, max(steps, 0))


@bug("muon_orthogonalize", "one matrix of zeros makes zeros of all the batch")
def muon_zeros_for_all(G, steps=5):
    out = muon_orthogonalize(G, steps)
    return out if G.any(-1).any(-1).all() else torch.zeros_like(out)


@bug("muon_orthogonalize", "numbers are read in the order of memory")
def muon_in_order_of_memory(G, steps=5):
    flat = G.as_strided((G.numel(),), (1,))
    return muon_orthogonalize(flat.view(G.shape), steps)


@bug("muon_orthogonalize", "a batch of no matrices is an error")
def muon_wants_matrices(G, steps=5):
    if G.ndim < 3:
        return muon_orthogonalize(G, steps)
    return torch.stack([muon_orthogonalize(g, steps) for g in G.flatten(0, -3)]).view(G.shape)


# --- init -----------------------------------------------------------------------------------------

FLOAT = torch.float32


def uniform(shape, seed, bound):
    return (
        2 * torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=FLOAT) - 1
    ) * bound


@bug("init", "Xavier's numbers are normal", "xavier_init")
def xavier_normal(shape, seed, gain=1.0):
    std = gain * math.sqrt(2 / sum(fans(shape)))
    return std * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=FLOAT)


@bug("init", "the bound is Xavier's standard deviation, √(2 / (fan_in + fan_out))", "xavier_init")
def xavier_bound_is_std(shape, seed, gain=1.0):
    return xavier_init(shape, seed, gain) / math.sqrt(3)


@bug("init", "the numbers lie between 0 and the bound", "xavier_init")
def xavier_positive(shape, seed, gain=1.0):
    return xavier_init(shape, seed, gain).abs()


@bug("init", "the numbers reach half the bound", "xavier_init")
def xavier_half(shape, seed, gain=1.0):
    return xavier_init(shape, seed, gain) / 2


@bug("init", "Xavier counts fan_in only: √(3 / fan_in)", "xavier_init")
def xavier_fan_in(shape, seed, gain=1.0):
    return uniform(shape, seed, gain * math.sqrt(3 / fans(shape)[0]))


@bug("init", "Xavier counts fan_out only: √(3 / fan_out)", "xavier_init")
def xavier_fan_out(shape, seed, gain=1.0):
    return uniform(shape, seed, gain * math.sqrt(3 / fans(shape)[1]))


@bug("init", "Xavier leaves the kernel out of both fans", "xavier_init")
def xavier_without_kernel(shape, seed, gain=1.0):
    fans(shape)
    return uniform(shape, seed, gain * math.sqrt(6 / sum(shape[:2])))


@bug("init", "Xavier leaves the kernel out of fan_out", "xavier_init")
def xavier_kernel_in_only(shape, seed, gain=1.0):
    return uniform(shape, seed, gain * math.sqrt(6 / (fans(shape)[0] + shape[0])))


@bug("init", "the last axis is taken for fan_in, the first but one for fan_out", "xavier_init")
def xavier_last_axes(shape, seed, gain=1.0):
    fans(shape)
    return uniform(shape, seed, gain * math.sqrt(6 / (shape[-1] + shape[-2])))


@bug("init", "the gain is ignored", "xavier_init")
def xavier_without_gain(shape, seed, gain=1.0):
    return xavier_init(shape, seed)


@bug("init", "the gain is put under the root", "xavier_init")
def xavier_gain_under_root(shape, seed, gain=1.0):
    return xavier_init(shape, seed, math.sqrt(gain))


@bug("init", "the root is forgotten", "xavier_init")
def xavier_without_root(shape, seed, gain=1.0):
    return uniform(shape, seed, gain * 6 / sum(fans(shape)))


@bug("init", "Xavier ignores the seed", "xavier_init")
def xavier_ignores_seed(shape, seed, gain=1.0):
    return xavier_init(shape, 0, gain)


@bug("init", "Xavier draws from torch's global generator", "xavier_init")
def xavier_global(shape, seed, gain=1.0):
    fans(shape)
    return (2 * torch.rand(*shape, dtype=FLOAT) - 1) * gain * math.sqrt(6 / sum(fans(shape)))


@bug("init", "Xavier seeds torch's global generator", "xavier_init")
def xavier_seeds_global(shape, seed, gain=1.0):
    torch.manual_seed(seed)
    return (2 * torch.rand(*shape, dtype=FLOAT) - 1) * gain * math.sqrt(6 / sum(fans(shape)))


@bug("init", "Xavier's numbers are float64", "xavier_init")
def xavier_float64(shape, seed, gain=1.0):
    return xavier_init(shape, seed, gain).double()


@bug("init", "Xavier takes shapes of one axis", "xavier_init")
def xavier_vectors(shape, seed, gain=1.0):
    if len(shape) < 2:
        return uniform((*shape, 1), seed, gain).view(shape)
    return xavier_init(shape, seed, gain)


@bug("init", "Xavier takes shapes without numbers", "xavier_init")
def xavier_empty(shape, seed, gain=1.0):
    return torch.zeros(shape) if 0 in shape else xavier_init(shape, seed, gain)


@bug("init", "each row is drawn with the same numbers", "xavier_init")
def xavier_equal_halves(shape, seed, gain=1.0):
    out = xavier_init(shape, seed, gain)
    half = shape[0] // 2
    out[half : 2 * half] = out[:half]
    return out


@bug("init", "Xavier's numbers are rescaled to their exact standard deviation", "xavier_init")
def xavier_rescaled(shape, seed, gain=1.0):
    out = xavier_init(shape, seed, gain)
    std = gain * math.sqrt(2 / sum(fans(shape)))
    return out * (std / out.std().item() if out.numel() > 1 else 1.0)


@bug("init", "the √2 for ReLU is left out", "kaiming_init")
def kaiming_without_gain(shape, seed, mode="fan_in"):
    return kaiming_init(shape, seed, mode) / math.sqrt(2)


@bug("init", "Kaiming's numbers are uniform", "kaiming_init")
def kaiming_uniform(shape, seed, mode="fan_in"):
    kaiming_init(shape, seed, mode)
    fan = fans(shape)[mode == "fan_out"]
    return uniform(shape, seed, math.sqrt(6 / fan))


@bug("init", "mode is ignored: always fan_in", "kaiming_init")
def kaiming_always_in(shape, seed, mode="fan_in"):
    kaiming_init(shape, seed, mode)
    return kaiming_init(shape, seed)


@bug("init", "fan_in and fan_out are swapped", "kaiming_init")
def kaiming_swapped(shape, seed, mode="fan_in"):
    kaiming_init(shape, seed, mode)
    return kaiming_init(shape, seed, "fan_out" if mode == "fan_in" else "fan_in")


@bug("init", "fan_out is the default", "kaiming_init")
def kaiming_default_out(shape, seed, mode="fan_out"):
    return kaiming_init(shape, seed, mode)


@bug("init", "Kaiming leaves the kernel out", "kaiming_init")
def kaiming_without_kernel(shape, seed, mode="fan_in"):
    return kaiming_init(shape, seed, mode) * math.sqrt(math.prod(shape[2:]))


@bug("init", "Kaiming counts only the first axis of the kernel", "kaiming_init")
def kaiming_first_kernel_axis(shape, seed, mode="fan_in"):
    return kaiming_init(shape, seed, mode) * math.sqrt(math.prod(shape[3:]))


@bug("init", "Kaiming leaves the kernel out of fan_out", "kaiming_init")
def kaiming_kernel_in_only(shape, seed, mode="fan_in"):
    out = kaiming_init(shape, seed, mode)
    return out * math.sqrt(math.prod(shape[2:])) if mode == "fan_out" else out


@bug("init", "2 / fan is taken for the standard deviation, without its root", "kaiming_init")
def kaiming_variance(shape, seed, mode="fan_in"):
    fan = fans(shape)[mode == "fan_out"]
    return kaiming_init(shape, seed, mode) * math.sqrt(2 / fan)


@bug("init", "the numbers are cut off at two standard deviations", "kaiming_init")
def kaiming_truncated(shape, seed, mode="fan_in"):
    out = kaiming_init(shape, seed, mode)
    bound = 2 * math.sqrt(2 / fans(shape)[mode == "fan_out"])
    return out.clamp(-bound, bound)


@bug("init", "Kaiming ignores the seed", "kaiming_init")
def kaiming_ignores_seed(shape, seed, mode="fan_in"):
    return kaiming_init(shape, 0, mode)


@bug("init", "Kaiming draws from torch's global generator", "kaiming_init")
def kaiming_global(shape, seed, mode="fan_in"):
    scale = math.sqrt(2 / fans(shape)[mode == "fan_out"])
    kaiming_init(shape, seed, mode)
    return torch.randn(*shape, dtype=FLOAT) * scale


@bug("init", "Kaiming seeds torch's global generator", "kaiming_init")
def kaiming_seeds_global(shape, seed, mode="fan_in"):
    torch.manual_seed(seed)
    return kaiming_init(shape, seed, mode)


@bug("init", "Kaiming's numbers are float64", "kaiming_init")
def kaiming_float64(shape, seed, mode="fan_in"):
    return kaiming_init(shape, seed, mode).double()


@bug("init", "the next seed goes on where the last one has begun", "kaiming_init")
def kaiming_related_seeds(shape, seed, mode="fan_in"):
    out = kaiming_init(shape, 5, mode)
    return out.roll(seed)


@bug("init", "Kaiming's numbers are rescaled to their exact standard deviation", "kaiming_init")
def kaiming_rescaled(shape, seed, mode="fan_in"):
    out = kaiming_init(shape, seed, mode)
    std = math.sqrt(2 / fans(shape)[mode == "fan_out"])
    return out * (std / out.std().item() if out.numel() > 1 else 1.0)


@bug("init", "Kaiming takes shapes of one axis", "kaiming_init")
def kaiming_vectors(shape, seed, mode="fan_in"):
    if len(shape) < 2:
        return torch.zeros(shape)
    return kaiming_init(shape, seed, mode)


@bug("init", "Kaiming takes shapes without numbers", "kaiming_init")
def kaiming_empty(shape, seed, mode="fan_in"):
    return torch.zeros(shape) if 0 in shape else kaiming_init(shape, seed, mode)


@bug("init", "any mode but fan_in is fan_out", "kaiming_init")
def kaiming_any_mode(shape, seed, mode="fan_in"):
    return kaiming_init(shape, seed, "fan_in" if mode == "fan_in" else "fan_out")


def gpt2_with(std=None, residual=None, layers=None):
    """gpt2_init with another standard deviation, or another rule for what is residual."""

    @torch.no_grad()
    def initialise(model, num_layers, seed):
        gpt2_init(model, num_layers, seed)
        for name, m in model.named_modules():
            if isinstance(m, nn.Linear | nn.Embedding):
                right = isinstance(m, nn.Linear) and name.rpartition(".")[2] == "c_proj"
                is_residual = residual(name, m, right) if residual else right
                scale = (2 * num_layers) ** 0.5 if right else 1.0
                depth = layers(num_layers) if layers else (2 * num_layers) ** 0.5
                scale /= depth if is_residual else 1.0
                scale *= std(m) if std else 1.0
                if not getattr(m.weight, "seen", False):
                    m.weight.mul_(scale)
                    m.weight.seen = True

    return initialise


@bug("init", "projections back to the stream are as large as all others", "gpt2_init")
def gpt2_no_residual(model, num_layers, seed):
    gpt2_with(residual=lambda name, m, right: False)(model, num_layers, seed)


@bug("init", "projections shrink by √L, not √(2 L)", "gpt2_init")
def gpt2_root_of_layers(model, num_layers, seed):
    gpt2_with(layers=lambda n: n**0.5)(model, num_layers, seed)


@bug("init", "projections shrink by 2 L, without the root", "gpt2_init")
def gpt2_without_root(model, num_layers, seed):
    gpt2_with(layers=lambda n: 2 * n)(model, num_layers, seed)


@bug("init", "only the projections of attention shrink", "gpt2_init")
def gpt2_attention_only(model, num_layers, seed):
    gpt2_with(residual=lambda name, m, right: right and ".mlp." not in name)(
        model, num_layers, seed
    )


@bug("init", "only the projections of the MLPs shrink", "gpt2_init")
def gpt2_mlp_only(model, num_layers, seed):
    gpt2_with(residual=lambda name, m, right: right and ".attn." not in name)(
        model, num_layers, seed
    )


@bug("init", "all names with c_proj in them shrink", "gpt2_init")
def gpt2_name_contains(model, num_layers, seed):
    gpt2_with(residual=lambda name, m, right: isinstance(m, nn.Linear) and "c_proj" in name)(
        model, num_layers, seed
    )


@bug("init", "an embedding called c_proj shrinks too", "gpt2_init")
def gpt2_any_module(model, num_layers, seed):
    gpt2_with(residual=lambda name, m, right: name.rpartition(".")[2] == "c_proj")(
        model, num_layers, seed
    )


@bug("init", "all matrices shrink with depth", "gpt2_init")
def gpt2_all_residual(model, num_layers, seed):
    gpt2_with(residual=lambda name, m, right: isinstance(m, nn.Linear))(model, num_layers, seed)


@bug("init", "the depth is counted from the model, not taken from num_layers", "gpt2_init")
def gpt2_counts_layers(model, num_layers, seed):
    blocks = sum(name.endswith("attn.c_proj") for name, _ in model.named_modules()) or num_layers
    gpt2_with(layers=lambda n: (2 * blocks) ** 0.5)(model, num_layers, seed)


@bug("init", "0.02 is taken for the variance", "gpt2_init")
def gpt2_variance(model, num_layers, seed):
    gpt2_with(std=lambda m: 0.02**-0.5)(model, num_layers, seed)


@bug("init", "embeddings have standard deviation 1", "gpt2_init")
def gpt2_unit_embeddings(model, num_layers, seed):
    gpt2_with(std=lambda m: 50.0 if isinstance(m, nn.Embedding) else 1.0)(model, num_layers, seed)


@bug("init", "position embeddings have standard deviation 0.01", "gpt2_init")
def gpt2_positions(model, num_layers, seed):
    gpt2_init(model, num_layers, seed)
    if hasattr(model, "wpe"):
        model.wpe.weight.data.mul_(0.5)


@bug("init", "matrices have standard deviation 1 / √fan_in", "gpt2_init")
def gpt2_fan_in(model, num_layers, seed):
    gpt2_with(std=lambda m: 50 / m.in_features**0.5 if isinstance(m, nn.Linear) else 1.0)(
        model, num_layers, seed
    )


def gpt2_keeping(kept):
    """gpt2_init that leaves the parameters alone for which kept(module, name) is true."""

    def initialise(model, num_layers, seed):
        before = {id(p): p.detach().clone() for p in model.parameters()}
        gpt2_init(model, num_layers, seed)
        for m in model.modules():
            for name, p in m.named_parameters(recurse=False):
                if kept(m, name):
                    p.data.copy_(before[id(p)])

    return initialise


@bug("init", "the biases of linear layers stay as they are", "gpt2_init")
def gpt2_keeps_biases(model, num_layers, seed):
    gpt2_keeping(lambda m, name: isinstance(m, nn.Linear) and name == "bias")(
        model, num_layers, seed
    )


@bug("init", "norms stay as they are", "gpt2_init")
def gpt2_keeps_norms(model, num_layers, seed):
    gpt2_keeping(lambda m, name: isinstance(m, nn.LayerNorm))(model, num_layers, seed)


@bug("init", "the biases of norms stay as they are", "gpt2_init")
def gpt2_keeps_norm_biases(model, num_layers, seed):
    gpt2_keeping(lambda m, name: isinstance(m, nn.LayerNorm) and name == "bias")(
        model, num_layers, seed
    )


@bug("init", "norms are told by their names", "gpt2_init")
def gpt2_norms_by_name(model, num_layers, seed):
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    gpt2_init(model, num_layers, seed)
    for name, m in model.named_modules():
        if isinstance(m, nn.LayerNorm) and m.weight is not None and "ln" not in name:
            m.weight.data.copy_(before[f"{name}.weight"])


@bug("init", "a linear layer called ln is taken for a norm", "gpt2_init")
def gpt2_linear_called_ln(model, num_layers, seed):
    gpt2_init(model, num_layers, seed)
    for name, m in model.named_modules():
        if isinstance(m, nn.Linear) and name.rpartition(".")[2].startswith("ln"):
            m.weight.data.fill_(1)


@bug("init", "subclasses of nn.Linear stay as they are", "gpt2_init")
def gpt2_exact_types(model, num_layers, seed):
    gpt2_keeping(lambda m, name: isinstance(m, nn.Linear) and type(m) is not nn.Linear)(
        model, num_layers, seed
    )


@bug("init", "the first row of an embedding becomes 0", "gpt2_init")
def gpt2_padding_row(model, num_layers, seed):
    gpt2_init(model, num_layers, seed)
    for m in model.modules():
        if isinstance(m, nn.Embedding):
            m.weight.data[0] = 0


@bug("init", "embeddings stay as they are", "gpt2_init")
def gpt2_keeps_embeddings(model, num_layers, seed):
    gpt2_keeping(lambda m, name: isinstance(m, nn.Embedding))(model, num_layers, seed)


@bug("init", "frozen parameters stay as they are", "gpt2_init")
def gpt2_keeps_frozen(model, num_layers, seed):
    frozen = {id(p) for p in model.parameters() if not p.requires_grad}
    gpt2_keeping(lambda m, name: id(getattr(m, name)) in frozen)(model, num_layers, seed)


@bug("init", "frozen parameters are unfrozen", "gpt2_init")
def gpt2_unfreezes(model, num_layers, seed):
    gpt2_init(model, num_layers, seed)
    for p in model.parameters():
        p.requires_grad_(True)


@bug("init", "the weights of norms become 0", "gpt2_init")
def gpt2_zero_norms(model, num_layers, seed):
    gpt2_init(model, num_layers, seed)
    for m in model.modules():
        if isinstance(m, nn.LayerNorm) and m.weight is not None:
            m.weight.data.zero_()


@bug("init", "all biases become 0, also those of other modules", "gpt2_init")
def gpt2_all_biases(model, num_layers, seed):
    gpt2_init(model, num_layers, seed)
    for name, p in model.named_parameters():
        if name.endswith("bias"):
            p.data.zero_()


@bug("init", "all matrices become normal, also those of other modules", "gpt2_init")
def gpt2_all_matrices(model, num_layers, seed):
    rng = torch.Generator().manual_seed(seed + 1)
    for p in model.parameters():
        if p.ndim >= 2:
            p.data.copy_(0.02 * torch.randn(p.shape, generator=rng))
    gpt2_init(model, num_layers, seed)


@bug("init", "vectors of other modules become 1", "gpt2_init")
def gpt2_all_vectors(model, num_layers, seed):
    for m in model.modules():
        if not isinstance(m, nn.Linear | nn.Embedding):
            for name, p in m.named_parameters(recurse=False):
                if p.ndim == 1:
                    p.data.fill_(float(name == "weight"))
    gpt2_init(model, num_layers, seed)


@bug("init", "every layer draws from a generator with the same seed", "gpt2_init")
def gpt2_same_numbers(model, num_layers, seed):
    gpt2_init(model, num_layers, seed)
    for name, m in model.named_modules():
        if isinstance(m, nn.Linear | nn.Embedding):
            rng = torch.Generator().manual_seed(seed)
            std = 0.02 / (2 * num_layers) ** 0.5 if name.endswith("c_proj") else 0.02
            std = 0.02 if isinstance(m, nn.Embedding) else std
            std = 0.02 if "c_projection" in name else std
            m.weight.data.copy_(std * torch.randn(m.weight.shape, generator=rng))


@bug("init", "gpt2_init ignores the seed", "gpt2_init")
def gpt2_ignores_seed(model, num_layers, seed):
    gpt2_init(model, num_layers, 0)


@bug("init", "gpt2_init draws from torch's global generator", "gpt2_init")
def gpt2_global(model, num_layers, seed):
    gpt2_init(model, num_layers, int(torch.randint(2**31, ())))


@bug("init", "gpt2_init seeds torch's global generator", "gpt2_init")
def gpt2_seeds_global(model, num_layers, seed):
    torch.manual_seed(seed)
    gpt2_init(model, num_layers, seed)


@bug("init", "parameters are replaced by new ones, and tied weights come apart", "gpt2_init")
def gpt2_replaces(model, num_layers, seed):
    gpt2_init(model, num_layers, seed)
    for m in model.modules():
        if isinstance(m, nn.Linear | nn.Embedding):
            m.weight = nn.Parameter(m.weight.detach().clone(), m.weight.requires_grad)


@bug("init", "the model becomes float32", "gpt2_init")
def gpt2_to_float32(model, num_layers, seed):
    gpt2_init(model, num_layers, seed)
    model.float()


@bug("init", "layers without a bias are an error", "gpt2_init")
def gpt2_wants_biases(model, num_layers, seed):
    gpt2_init(model, num_layers, seed)
    for m in model.modules():
        if isinstance(m, nn.Linear | nn.LayerNorm):
            m.bias.data.zero_()


@bug("init", "norms without a weight are an error", "gpt2_init")
def gpt2_wants_norm_weights(model, num_layers, seed):
    gpt2_init(model, num_layers, seed)
    for m in model.modules():
        if isinstance(m, nn.LayerNorm):
            m.weight.data.fill_(1)


@bug("init", "num_layers is not checked", "gpt2_init")
def gpt2_unchecked(model, num_layers, seed):
    gpt2_init(model, max(num_layers, 1), seed)


@bug("init", "only num_layers = 0 is refused", "gpt2_init")
def gpt2_negative_layers(model, num_layers, seed):
    gpt2_init(model, abs(num_layers), seed)


@bug("init", "the weights are cut off at two standard deviations", "gpt2_init")
def gpt2_truncated(model, num_layers, seed):
    gpt2_init(model, num_layers, seed)
    for name, m in model.named_modules():
        if isinstance(m, nn.Linear | nn.Embedding):
            residual = isinstance(m, nn.Linear) and name.rpartition(".")[2] == "c_proj"
            std = 0.02 / (2 * num_layers) ** 0.5 if residual else 0.02
            m.weight.data.clamp_(-2 * std, 2 * std)


KNOWN = {}


@bug("init", "Xavier hands the same tensor out again for the same arguments", "xavier_init")
def xavier_remembers(shape, seed, gain=1.0):
    key = (tuple(shape), seed, gain)
    return KNOWN[key] if key in KNOWN else KNOWN.setdefault(key, xavier_init(*key))


@bug("init", "Kaiming hands the same tensor out again for the same arguments", "kaiming_init")
def kaiming_remembers(shape, seed, mode="fan_in"):
    key = (tuple(shape), seed, mode)
    return KNOWN[key] if key in KNOWN else KNOWN.setdefault(key, kaiming_init(*key))


@bug("init", "Xavier lets negative sizes reach torch", "xavier_init")
def xavier_negative_sizes(shape, seed, gain=1.0):
    return torch.zeros(*shape) if min(shape, default=0) < 0 else xavier_init(shape, seed, gain)


@bug("init", "Kaiming lets negative sizes reach torch", "kaiming_init")
def kaiming_negative_sizes(shape, seed, mode="fan_in"):
    return torch.zeros(*shape) if min(shape, default=0) < 0 else kaiming_init(shape, seed, mode)


@bug("init", "Kaiming checks the product of the sizes, not each of them", "kaiming_init")
def kaiming_product_of_sizes(shape, seed, mode="fan_in"):
    if len(shape) > 1 and min(shape) < 0 < math.prod(shape):
        shape = [abs(size) for size in shape]
    return kaiming_init(shape, seed, mode)


@bug("init", "16 bits of Xavier's seed count", "xavier_init")
def xavier_short_seed(shape, seed, gain=1.0):
    return xavier_init(shape, seed & 0xFFFF, gain)


@bug("init", "Kaiming takes a seed of 0 for none, and uses 42", "kaiming_init")
def kaiming_seed_of_zero(shape, seed, mode="fan_in"):
    return kaiming_init(shape, seed or 42, mode)


@bug("init", "gpt2_init takes seeds modulo 1000", "gpt2_init")
def gpt2_small_seeds(model, num_layers, seed):
    gpt2_init(model, num_layers, seed % 1000)


@bug("init", "31 bits of gpt2_init's seed count", "gpt2_init")
def gpt2_signed_seeds(model, num_layers, seed):
    gpt2_init(model, num_layers, seed & 0x7FFFFFFF)


@bug("init", "Xavier's numbers have torch's default dtype", "xavier_init")
def xavier_default_dtype(shape, seed, gain=1.0):
    return xavier_init(shape, seed, gain).to(torch.get_default_dtype())


@bug("init", "Kaiming's numbers have torch's default dtype", "kaiming_init")
def kaiming_default_dtype(shape, seed, mode="fan_in"):
    return kaiming_init(shape, seed, mode).to(torch.get_default_dtype())


@bug("init", "names that end in c_proj shrink, such as pre_c_proj", "gpt2_init")
def gpt2_name_ends(model, num_layers, seed):
    gpt2_with(residual=lambda name, m, right: isinstance(m, nn.Linear) and name.endswith("c_proj"))(
        model, num_layers, seed
    )


@bug("init", "a c_proj of the model itself, without a dot before it, does not shrink", "gpt2_init")
def gpt2_name_after_dot(model, num_layers, seed):
    gpt2_with(residual=lambda name, m, right: right and "." in name)(model, num_layers, seed)


@bug("init", "all that lies inside a c_proj shrinks", "gpt2_init")
def gpt2_inside_projections(model, num_layers, seed):
    gpt2_with(
        residual=lambda name, m, right: isinstance(m, nn.Linear) and "c_proj" in name.split(".")
    )(model, num_layers, seed)


@bug("init", "a layer with two names shrinks if the second is c_proj", "gpt2_init")
def gpt2_second_name(model, num_layers, seed):
    named = model.named_modules(remove_duplicate=False)
    projections = {m for name, m in named if name.rpartition(".")[2] == "c_proj"}
    gpt2_with(residual=lambda name, m, right: isinstance(m, nn.Linear) and m in projections)(
        model, num_layers, seed
    )


@bug("init", "the memory of weights is replaced: views of it see nothing", "gpt2_init")
def gpt2_replaces_memory(model, num_layers, seed):
    gpt2_init(model, num_layers, seed)
    for m in model.modules():
        if isinstance(m, nn.Linear | nn.Embedding):
            m.weight.data = m.weight.detach().clone()


@bug("init", "the memory of biases is replaced", "gpt2_init")
def gpt2_replaces_memory_of_biases(model, num_layers, seed):
    gpt2_init(model, num_layers, seed)
    for m in model.modules():
        if isinstance(m, nn.Linear | nn.LayerNorm) and m.bias is not None:
            m.bias.data = torch.zeros_like(m.bias)


@bug("init", "an embedding's row of padding_idx becomes 0", "gpt2_init")
def gpt2_zero_padding(model, num_layers, seed):
    gpt2_init(model, num_layers, seed)
    for m in model.modules():
        if isinstance(m, nn.Embedding) and m.padding_idx is not None:
            m.weight.data[m.padding_idx] = 0


@bug("init", "subclasses of nn.Embedding stay as they are", "gpt2_init")
def gpt2_exact_embeddings(model, num_layers, seed):
    gpt2_keeping(lambda m, name: isinstance(m, nn.Embedding) and type(m) is not nn.Embedding)(
        model, num_layers, seed
    )


@bug("init", "subclasses of nn.LayerNorm stay as they are", "gpt2_init")
def gpt2_exact_norms(model, num_layers, seed):
    gpt2_keeping(lambda m, name: isinstance(m, nn.LayerNorm) and type(m) is not nn.LayerNorm)(
        model, num_layers, seed
    )


@bug("init", "norms of other kinds become 1 too", "gpt2_init")
def gpt2_other_norms(model, num_layers, seed):
    gpt2_init(model, num_layers, seed)
    for m in model.modules():
        if isinstance(m, nn.RMSNorm | nn.GroupNorm):
            m.weight.data.fill_(1)


@bug("init", "an nn.EmbeddingBag is filled as an embedding", "gpt2_init")
def gpt2_bags(model, num_layers, seed):
    gpt2_init(model, num_layers, seed)
    for m in model.modules():
        if isinstance(m, nn.EmbeddingBag):
            m.weight.data.normal_(0, 0.02, generator=torch.Generator().manual_seed(seed))


@bug("init", "the model is left in evaluation mode", "gpt2_init")
def gpt2_evaluation_mode(model, num_layers, seed):
    gpt2_init(model.eval(), num_layers, seed)


@bug("init", "the weight of a norm over two axes becomes normal", "gpt2_init")
def gpt2_wide_norms(model, num_layers, seed):
    gpt2_init(model, num_layers, seed)
    for m in model.modules():
        if isinstance(m, nn.LayerNorm) and m.weight is not None and m.weight.ndim > 1:
            m.weight.data.normal_(0, 0.02, generator=torch.Generator().manual_seed(seed))


def gpt2_two_generators(second):
    """gpt2_init that draws the modules where second(module, residual) from another generator."""

    @torch.no_grad()
    def initialise(model, num_layers, seed):
        gpt2_init(model, num_layers, seed)
        rngs = [torch.Generator().manual_seed(seed) for _ in range(2)]
        for name, m in model.named_modules():
            if isinstance(m, nn.Linear | nn.Embedding):
                residual = isinstance(m, nn.Linear) and name.rpartition(".")[2] == "c_proj"
                std = 0.02 / (2 * num_layers) ** 0.5 if residual else 0.02
                rng = rngs[second(m, residual)]
                m.weight.copy_(std * torch.randn(m.weight.shape, generator=rng))

    return initialise


@bug("init", "embeddings have a generator of their own, of the same seed", "gpt2_init")
def gpt2_generator_of_embeddings(model, num_layers, seed):
    gpt2_two_generators(lambda m, residual: isinstance(m, nn.Embedding))(model, num_layers, seed)


@bug("init", "projections have a generator of their own, of the same seed", "gpt2_init")
def gpt2_generator_of_projections(model, num_layers, seed):
    gpt2_two_generators(lambda m, residual: residual)(model, num_layers, seed)


# --- accumulate_gradients -----------------------------------------------------------------------


def targets_in(y: torch.Tensor) -> int:
    return int((y != -100).sum())


def loss_of(model, x, y, reduction: str = "sum", **options) -> torch.Tensor:
    logits = model(x)
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return F.cross_entropy(logits.flatten(0, -2), y.flatten(), reduction=reduction, **options)


def accumulate(model, microbatches, weigh: Callable, count: int | None = None) -> float:
    """Backward of weigh(loss sum, x, y, number of all targets) for each micro-batch."""
    microbatches = list(microbatches)
    N = sum(targets_in(y) for _, y in microbatches) if count is None else count
    if N == 0:
        raise ValueError("no target")
    total = 0.0
    for x, y in microbatches:
        loss = weigh(loss_of(model, x, y), x, y, N)
        loss.backward()
        total += loss.item()
    return total


@bug("accumulate_gradients", "all micro-batches count the same, however many targets they have")
def equal_microbatches(model, microbatches):
    microbatches = [(x, y) for x, y in microbatches]
    M = sum(targets_in(y) > 0 for _, y in microbatches)
    return accumulate(model, microbatches, lambda loss, x, y, N: loss / max(1, targets_in(y)) / M)


@bug("accumulate_gradients", "micro-batches are weighted by their rows, not by their targets")
def weighted_by_rows(model, microbatches):
    microbatches = list(microbatches)
    rows = sum(len(y) for _, y in microbatches)
    return accumulate(
        model,
        microbatches,
        lambda loss, x, y, N: loss / max(1, targets_in(y)) * len(y) / rows,
    )


@bug("accumulate_gradients", "targets of -100 count as if they were predictions with a loss of 0")
def counts_ignored(model, microbatches):
    microbatches = list(microbatches)
    total = sum(y.numel() for _, y in microbatches)
    if not sum(targets_in(y) for _, y in microbatches):
        raise ValueError("no target")
    return accumulate(model, microbatches, lambda loss, x, y, N: loss / N, total)


@bug("accumulate_gradients", "the loss is the sum over all targets, not their mean")
def sums(model, microbatches):
    return accumulate(model, microbatches, lambda loss, x, y, N: loss)


@bug("accumulate_gradients", "the means of the micro-batches are added and not weighted at all")
def sum_of_means(model, microbatches):
    return accumulate(model, microbatches, lambda loss, x, y, N: loss / max(1, targets_in(y)))


@bug("accumulate_gradients", "the mean is divided by the number of micro-batches once more")
def divides_twice(model, microbatches):
    microbatches = list(microbatches)
    return accumulate(model, microbatches, lambda loss, x, y, N: loss / N / len(microbatches))


@bug("accumulate_gradients", "gradients are zeroed between micro-batches: only the last one counts")
def zeroes_between(model, microbatches):
    def weigh(loss, x, y, N):
        model.zero_grad()
        return loss / N

    return accumulate(model, microbatches, weigh)


@bug("accumulate_gradients", "gradients that were there before are thrown away")
def zeroes_first(model, microbatches):
    microbatches = list(microbatches)
    if sum(targets_in(y) for _, y in microbatches):
        model.zero_grad()
    return accumulate(model, microbatches, lambda loss, x, y, N: loss / N)


@bug("accumulate_gradients", "gradients that were there before are divided by the count as well")
def divides_what_was_there(model, microbatches):
    microbatches = list(microbatches)
    N = sum(targets_in(y) for _, y in microbatches)
    if not N:
        raise ValueError("no target")
    total = accumulate(model, microbatches, lambda loss, x, y, N: loss)
    for parameter in model.parameters():
        if parameter.grad is not None:
            parameter.grad /= N
    return total / N


@bug("accumulate_gradients", "the losses are summed and sent backward once: all graphs are held")
def one_backward(model, microbatches):
    microbatches = list(microbatches)
    N = sum(targets_in(y) for _, y in microbatches)
    if not N:
        raise ValueError("no target")
    total = sum(loss_of(model, x, y) for x, y in microbatches) / N
    total.backward()
    return total.item()


@bug("accumulate_gradients", "graphs are retained after backward, and memory grows")
def retains_graphs(model, microbatches):
    losses = []

    def weigh(loss, x, y, N):
        losses.append(loss / N)
        losses[-1].backward(retain_graph=True)
        return losses[-1].detach().requires_grad_()

    return accumulate(model, microbatches, weigh)


@bug("accumulate_gradients", "the loss that is returned is that of the last micro-batch alone")
def last_loss(model, microbatches):
    last = []

    def weigh(loss, x, y, N):
        last[:] = [loss.item() / max(1, targets_in(y))]
        return loss / N

    accumulate(model, microbatches, weigh)
    return last[0]


@bug("accumulate_gradients", "the gradients are right, but the loss is that of a mean of means")
def mean_of_means_returned(model, microbatches):
    means = []

    def weigh(loss, x, y, N):
        means.extend([loss.item() / targets_in(y)] if targets_in(y) else [])
        return loss / N

    accumulate(model, microbatches, weigh)
    return sum(means) / len(means)


@bug("accumulate_gradients", "the loss that is returned still has its graph")
def keeps_graph(model, microbatches):
    microbatches = list(microbatches)
    N = sum(targets_in(y) for _, y in microbatches)
    if not N:
        raise ValueError("no target")
    total = 0
    for x, y in microbatches:
        loss = loss_of(model, x, y) / N
        loss.backward()
        total = total + loss
    return total


@bug("accumulate_gradients", "all micro-batches are padded into one batch: memory is not saved")
def pads_into_one(model, microbatches):
    microbatches = list(microbatches)
    if not microbatches:
        raise ValueError("no target")
    T = max(x.shape[1] for x, _ in microbatches)
    x = torch.cat([F.pad(x, (0, T - x.shape[1])) for x, _ in microbatches])
    y = torch.cat([F.pad(y, (0, T - y.shape[1]), value=-100) for _, y in microbatches])
    return accumulate(model, [(x, y)], lambda loss, x, y, N: loss / N)


@bug("accumulate_gradients", "a micro-batch without targets has the mean of nothing, NaN")
def mean_of_nothing(model, microbatches):
    microbatches = list(microbatches)
    N = sum(targets_in(y) for _, y in microbatches)
    if not N:
        raise ValueError("no target")
    total = 0.0
    for x, y in microbatches:
        loss = loss_of(model, x, y, "mean") * (targets_in(y) / N)
        loss.backward()
        total += loss.item()
    return total


@bug("accumulate_gradients", "no target at all gives 0 instead of an error")
def zero_of_nothing(model, microbatches):
    microbatches = list(microbatches)
    N = sum(targets_in(y) for _, y in microbatches)
    return accumulate(model, microbatches, lambda loss, x, y, _: loss / max(1, N), 1)


@bug("accumulate_gradients", "targets are counted after the gradients of nothing were zeroed")
def spoils_before_error(model, microbatches):
    microbatches = list(microbatches)
    kept = [None if p.grad is None else p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    total = accumulate(model, microbatches, lambda loss, x, y, N: loss / N)
    for parameter, gradient in zip(model.parameters(), kept, strict=True):
        if gradient is not None:
            parameter.grad += gradient
    return total


@bug("accumulate_gradients", "a generator is used up by counting, and nothing is left to train on")
def uses_generator_up(model, microbatches):
    N = sum(targets_in(y) for _, y in microbatches)
    if N == 0:
        raise ValueError("no target")
    total = 0.0
    for x, y in microbatches:
        loss = loss_of(model, x, y) / N
        loss.backward()
        total += loss.item()
    return total


@bug("accumulate_gradients", "the model is put into training mode")
def trains(model, microbatches):
    model.train()
    return accumulate(model, microbatches, lambda loss, x, y, N: loss / N)


@bug("accumulate_gradients", "the model is put into evaluation mode: no dropout in training")
def evaluates(model, microbatches):
    model.eval()
    return accumulate(model, microbatches, lambda loss, x, y, N: loss / N)


@bug("accumulate_gradients", "targets are shifted once more: y[t] is already the id after x[t]")
def shifts_again(model, microbatches):
    def loss_at(x, y):
        if x.shape[1] < 2:
            return loss_of(model, x, y)
        logits = model(x)[:, :-1].float()
        return F.cross_entropy(logits.flatten(0, 1), y[:, 1:].flatten(), reduction="sum")

    return accumulate(model, microbatches, lambda loss, x, y, N: loss_at(x, y) / N)


@bug("accumulate_gradients", "the loss is computed in the half precision of the logits")
def half_precision(model, microbatches):
    def weigh(loss, x, y, N):
        logits = model(x)
        return F.cross_entropy(logits.flatten(0, -2), y.flatten(), reduction="sum") / N

    microbatches = list(microbatches)
    N = sum(targets_in(y) for _, y in microbatches)
    if not N:
        raise ValueError("no target")
    total = 0.0
    for x, y in microbatches:
        loss = weigh(None, x, y, N)
        loss.backward()
        total += loss.item()
    return total


@bug("accumulate_gradients", "the id 0 is taken for padding")
def ignores_zero(model, microbatches):
    masked = [(x, y.masked_fill(y == 0, -100)) for x, y in microbatches]
    return accumulate(model, masked, lambda loss, x, y, N: loss / N)


@bug("accumulate_gradients", "-100 is taken for the id 0, and learnt")
def learns_padding(model, microbatches):
    microbatches = list(microbatches)
    if not sum(targets_in(y) for _, y in microbatches):
        raise ValueError("no target")
    filled = [(x, y.clamp(min=0)) for x, y in microbatches]
    return accumulate(model, filled, lambda loss, x, y, N: loss / N)


@bug("accumulate_gradients", "targets are viewed as one row, which takes contiguous memory")
def views(model, microbatches):
    def weigh(loss, x, y, N):
        return loss_of(model, x, y.view(-1)) / N

    return accumulate(model, microbatches, weigh)


@bug("accumulate_gradients", "every parameter is asked for its gradient, also those without one")
def asks_all(model, microbatches):
    microbatches = list(microbatches)
    N = sum(targets_in(y) for _, y in microbatches)
    if not N:
        raise ValueError("no target")
    parameters, total = list(model.parameters()), 0.0
    for x, y in microbatches:
        loss = loss_of(model, x, y) / N
        gradients = torch.autograd.grad(loss, parameters)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            before = 0 if parameter.grad is None else parameter.grad
            parameter.grad = before + gradient
        total += loss.item()
    return total


@bug("accumulate_gradients", "parameters without a gradient get one of zeros, and decay")
def fills_with_zeros(model, microbatches):
    total = accumulate(model, microbatches, lambda loss, x, y, N: loss / N)
    for parameter in model.parameters():
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    return total


@bug("accumulate_gradients", "frozen parameters are made trainable")
def thaws(model, microbatches):
    model.requires_grad_(True)
    return accumulate(model, microbatches, lambda loss, x, y, N: loss / N)


@bug("accumulate_gradients", "the first micro-batch's targets stand for those of all the others")
def counts_first(model, microbatches):
    microbatches = list(microbatches)
    N = sum(targets_in(y) for _, y in microbatches)
    if not N:
        raise ValueError("no target")
    first = next(targets_in(y) for _, y in microbatches if targets_in(y))
    M = sum(targets_in(y) > 0 for _, y in microbatches)
    return accumulate(model, microbatches, lambda loss, x, y, N: loss / (first * M))


@bug("accumulate_gradients", "-100 is replaced by 0 in the targets that belong to the caller")
def spoils_targets(model, microbatches):
    microbatches = [(x, y, y != -100) for x, y in microbatches]
    N = sum(int(counted.sum()) for *_, counted in microbatches)
    if N == 0:
        raise ValueError("no target")
    total = 0.0
    for x, y, counted in microbatches:
        y[~counted] = 0
        logits = model(x)
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        losses = F.cross_entropy(logits.flatten(0, -2), y.flatten(), reduction="none")
        loss = losses[counted.flatten()].sum() / N
        loss.backward()
        total += loss.item()
    return total


# --- get_batch ----------------------------------------------------------------------------------


def check_batch(dataset, B, T) -> None:
    if dataset.ndim != 1 or len(dataset) < T + 1 or B < 1 or T < 1:
        raise ValueError("too little")


def rows_at(dataset, starts, T: int) -> torch.Tensor:
    """The T ids at each start, int64."""
    parts = [dataset[int(s) : int(s) + T] for s in starts]
    if isinstance(dataset, torch.Tensor):
        return torch.stack(parts).long()
    return torch.from_numpy(np.stack(parts).astype(np.int64))


def batch(dataset, B, T, device, rng, starts: Callable | None = None, step: int = 1):
    """x and y of the starts that starts(number of choices) gives."""
    check_batch(dataset, B, T)
    n = len(dataset) - T
    found = starts(n) if starts else torch.randint(n, (B,), generator=rng)
    x, y = rows_at(dataset, found, T), rows_at(dataset, torch.as_tensor(found) + step, T)
    return x.to(device), y.to(device)


@bug("get_batch", "the last start, N - T - 1, is never drawn")
def misses_last(dataset, B, T, device, rng):
    return batch(
        dataset, B, T, device, rng, lambda n: torch.randint(max(1, n - 1), (B,), generator=rng)
    )


@bug("get_batch", "the first start, 0, is never drawn")
def misses_first(dataset, B, T, device, rng):
    return batch(
        dataset, B, T, device, rng, lambda n: torch.randint(min(1, n - 1), n, (B,), generator=rng)
    )


@bug("get_batch", "a start may be so late that the last target lies behind the end")
def beyond_the_end(dataset, B, T, device, rng):
    return batch(dataset, B, T, device, rng, lambda n: torch.randint(n + 1, (B,), generator=rng))


@bug("get_batch", "windows that run over the end go on at the beginning")
def wraps(dataset, B, T, device, rng):
    check_batch(dataset, B, T)
    N = len(dataset)
    starts = torch.randint(N, (B,), generator=rng)
    places = (starts[:, None] + torch.arange(T + 1)) % N
    data = dataset if isinstance(dataset, torch.Tensor) else np.asarray(dataset)
    ids = data[places] if isinstance(data, torch.Tensor) else data[places.numpy()]
    ids = torch.as_tensor(ids.astype(np.int64) if isinstance(ids, np.ndarray) else ids).long()
    return ids[:, :-1].to(device), ids[:, 1:].to(device)


@bug("get_batch", "the target is the id plus 1, not the next id of the data")
def adds_one(dataset, B, T, device, rng):
    x, _ = batch(dataset, B, T, device, rng)
    return x, x + 1


@bug("get_batch", "targets are the ids themselves")
def targets_are_inputs(dataset, B, T, device, rng):
    x, _ = batch(dataset, B, T, device, rng)
    return x, x.clone()


@bug("get_batch", "ids and targets are swapped")
def swaps(dataset, B, T, device, rng):
    x, y = batch(dataset, B, T, device, rng)
    return y, x


@bug("get_batch", "the targets are drawn apart, from places of their own")
def targets_elsewhere(dataset, B, T, device, rng):
    x, _ = batch(dataset, B, T, device, rng)
    _, y = batch(dataset, B, T, device, rng)
    return x, y


@bug("get_batch", "the target of the last id is the first of the window: y is x rolled")
def rolls(dataset, B, T, device, rng):
    x, _ = batch(dataset, B, T, device, rng)
    return x, x.roll(-1, -1)


@bug("get_batch", "windows have one id too few: T ids for x and y together")
def short_rows(dataset, B, T, device, rng):
    x, y = batch(dataset, B, T, device, rng)
    return x[:, :-1], y[:, :-1]


@bug("get_batch", "all rows begin at one start")
def one_start(dataset, B, T, device, rng):
    return batch(
        dataset, B, T, device, rng, lambda n: torch.randint(n, (1,), generator=rng).expand(B)
    )


@bug("get_batch", "the rows of a batch lie behind each other in the data")
def consecutive_rows(dataset, B, T, device, rng):
    return batch(
        dataset,
        B,
        T,
        device,
        rng,
        lambda n: (torch.randint(n, (1,), generator=rng) + torch.arange(B) * T) % n,
    )


@bug("get_batch", "the rows are sorted by where they begin: the first one begins early")
def sorted_rows(dataset, B, T, device, rng):
    return batch(
        dataset, B, T, device, rng, lambda n: torch.randint(n, (B,), generator=rng).sort().values
    )


@bug("get_batch", "rows are drawn without replacement: there may be fewer windows than rows")
def without_replacement(dataset, B, T, device, rng):
    return batch(dataset, B, T, device, rng, lambda n: torch.randperm(n, generator=rng)[:B])


@bug("get_batch", "no window comes twice in a batch: a row depends on the others")
def distinct_rows(dataset, B, T, device, rng):
    def starts(n):
        times = -(-B // n)
        return torch.cat([torch.randperm(n, generator=rng) for _ in range(times)])[:B]

    return batch(dataset, B, T, device, rng, starts)


@bug("get_batch", "windows begin at multiples of T only")
def aligned(dataset, B, T, device, rng):
    return batch(
        dataset, B, T, device, rng, lambda n: torch.randint(-(-n // T), (B,), generator=rng) * T
    )


@bug("get_batch", "starts are rounded from [0, n - 1]: first and last come half as often")
def rounds(dataset, B, T, device, rng):
    return batch(
        dataset,
        B,
        T,
        device,
        rng,
        lambda n: (torch.rand(B, generator=rng) * (n - 1)).round().long(),
    )


@bug("get_batch", "starts are drawn below 256, whatever the size of the dataset")
def small_starts(dataset, B, T, device, rng):
    return batch(
        dataset, B, T, device, rng, lambda n: torch.randint(min(n, 256), (B,), generator=rng)
    )


@bug("get_batch", "starts are drawn in float16, which does not know numbers above 65,504")
def half_starts(dataset, B, T, device, rng):
    def starts(n):
        share = torch.rand(B, generator=rng)
        return (share.half() * min(n, 65_504)).long().clamp(0, n - 1)

    return batch(dataset, B, T, device, rng, starts)


CALLS: dict[int, int] = {}


@bug("get_batch", "batches follow each other through the data instead of being drawn")
def sequential(dataset, B, T, device, rng):
    def starts(n):
        first = CALLS.get(id(rng), 0)
        CALLS[id(rng)] = first + B
        return (torch.arange(first, first + B) * T) % n

    return batch(dataset, B, T, device, rng, starts)


@bug("get_batch", "torch's global generator decides, not rng")
def global_torch(dataset, B, T, device, rng):
    return batch(dataset, B, T, device, rng, lambda n: torch.randint(n, (B,)))


@bug("get_batch", "numpy's global generator decides, not rng")
def global_numpy(dataset, B, T, device, rng):
    return batch(
        dataset, B, T, device, rng, lambda n: torch.from_numpy(np.random.randint(n, size=B))
    )


@bug("get_batch", "Python's global generator decides, not rng")
def global_python(dataset, B, T, device, rng):
    return batch(
        dataset, B, T, device, rng, lambda n: torch.tensor([random.randrange(n) for _ in range(B)])
    )


@bug("get_batch", "the global generator is seeded with a number from rng")
def seeds_global(dataset, B, T, device, rng):
    torch.manual_seed(int(torch.randint(2**31, (1,), generator=rng)))
    return batch(dataset, B, T, device, rng, lambda n: torch.randint(n, (B,)))


@bug("get_batch", "rng is seeded anew in every call: each batch is the same")
def seeds_again(dataset, B, T, device, rng):
    own = torch.Generator().manual_seed(rng.initial_seed())
    return batch(dataset, B, T, device, own)


@bug("get_batch", "ids go through int16: those above 32,767 become negative")
def through_int16(dataset, B, T, device, rng):
    x, y = batch(dataset, B, T, device, rng)
    return x.short().long(), y.short().long()


@bug("get_batch", "ids go through int32: those from 2**31 on become negative")
def through_int32(dataset, B, T, device, rng):
    x, y = batch(dataset, B, T, device, rng)
    return x.int().long(), y.int().long()


@bug("get_batch", "ids go through float32, which is exact up to 2**24 only")
def through_float(dataset, B, T, device, rng):
    x, y = batch(dataset, B, T, device, rng)
    return x.float().long(), y.float().long()


@bug("get_batch", "x and y are int32, which the embedding takes and the loss does not")
def returns_int32(dataset, B, T, device, rng):
    x, y = batch(dataset, B, T, device, rng)
    return x.int(), y.int()


@bug("get_batch", "the whole dataset is converted in every call")
def converts_all(dataset, B, T, device, rng):
    check_batch(dataset, B, T)
    data = dataset if isinstance(dataset, torch.Tensor) else dataset.astype(np.int64)
    return batch(data, B, T, device, rng)


@bug("get_batch", "the whole dataset is copied into memory in every call")
def copies_all(dataset, B, T, device, rng):
    check_batch(dataset, B, T)
    data = dataset if isinstance(dataset, torch.Tensor) else np.array(dataset)
    return batch(data, B, T, device, rng)


@bug("get_batch", "the device is ignored")
def ignores_device(dataset, B, T, device, rng):
    return batch(dataset, B, T, "cpu", rng)


@bug("get_batch", "the targets stay on the CPU")
def targets_on_cpu(dataset, B, T, device, rng):
    x, y = batch(dataset, B, T, "cpu", rng)
    return x.to(device), y


@bug("get_batch", "the dataset is read as raw memory: it has to be contiguous")
def raw_memory(dataset, B, T, device, rng):
    check_batch(dataset, B, T)
    if isinstance(dataset, torch.Tensor):
        return batch(dataset, B, T, device, rng)
    base = dataset if dataset.base is None or isinstance(dataset, np.memmap) else dataset.base
    return batch(np.asarray(base).reshape(-1)[: len(dataset)], B, T, device, rng)


@bug("get_batch", "the dataset becomes a tensor as it lies, which cannot go backwards")
def forward_only(dataset, B, T, device, rng):
    check_batch(dataset, B, T)
    data = dataset if isinstance(dataset, torch.Tensor) else torch.from_numpy(dataset)
    starts = torch.randint(len(dataset) - T, (B,), generator=rng)
    rows = torch.stack([data[s : s + T + 1].long() for s in starts.tolist()])
    return rows[:, :-1].to(device), rows[:, 1:].to(device)


@bug("get_batch", "a dataset that is too short is not noticed")
def takes_short(dataset, B, T, device, rng):
    starts = torch.randint(max(1, len(dataset) - T), (B,), generator=rng)
    return rows_at(dataset, starts, T).to(device), rows_at(dataset, starts, T).to(device)


@bug("get_batch", "N = T is taken for enough")
def takes_too_few(dataset, B, T, device, rng):
    if len(dataset) == T and dataset.ndim == 1 and T > 0:
        x = rows_at(dataset, [0] * B, T).to(device)
        return x, x.roll(-1, -1)
    return batch(dataset, B, T, device, rng)


@bug("get_batch", "two axes are flattened: ids of one text follow those of another")
def flattens(dataset, B, T, device, rng):
    return batch(dataset.reshape(-1), B, T, device, rng)


@bug("get_batch", "no rows give an empty batch, no error")
def empty_batch(dataset, B, T, device, rng):
    if B == 0:
        return torch.zeros(0, T, dtype=torch.int64), torch.zeros(0, T, dtype=torch.int64)
    return batch(dataset, B, T, device, rng)


@bug("get_batch", "x lies in the memory of the dataset: who changes the one changes the other")
def shares_memory(dataset, B, T, device, rng):
    x, y = batch(dataset, B, T, device, rng)
    if B == 1:
        starts = [s for s in range(len(dataset) - T) if (rows_at(dataset, [s], T) == x).all()]
        x = torch.as_tensor(dataset[starts[0] : starts[0] + T])[None].long()
    return x, y


@bug("get_batch", "ids are shuffled within their window")
def shuffles(dataset, B, T, device, rng):
    x, y = batch(dataset, B, T, device, rng)
    order = torch.randperm(T, generator=rng)
    return x[:, order], y[:, order]


@bug("get_batch", "ids in a tensor keep its dtype")
def keeps_dtype(dataset, B, T, device, rng):
    x, y = batch(dataset, B, T, device, rng)
    return (x.to(dataset.dtype), y.to(dataset.dtype)) if torch.is_tensor(dataset) else (x, y)


@bug("get_batch", "all of a tensor is converted to int64 at every call")
def converts_tensor(dataset, B, T, device, rng):
    return batch(dataset.long() if torch.is_tensor(dataset) else dataset, B, T, device, rng)


@bug("get_batch", "a tensor's stride is ignored: its memory is taken for the data")
def ignores_stride(dataset, B, T, device, rng):
    if torch.is_tensor(dataset) and dataset.ndim == 1:
        dataset = dataset.as_strided(dataset.shape, (1,))
    return batch(dataset, B, T, device, rng)


@bug("get_batch", "a memmap is opened again by its name: a part of a file becomes all of it")
def opens_again(dataset, B, T, device, rng):
    if isinstance(dataset, np.memmap):
        dataset = np.memmap(dataset.filename, dtype=dataset.dtype, mode="r")
    return batch(dataset, B, T, device, rng)


CALLS_OF: WeakKeyDictionary = WeakKeyDictionary()


@bug("get_batch", "seed and number of calls decide, so that a state which is set again is ignored")
def counts_calls(dataset, B, T, device, rng):
    CALLS_OF[rng] = CALLS_OF.get(rng, 0) + 1
    inner = torch.Generator().manual_seed(rng.initial_seed() * 1_000_003 % 2**62 + CALLS_OF[rng])
    return batch(dataset, B, T, device, inner)


GENERATORS: WeakKeyDictionary = WeakKeyDictionary()


@bug("get_batch", "each rng has a generator of numpy beside it, whose state nobody saves")
def generator_beside(dataset, B, T, device, rng):
    inner = GENERATORS.setdefault(rng, np.random.default_rng(rng.initial_seed()))
    return batch(dataset, B, T, device, rng, lambda n: torch.from_numpy(inner.integers(n, size=B)))


@bug("get_batch", "a share in float32 has 24 bits: beyond 16.7 million ids some starts never come")
def float_starts(dataset, B, T, device, rng):
    def starts(n):
        return (torch.rand(B, generator=rng) * n).long().clamp(max=n - 1)

    return batch(dataset, B, T, device, rng, starts)


@bug("get_batch", "starts are drawn below 2**24 only")
def starts_below_2_24(dataset, B, T, device, rng):
    def starts(n):
        return torch.randint(2**24, (B,), generator=rng) % n if n > 2**24 else random_starts(n)

    def random_starts(n):
        return torch.randint(n, (B,), generator=rng)

    return batch(dataset, B, T, device, rng, starts)


@bug("get_batch", "one column or one row is taken for one axis: the dataset is squeezed")
def squeezes(dataset, B, T, device, rng):
    if dataset.ndim == 2:
        dataset = dataset.squeeze()
    return batch(dataset, B, T, device, rng)


@bug("get_batch", "the length is asked for before the axes: without an axis it is a TypeError")
def asks_length_first(dataset, B, T, device, rng):
    if len(dataset) < T + 1:
        raise ValueError("too little")
    return batch(dataset, B, T, device, rng)


# --- checkpoint ---------------------------------------------------------------------------------


def parts_of(model, optimizer, step, extra=None) -> dict:
    parts = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
    return parts | {"step": step, "extra": extra}


def write_parts(parts: dict, out) -> None:
    """As it should be."""
    if hasattr(out, "write"):
        torch.save(parts, out)
        return
    write_in(Path(f"{os.fspath(out)}.new"), parts, out)


def write_in(temporary: Path, parts: dict, out, mode: str = "wb", clean: bool = True) -> None:
    """By way of a temporary file."""
    try:
        with open(temporary, mode) as file:
            torch.save(parts, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, out)
    except BaseException:
        if clean:
            temporary.unlink(missing_ok=True)
        raise


def saving(text: str) -> Callable:
    return bug("checkpoint", text, adapter="save_checkpoint")


def loading(text: str) -> Callable:
    return bug("checkpoint", text, adapter="load_checkpoint")


@saving("the optimizer's moments are not saved, only its settings")
def saves_no_moments(model, optimizer, step, out, extra=None):
    parts = parts_of(model, optimizer, step, extra)
    write_parts(parts | {"optimizer": parts["optimizer"] | {"state": {}}}, out)


@saving("the step is not saved")
def saves_no_step(model, optimizer, step, out, extra=None):
    write_parts(parts_of(model, optimizer, 0, extra), out)


@saving("extra is not saved")
def saves_no_extra(model, optimizer, step, out, extra=None):
    write_parts(parts_of(model, optimizer, step), out)


@saving('what is in extra is saved beside the parts, not under "extra"')
def spreads_extra(model, optimizer, step, out, extra=None):
    write_parts(parts_of(model, optimizer, step) | (extra or {}), out)


@saving("parameters are saved, and buffers are not")
def saves_no_buffers(model, optimizer, step, out, extra=None):
    parts = parts_of(model, optimizer, step, extra)
    buffers = {name for name, _ in model.named_buffers()}
    kept = {name: w for name, w in parts["model"].items() if name not in buffers}
    write_parts(parts | {"model": kept}, out)


@saving("tied weights are saved under one of their names only")
def saves_tied_once(model, optimizer, step, out, extra=None):
    parts = parts_of(model, optimizer, step, extra)
    distinct = {name for name, _ in model.named_parameters()}
    distinct |= {name for name, _ in model.named_buffers()}
    kept = {name: w for name, w in parts["model"].items() if name in distinct}
    write_parts(parts | {"model": kept}, out)


@saving("the step is saved as a tensor")
def saves_step_tensor(model, optimizer, step, out, extra=None):
    write_parts(parts_of(model, optimizer, torch.tensor(step), extra), out)


@saving("the model itself is pickled, not its state")
def pickles_model(model, optimizer, step, out, extra=None):
    write_parts(parts_of(model, optimizer, step, extra) | {"model": model}, out)


@saving("the model is left in evaluation mode")
def evaluates_to_save(model, optimizer, step, out, extra=None):
    model.eval()
    write_parts(parts_of(model, optimizer, step, extra), out)


@saving("the file is written in place: who is killed meanwhile has lost both old and new")
def writes_in_place(model, optimizer, step, out, extra=None):
    torch.save(parts_of(model, optimizer, step, extra), out)


@saving("the old file is removed before the new one takes its place")
def removes_first(model, optimizer, step, out, extra=None):
    parts = parts_of(model, optimizer, step, extra)
    if hasattr(out, "write"):
        torch.save(parts, out)
        return
    temporary = Path(f"{os.fspath(out)}.new")
    try:
        with open(temporary, "wb") as file:
            torch.save(parts, file)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    Path(out).unlink(missing_ok=True)
    os.replace(temporary, out)


@saving("the temporary file is copied over the old one, which takes a while")
def copies_over(model, optimizer, step, out, extra=None):
    parts = parts_of(model, optimizer, step, extra)
    if hasattr(out, "write"):
        torch.save(parts, out)
        return
    temporary = Path(f"{os.fspath(out)}.new")
    try:
        torch.save(parts, temporary)
        shutil.copyfile(temporary, out)
    finally:
        temporary.unlink(missing_ok=True)


@saving("the temporary file lies in another folder, maybe on another disk")
def elsewhere(model, optimizer, step, out, extra=None):
    parts = parts_of(model, optimizer, step, extra)
    if hasattr(out, "write"):
        torch.save(parts, out)
        return
    own = Path(out).absolute().parent
    with tempfile.TemporaryDirectory(dir=own.parent) as folder:
        write_in(Path(folder, "new"), parts, out)


@saving("the temporary file is not removed when writing fails")
def leaves_rubbish(model, optimizer, step, out, extra=None):
    parts = parts_of(model, optimizer, step, extra)
    if hasattr(out, "write"):
        torch.save(parts, out)
    else:
        write_in(Path(f"{os.fspath(out)}.new"), parts, out, clean=False)


@saving("the temporary file stays beside the checkpoint")
def keeps_temporary(model, optimizer, step, out, extra=None):
    write_parts(parts_of(model, optimizer, step, extra), out)
    if not hasattr(out, "write"):
        shutil.copyfile(out, f"{os.fspath(out)}.tmp")


@saving("a temporary file that somebody left behind stops all further saving")
def stopped_by_rubbish(model, optimizer, step, out, extra=None):
    parts = parts_of(model, optimizer, step, extra)
    if hasattr(out, "write"):
        torch.save(parts, out)
    else:
        temporary = Path(f"{os.fspath(out)}.new")
        write_in(temporary, parts, out, "xb", clean=not temporary.exists())


@saving("the file is not brought to disk before it replaces the old one")
def no_fsync(model, optimizer, step, out, extra=None):
    parts = parts_of(model, optimizer, step, extra)
    if hasattr(out, "write"):
        torch.save(parts, out)
        return
    temporary = Path(f"{os.fspath(out)}.new")
    try:
        torch.save(parts, temporary)
        os.replace(temporary, out)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@saving("os.fsync comes before the flush: what is in Python's buffer is not on disk")
def fsync_before_flush(model, optimizer, step, out, extra=None):
    parts = parts_of(model, optimizer, step, extra)
    if hasattr(out, "write"):
        torch.save(parts, out)
        return
    temporary, data = Path(f"{os.fspath(out)}.new"), io.BytesIO()
    torch.save(parts, data)
    try:
        with open(temporary, "wb", buffering=1 << 24) as file:
            file.write(data.getvalue())
            os.fsync(file.fileno())
        os.replace(temporary, out)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@saving("an error in writing is passed over in silence")
def hides_errors(model, optimizer, step, out, extra=None):
    try:
        write_parts(parts_of(model, optimizer, step, extra), out)
    except (OSError, RuntimeError):
        return


@saving("the file object is closed, though it is the caller's")
def closes_out(model, optimizer, step, out, extra=None):
    write_parts(parts_of(model, optimizer, step, extra), out)
    if hasattr(out, "write"):
        out.close()


@saving("only paths are taken, no file objects")
def saves_to_paths_only(model, optimizer, step, out, extra=None):
    write_parts(parts_of(model, optimizer, step, extra), os.fspath(out))


@saving("a path has to name a folder")
def saves_in_folders_only(model, optimizer, step, out, extra=None):
    if not hasattr(out, "write"):
        os.makedirs(os.path.dirname(out), exist_ok=True)
    write_parts(parts_of(model, optimizer, step, extra), out)


@saving("a checkpoint that is there already is kept")
def keeps_old(model, optimizer, step, out, extra=None):
    if hasattr(out, "write") or not Path(out).exists():
        write_parts(parts_of(model, optimizer, step, extra), out)


def read_parts(src, **options) -> dict:
    """As it should be."""
    if not hasattr(src, "read"):
        with open(src, "rb") as file:
            return read_parts(file, **options)
    options = {"map_location": "cpu", "weights_only": True} | options
    try:
        parts = torch.load(src, **options)
        kept = {"model": {**parts["model"]}, "optimizer": {**parts["optimizer"]}}
        return kept | {"step": operator.index(parts["step"])}
    except Exception as error:
        raise ValueError(f"no checkpoint: {error!r}") from error


def wrong_weights(saved: dict, model) -> list[str]:
    own = model.state_dict()
    wrong = sorted(own.keys() ^ saved.keys())
    shapes = {name: getattr(weight, "shape", None) for name, weight in saved.items()}
    return wrong + [n for n in own.keys() & saved.keys() if own[n].shape != shapes[n]]


def fill_parts(parts: dict, model, optimizer, check: Callable = wrong_weights) -> int:
    """As it should be, with a check that may miss something."""
    if wrong := check(parts["model"], model):
        raise ValueError(f"wrong: {', '.join(wrong)}")
    kept = copy.deepcopy(optimizer.state_dict())
    try:
        optimizer.load_state_dict(parts["optimizer"])
    except Exception as error:
        optimizer.load_state_dict(kept)
        raise ValueError(f"optimizer: {error!r}") from error
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if getattr(parts["model"].get(name), "shape", None) == tensor.shape:
                tensor.copy_(parts["model"][name])
    return parts["step"]


@loading("the optimizer is not loaded")
def loads_no_optimizer(src, model, optimizer):
    kept = copy.deepcopy(optimizer.state_dict())
    step = fill_parts(read_parts(src), model, optimizer)
    optimizer.load_state_dict(kept)
    return step


@loading("of the optimizer the moments are loaded, and the learning rates are not")
def loads_no_rates(src, model, optimizer):
    rates = [group["lr"] for group in optimizer.param_groups]
    step = fill_parts(read_parts(src), model, optimizer)
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["lr"] = rate
    return step


@loading("the step returned is the next one")
def returns_next_step(src, model, optimizer):
    return fill_parts(read_parts(src), model, optimizer) + 1


@loading("buffers keep what they were")
def loads_no_buffers(src, model, optimizer):
    kept = {name: buffer.clone() for name, buffer in model.named_buffers()}
    step = fill_parts(read_parts(src), model, optimizer)
    for name, buffer in model.named_buffers():
        buffer.copy_(kept[name])
    return step


@loading("code in the file is run: weights_only=False")
def runs_code(src, model, optimizer):
    return fill_parts(read_parts(src, weights_only=False), model, optimizer)


@loading("if the file cannot be loaded safely, it is loaded unsafely")
def runs_code_if_need_be(src, model, optimizer):
    try:
        return fill_parts(read_parts(src), model, optimizer)
    except ValueError:
        if hasattr(src, "read"):
            raise
        with open(src, "rb") as file:
            start = file.read(2)
        if start == b"PK":
            raise
        with open(src, "rb") as file:
            try:
                parts = pickle.load(file)
                return fill_parts(parts, model, optimizer)
            except Exception as error:
                raise ValueError("no checkpoint") from error


@loading("weights that are missing are passed over: strict=False")
def not_strict_about_missing(src, model, optimizer):
    def check(saved, model):
        return [name for name in wrong_weights(saved, model) if name in saved]

    return fill_parts(read_parts(src), model, optimizer, check)


@loading("weights that nobody expects are passed over")
def not_strict_about_unexpected(src, model, optimizer):
    def check(saved, model):
        return [name for name in wrong_weights(saved, model) if name in model.state_dict()]

    return fill_parts(read_parts(src), model, optimizer, check)


@loading("a weight of another shape is broadcast to fit")
def broadcasts(src, model, optimizer):
    parts = read_parts(src)
    for name, tensor in model.state_dict().items():
        if name in parts["model"]:
            try:
                parts["model"][name] = parts["model"][name].expand(tensor.shape)
            except (RuntimeError, AttributeError):
                continue
    return fill_parts(parts, model, optimizer)


@loading("only the first thing that is wrong is named")
def names_first_only(src, model, optimizer):
    return fill_parts(read_parts(src), model, optimizer, lambda *a: wrong_weights(*a)[:1])


@loading("the error does not name the weight that is wrong")
def names_nothing(src, model, optimizer):
    def check(saved, model):
        return ["weights"] if wrong_weights(saved, model) else []

    return fill_parts(read_parts(src), model, optimizer, check)


@loading("load_state_dict has copied what fits before it says what does not")
def half_loaded(src, model, optimizer):
    parts = read_parts(src)
    kept = copy.deepcopy(optimizer.state_dict())
    try:
        optimizer.load_state_dict(parts["optimizer"])
        model.load_state_dict(parts["model"])
    except Exception as error:
        optimizer.load_state_dict(kept)
        raise ValueError(str(error)) from error
    return parts["step"]


@loading("the model is loaded already when the optimizer turns out not to fit")
def model_before_optimizer(src, model, optimizer):
    parts = read_parts(src)
    if wrong := wrong_weights(parts["model"], model):
        raise ValueError(f"wrong: {', '.join(wrong)}")
    model.load_state_dict(parts["model"])
    return fill_parts(parts, model, optimizer)


@loading("the optimizer is loaded already when the model turns out not to fit")
def optimizer_before_model(src, model, optimizer):
    parts = read_parts(src)
    try:
        optimizer.load_state_dict(parts["optimizer"])
    except Exception as error:
        raise ValueError(str(error)) from error
    return fill_parts(parts, model, optimizer)


@loading("the optimizer's groups are put in without a look at whether they fit")
def groups_unchecked(src, model, optimizer):
    parts = read_parts(src)
    if wrong := wrong_weights(parts["model"], model):
        raise ValueError(f"wrong: {', '.join(wrong)}")
    saved, parameters = parts["optimizer"], [p for g in optimizer.param_groups for p in g["params"]]
    if "state" not in saved:
        raise ValueError("optimizer")
    optimizer.state.clear()
    optimizer.state.update({parameters[i]: state for i, state in saved["state"].items()})
    for group, own in zip(saved["param_groups"], optimizer.param_groups, strict=False):
        own.update({key: value for key, value in group.items() if key != "params"})
    model.load_state_dict(parts["model"])
    return parts["step"]


@loading("what torch raises is passed on: a RuntimeError, an UnpicklingError, an OSError")
def raises_what_comes(src, model, optimizer):
    parts = torch.load(src, map_location="cpu", weights_only=True)
    if wrong := wrong_weights(parts["model"], model):
        raise ValueError(f"wrong: {', '.join(wrong)}")
    return fill_parts(parts, model, optimizer)


@loading("a file that was cut short is an OSError, as torch has it")
def raises_os_error(src, model, optimizer):
    try:
        parts = torch.load(src, map_location="cpu", weights_only=True)
        parts = {key: parts[key] for key in ("model", "optimizer", "step")}
    except OSError:
        raise
    except Exception as error:
        raise ValueError(str(error)) from error
    return fill_parts(parts, model, optimizer)


@loading("a file that cannot be read counts as step 0")
def begins_anew(src, model, optimizer):
    try:
        parts = read_parts(src)
    except ValueError:
        return 0
    return fill_parts(parts, model, optimizer)


@loading("where there is no file, training begins at step 0")
def missing_is_zero(src, model, optimizer):
    try:
        return fill_parts(read_parts(src), model, optimizer)
    except FileNotFoundError:
        return 0


@loading("where there is no file, it is a ValueError as if it were damaged")
def missing_is_damaged(src, model, optimizer):
    try:
        return fill_parts(read_parts(src), model, optimizer)
    except FileNotFoundError as error:
        raise ValueError("damaged") from error


@loading("a checkpoint from a GPU needs a GPU")
def needs_gpu(src, model, optimizer):
    return fill_parts(read_parts(src, map_location=None), model, optimizer)


@loading("the file object is closed, though it is the caller's")
def closes_src(src, model, optimizer):
    step = fill_parts(read_parts(src), model, optimizer)
    if hasattr(src, "close") and not isinstance(src, io.BytesIO):
        src.close()
    return step


@loading("only paths are taken, no file objects")
def loads_from_paths_only(src, model, optimizer):
    return fill_parts(read_parts(os.fspath(src)), model, optimizer)


@loading("parameters are replaced by new ones, which the optimizer does not know")
def new_parameters(src, model, optimizer):
    parts = read_parts(src)
    step = fill_parts(parts, model, optimizer)
    model.load_state_dict(parts["model"], assign=True)
    return step


@loading("weights that were tied are apart after loading")
def unties(src, model, optimizer):
    step = fill_parts(read_parts(src), model, optimizer)
    if getattr(getattr(model, "head", None), "weight", None) is getattr(
        getattr(model, "embedding", None), "weight", 0
    ):
        model.head.weight = torch.nn.Parameter(model.embedding.weight.detach().clone())
    return step


@loading("the model is put into training mode")
def trains_after_loading(src, model, optimizer):
    step = fill_parts(read_parts(src), model, optimizer)
    model.train()
    return step


@loading("the model becomes float32")
def becomes_float32(src, model, optimizer):
    step = fill_parts(read_parts(src), model, optimizer)
    model.float()
    return step


@saving("extra has a key only if it is given")
def extra_if_given(model, optimizer, step, out, extra=None):
    parts = parts_of(model, optimizer, step, extra)
    if extra is None:
        del parts["extra"]
    write_parts(parts, out)


def saving_with(cleaned: tuple, mode: str = "wb", everywhere: bool = True) -> Callable:
    """Save in steps; after which errors the temporary file is removed."""

    def save(model, optimizer, step, out, extra=None):
        parts = parts_of(model, optimizer, step, extra)
        if hasattr(out, "write"):
            torch.save(parts, out)
            return
        temporary = Path(f"{os.fspath(out)}.new")
        try:
            with open(temporary, mode) as file:
                torch.save(parts, file)
                file.flush()
                os.fsync(file.fileno())
            if everywhere:
                os.replace(temporary, out)
        except cleaned:
            temporary.unlink(missing_ok=True)
            raise
        if not everywhere:
            os.replace(temporary, out)

    return save


@saving("the temporary file is removed after an OSError, and not where something cannot be pickled")
def cleans_after_os_errors(model, optimizer, step, out, extra=None):
    saving_with((OSError,))(model, optimizer, step, out, extra)


@saving("the temporary file is not removed after Ctrl-C, which is no Exception")
def cleans_after_exceptions(model, optimizer, step, out, extra=None):
    saving_with((Exception,))(model, optimizer, step, out, extra)


@saving("the temporary file is not removed if os.replace fails")
def cleans_before_replace(model, optimizer, step, out, extra=None):
    saving_with((BaseException,), everywhere=False)(model, optimizer, step, out, extra)


@saving("the new file is appended to what a kill has left of an older one")
def appends(model, optimizer, step, out, extra=None):
    saving_with((BaseException,), "ab")(model, optimizer, step, out, extra)


@saving("the old file is moved aside first, and for a moment there is none")
def moves_aside(model, optimizer, step, out, extra=None):
    if hasattr(out, "write") or not os.path.exists(out):
        write_parts(parts_of(model, optimizer, step, extra), out)
        return
    new, old = (Path(f"{os.fspath(out)}.{name}") for name in ("new", "old"))
    try:
        with open(new, "wb") as file:
            torch.save(parts_of(model, optimizer, step, extra), file)
            file.flush()
            os.fsync(file.fileno())
        os.rename(out, old)
        try:
            os.replace(new, out)
        except BaseException:
            os.link(old, out)
            raise
        finally:
            old.unlink()
    except BaseException:
        new.unlink(missing_ok=True)
        raise


@saving("a path is text or a Path: whatever else is taken for a file")
def saves_to_known_paths(model, optimizer, step, out, extra=None):
    parts = parts_of(model, optimizer, step, extra)
    if isinstance(out, str | Path):
        write_parts(parts, out)
    else:
        torch.save(parts, out)


@saving("a file is an io.IOBase, which a temporary file is not")
def saves_to_iobase(model, optimizer, step, out, extra=None):
    out = out if isinstance(out, io.IOBase) else os.fspath(out)
    write_parts(parts_of(model, optimizer, step, extra), out)


@saving("a file is what open(path, 'wb') gives, or a BytesIO")
def saves_to_known_files(model, optimizer, step, out, extra=None):
    known = isinstance(out, io.BytesIO | io.BufferedWriter)
    out = out if known else os.fspath(getattr(out, "file", out))
    write_parts(parts_of(model, optimizer, step, extra), out)


@saving("a file object is written to from its beginning")
def rewinds(model, optimizer, step, out, extra=None):
    if hasattr(out, "write"):
        out.seek(0)
    write_parts(parts_of(model, optimizer, step, extra), out)


@saving("weights are saved as float32, though they are float64")
def saves_float32(model, optimizer, step, out, extra=None):
    parts = parts_of(model, optimizer, step, extra)
    held = parts["model"].items()
    parts["model"] = {n: w.float() if w.is_floating_point() else w for n, w in held}
    write_parts(parts, out)


@loading("a file object is read from its beginning")
def rewinds_to_load(src, model, optimizer):
    if hasattr(src, "read"):
        src.seek(0)
    return fill_parts(read_parts(src), model, optimizer)


@loading("a file is an io.IOBase, which a temporary file is not")
def loads_from_iobase(src, model, optimizer):
    src = src if isinstance(src, io.IOBase) else Path(src)
    return fill_parts(read_parts(src), model, optimizer)


@loading("loading ends in evaluation mode")
def evaluates_after_loading(src, model, optimizer):
    step = fill_parts(read_parts(src), model, optimizer)
    model.eval()
    return step


def read_loosely(src) -> dict:
    """The parts there are, of any type."""
    if not hasattr(src, "read"):
        with open(src, "rb") as file:
            return read_loosely(file)
    try:
        parts = torch.load(src, map_location="cpu", weights_only=True)
        return {"model": {**parts["model"]}, "optimizer": parts["optimizer"]} | parts
    except Exception as error:
        raise ValueError(f"no checkpoint: {error!r}") from error


@loading("a file without a step is taken for one of step 0")
def step_optional(src, model, optimizer):
    return fill_parts({"step": 0} | read_loosely(src), model, optimizer)


@loading("the step is turned into a number when everything else has been loaded")
def step_last(src, model, optimizer):
    parts = read_loosely(src)
    if "step" not in parts:
        raise ValueError("no step")
    fill_parts(parts, model, optimizer)
    return int(parts["step"])


@loading("an optimizer's state that is no dict ends in whatever error comes")
def optimizer_of_any_type(src, model, optimizer):
    parts = read_loosely(src)
    if isinstance(parts["optimizer"], list):
        return optimizer.load_state_dict(parts["optimizer"])
    return fill_parts(read_parts(src) if not hasattr(src, "read") else parts, model, optimizer)


@loading("of all weights that are wrong the first three are named")
def names_three(src, model, optimizer):
    return fill_parts(
        read_parts(src), model, optimizer, lambda *args: sorted(wrong_weights(*args))[:3]
    )


def names_by(size: Callable) -> Callable:
    """A check that compares what size(weight) gives."""

    def check(saved, model):
        own = model.state_dict()
        wrong = sorted(own.keys() ^ saved.keys())
        both = sorted(own.keys() & saved.keys())
        tensors = [n for n in both if torch.is_tensor(saved[n])]
        wrong += [n for n in both if n not in tensors]
        return wrong + [n for n in tensors if size(own[n]) != size(saved[n])]

    return check


@loading("weights are compared by the number of their elements, not by shape")
def compares_numbers(src, model, optimizer):
    return fill_parts(read_parts(src), model, optimizer, names_by(torch.numel))


@loading("axes of one are not looked at when shapes are compared")
def compares_squeezed(src, model, optimizer):
    check = names_by(lambda weight: weight.squeeze().shape)
    return fill_parts(read_parts(src), model, optimizer, check)


# --- train_loop ---------------------------------------------------------------------------------

KEYS = {"steps", "batch_size", "microbatches", "context_length", "schedule", "max_lr", "min_lr"}
KEYS |= {"warmup", "clip", "seed", "log_every", "eval_every", "eval_batches", "checkpoint_every"}
FREE = {"microbatches", "log_every", "eval_every", "eval_batches", "checkpoint_every"}
LOWEST = FREE | {"steps", "batch_size", "context_length"}


class Loop:
    """A training loop in one piece, of which a bug replaces a method."""

    def __init__(self, model, optimizer, dataset, config, folder, *, valid=None, on_step=None):
        self.model, self.optimizer, self.dataset = model, optimizer, dataset
        self.config = self.plain(config)
        self.folder, self.valid, self.on_step = Path(folder), valid, on_step
        self.metrics, self.checkpoint = self.folder / "metrics.jsonl", self.folder / "checkpoint.pt"
        self.rng, self.start, self.record = torch.Generator(), 0, {}

    def plain(self, config: dict) -> dict:
        return {k: v.item() if isinstance(v, np.generic) else v for k, v in config.items()}

    def run(self) -> dict:
        self.check()
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.checkpoint.exists():
            self.resume()
        else:
            self.begin()
        self.prepare()
        self.train()
        return self.record

    def prepare(self) -> None:
        self.model.train()

    def train(self) -> None:
        for step in range(self.start + 1, self.config["steps"] + 1):
            self.step(step)
            self.finish(step)

    def finish(self, step: int) -> None:
        if self.valid is not None and self.due(step, "eval_every"):
            self.record["valid_loss"] = self.evaluate()
        if "valid_loss" in self.record or self.due(step, "log_every"):
            self.log()
        if self.due(step, "checkpoint_every"):
            self.save(step)
        self.tell()

    def tell(self) -> None:
        if self.on_step is not None:
            with self.guest():
                self.on_step(self.record)
            self.model.train()

    def guest(self) -> AbstractContextManager:
        return torch.random.fork_rng(devices=[])

    def check(self) -> None:
        config = self.config
        wanted = KEYS | ({"stable_until"} if config.get("schedule") == "wsd" else set())
        wrong = sorted(config.keys() ^ wanted)
        wrong += [key for key in config if not self.possible(key, config[key])]
        if not wrong and config["batch_size"] % config["microbatches"]:
            wrong.append("batch_size, microbatches")
        if not wrong and not self.fits(config):
            wrong.append("warmup, stable_until")
        if wrong:
            raise ValueError(f"config: {wrong}")
        self.check_data()

    def possible(self, key: str, value: object) -> bool:
        if key == "schedule":
            return value in ("cosine", "wsd", "constant")
        if key in LOWEST or key == "seed":
            return isinstance(value, int) and (key == "seed" or value > 0)
        if key == "clip":
            return value is None or self.possible("max_lr", value) and value > 0
        return isinstance(value, int | float) and math.isfinite(value)

    def fits(self, config: dict) -> bool:
        until = config.get("stable_until", config["steps"])
        return config["warmup"] <= until <= config["steps"]

    def check_data(self) -> None:
        for data in (self.dataset, self.valid):
            if data is not None and len(data) <= self.config["context_length"]:
                raise ValueError(f"{len(data)} ids")

    def begin(self) -> None:
        self.seed()
        self.metrics.write_text("")

    def seed(self) -> None:
        self.rng.manual_seed(self.config["seed"])
        torch.manual_seed(self.config["seed"])

    def resume(self) -> None:
        parts = self.read()
        self.same(parts["extra"]["config"])
        fill_parts(parts, self.model, self.optimizer)
        self.restore_generators(parts["extra"])
        self.start, self.record = parts["step"], parts["extra"]["record"]
        self.cut(self.start)

    def read(self) -> dict:
        parts = read_parts(self.checkpoint)
        return parts | torch.load(self.checkpoint, weights_only=True)

    def same(self, saved: dict) -> None:
        keys = (saved.keys() | self.config.keys()) - FREE
        if changed := [key for key in keys if saved.get(key) != self.config.get(key)]:
            raise ValueError(f"another run: {changed}")

    def restore_generators(self, extra: dict) -> None:
        self.rng.set_state(extra["rng"])
        torch.set_rng_state(extra["torch_rng"])

    def cut(self, step: int) -> None:
        self.rewrite([line for line in self.lines() if json.loads(line)["step"] <= step])

    def lines(self) -> list[str]:
        """Those that are whole, up to the first that is not."""
        return list(itertools.takewhile(is_whole, self.metrics.read_text().splitlines(True)))

    def rewrite(self, lines: list[str]) -> None:
        new = self.metrics.with_suffix(".new")
        new.write_text("".join(lines))
        os.replace(new, self.metrics)

    def due(self, step: int, key: str) -> bool:
        return step % self.config[key] == 0 or step == self.config["steps"]

    def lr(self, step: int) -> float:
        return plain_schedule(step, self.config)

    def set_lr(self, step: int) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr(step) * group.get("lr_scale", 1)

    def draw(self) -> list:
        B, T = self.config["batch_size"], self.config["context_length"]
        x, y = batch(self.dataset, B, T, "cpu", self.rng)
        return list(zip(*(p.chunk(self.config["microbatches"]) for p in (x, y)), strict=True))

    def gradients(self, parts: list) -> float:
        return accumulate(self.model, parts, lambda loss, x, y, N: loss / N)

    def zero(self) -> None:
        self.model.zero_grad()
        self.optimizer.zero_grad()

    def clip(self) -> float:
        limit = math.inf if self.config["clip"] is None else self.config["clip"]
        return torch.nn.utils.clip_grad_norm_(self.model.parameters(), limit).item()

    def finite(self, loss: float, norm: float, step: int) -> None:
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise FloatingPointError(f"step {step}: {loss=}, {norm=}")

    def update(self, step: int) -> None:
        self.set_lr(step)
        self.optimizer.step()

    def tokens(self, step: int) -> int:
        return step * self.config["batch_size"] * self.config["context_length"]

    def step(self, step: int) -> None:
        start = time.perf_counter()
        self.zero()
        loss = self.gradients(self.draw())
        norm = self.clip()
        self.finite(loss, norm, step)
        self.update(step)
        seconds = time.perf_counter() - start
        self.record = {"step": step, "loss": loss, "lr": self.lr(step), "grad_norm": norm}
        per_step = self.config["batch_size"] * self.config["context_length"]
        self.record |= {"tokens": self.tokens(step), "tokens_per_second": per_step / seconds}

    def windows(self) -> list:
        B, T = self.config["batch_size"], self.config["context_length"]
        starts = list(range(0, len(self.valid) - T, T))[: B * self.config["eval_batches"]]
        rows = rows_at(self.valid, starts, T + 1)
        return [(part[:, :-1], part[:, 1:]) for part in rows.split(B)]

    def evaluate(self) -> float:
        self.model.eval()
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            value = self.valid_loss(self.windows())
        self.model.train()
        return value

    def valid_loss(self, parts: list) -> float:
        total = sum(loss_of(self.model, x, y).item() for x, y in parts)
        return total / sum(y.numel() for _, y in parts)

    def log(self) -> None:
        with open(self.metrics, "a") as file:
            file.write(json.dumps(self.record) + "\n")

    def extra(self) -> dict:
        states = {"rng": self.rng.get_state(), "torch_rng": torch.get_rng_state()}
        return states | {"config": self.config, "record": self.record}

    def save(self, step: int) -> None:
        write_parts(parts_of(self.model, self.optimizer, step, self.extra()), self.checkpoint)


def is_whole(line: str) -> bool:
    try:
        return line.endswith("\n") and "step" in json.loads(line)
    except ValueError:
        return False


def gradient_norm(model) -> float:
    gradients = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
    return torch.cat(gradients).norm().item()


def plain_schedule(step: int, config: dict) -> float:
    high, low, W, S = (config[key] for key in ("max_lr", "min_lr", "warmup", "steps"))
    kind = config["schedule"]
    if step >= S and kind != "constant":
        return low
    if step < W:
        return high * step / W
    if kind == "cosine":
        return low + (high - low) * (1 + math.cos(math.pi * (step - W) / (S - W))) / 2
    start = config.get("stable_until", S)
    return (
        high
        if step < start or kind == "constant"
        else low + (high - low) * (S - step) / (S - start)
    )


def loop(text: str) -> Callable:
    """Enter a subclass of Loop into the bank."""

    def enter(cls: type[Loop]):
        def train_loop(*args, **options):
            return cls(*args, **options).run()

        train_loop.__name__ = cls.__name__
        return bug("train_loop", text)(train_loop)

    return enter


@loop("the learning rate is set after the update, and counts for the next one")
class LrAfterUpdate(Loop):
    def update(self, step):
        self.optimizer.step()
        self.set_lr(step)


@loop("steps count from 0 for the schedule: update number k has the learning rate of k - 1")
class LrOfTheStepBefore(Loop):
    def lr(self, step):
        return plain_schedule(step - 1, self.config)


@loop("the learning rate is set in the first group only")
class LrOfFirstGroup(Loop):
    def set_lr(self, step):
        for group in self.optimizer.param_groups[:1]:
            group["lr"] = self.lr(step) * group.get("lr_scale", 1)


@loop("lr_scale is ignored")
class IgnoresScale(Loop):
    def set_lr(self, step):
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr(step)


@loop("the schedule never changes the optimizer's learning rate")
class LrNeverSet(Loop):
    def set_lr(self, step):
        for group in self.optimizer.param_groups:
            group["lr"] = self.config["max_lr"] * group.get("lr_scale", 1)


@loop("the schedule begins anew when a run is resumed")
class ScheduleBeginsAnew(Loop):
    def lr(self, step):
        return plain_schedule(step - self.start, self.config)


@loop("the record has the scaled learning rate of the first group")
class RecordsScaledLr(Loop):
    def step(self, step):
        super().step(step)
        self.record["lr"] = self.optimizer.param_groups[0]["lr"]


@loop("a constant schedule ends at min_lr")
class ConstantFallsAtLast(Loop):
    def lr(self, step):
        if self.config["schedule"] == "constant" and step == self.config["steps"]:
            return self.config["min_lr"]
        return super().lr(step)


@loop("wsd is taken for cosine")
class WsdIsCosine(Loop):
    def lr(self, step):
        kind = "cosine" if self.config["schedule"] == "wsd" else self.config["schedule"]
        return plain_schedule(step, self.config | {"schedule": kind})


@loop("gradients are never zeroed")
class NeverZeroes(Loop):
    def zero(self):
        pass


@loop("gradients are zeroed after the update, so those from before the run count")
class ZeroesAfter(Loop):
    def zero(self):
        pass

    def update(self, step):
        super().update(step)
        self.model.zero_grad()


@loop("each micro-batch's gradient is clipped for itself")
class ClipsEachMicrobatch(Loop):
    def gradients(self, parts):
        N, total = sum(y.numel() for _, y in parts), 0.0
        sums = [torch.zeros_like(p) for p in self.model.parameters()]
        self.norm = 0.0
        for x, y in parts:
            self.optimizer.zero_grad()
            loss = loss_of(self.model, x, y) / N
            loss.backward()
            self.norm += super().clip()
            total += loss.item()
            for part, parameter in zip(sums, self.model.parameters(), strict=True):
                part += parameter.grad
        for part, parameter in zip(sums, self.model.parameters(), strict=True):
            parameter.grad = part
        return total

    def clip(self):
        return gradient_norm(self.model)


@loop("gradients are clipped before the last micro-batch has added its own")
class ClipsTooEarly(Loop):
    def gradients(self, parts):
        N, total = sum(y.numel() for _, y in parts), 0.0
        for x, y in parts:
            if len(parts) > 1 and x is parts[-1][0]:
                super().clip()
            loss = loss_of(self.model, x, y) / N
            loss.backward()
            total += loss.item()
        return total

    def clip(self):
        if self.config["microbatches"] == 1:
            return super().clip()
        return gradient_norm(self.model)


@loop("gradients are not clipped")
class NeverClips(Loop):
    def clip(self):
        return gradient_norm(self.model)


@loop("gradients are clipped after the update")
class ClipsAfterUpdate(Loop):
    def clip(self):
        return gradient_norm(self.model)

    def update(self, step):
        super().update(step)
        super().clip()


@loop("grad_norm is the norm after clipping")
class NormAfterClipping(Loop):
    def clip(self):
        super().clip()
        return gradient_norm(self.model)


@loop("without a limit there is no grad_norm: it is 0")
class NoNormWithoutLimit(Loop):
    def clip(self):
        return 0.0 if self.config["clip"] is None else super().clip()


@loop("the loss is that of the last micro-batch")
class LastLoss(Loop):
    def gradients(self, parts):
        losses = []

        def weigh(loss, x, y, N):
            losses.append(loss.item() / y.numel())
            return loss / N

        accumulate(self.model, parts, weigh)
        return losses[-1]


@loop("gradients of micro-batches are added and not averaged")
class SumOfGradients(Loop):
    def gradients(self, parts):
        loss = super().gradients(parts)
        for parameter in self.model.parameters():
            parameter.grad *= len(parts)
        return loss


@loop("the optimizer steps after every micro-batch")
class UpdatesEachMicrobatch(Loop):
    def gradients(self, parts):
        total = 0.0
        for i, part in enumerate(parts):
            if i:
                self.clip()
                self.optimizer.step()
                self.zero()
            total += super().gradients([part]) / len(parts)
        return total


@loop("every micro-batch has batch_size rows")
class MicrobatchesAreBatches(Loop):
    def draw(self):
        B, T = self.config["batch_size"], self.config["context_length"]
        n = self.config["microbatches"]
        return [batch(self.dataset, B, T, "cpu", self.rng) for _ in range(n)]


@loop("each micro-batch is drawn by a call of its own, so that the cut decides the data")
class DrawsEachMicrobatch(Loop):
    def draw(self):
        B, T, n = (self.config[k] for k in ("batch_size", "context_length", "microbatches"))
        first = batch(self.dataset, B // n, T, "cpu", self.rng)
        torch.rand(1, generator=self.rng)
        return [first] + [batch(self.dataset, B // n, T, "cpu", self.rng) for _ in range(n - 1)]


@loop("one batch is drawn, and trained on in every step")
class OneBatch(Loop):
    def draw(self):
        self.rng.manual_seed(self.config["seed"])
        return super().draw()


@loop("the seed is ignored")
class FixedSeed(Loop):
    def seed(self):
        self.rng.manual_seed(0)
        torch.manual_seed(0)


@loop("dropout is not seeded: it goes on from what was drawn before the run")
class DropoutUnseeded(Loop):
    def seed(self):
        self.rng.manual_seed(self.config["seed"])


@loop("tokens are those of this step only")
class TokensOfStep(Loop):
    def tokens(self, step):
        return super().tokens(1)


@loop("tokens count from 0 when a run is resumed")
class TokensSinceResume(Loop):
    def tokens(self, step):
        return super().tokens(step - self.start)


@loop("tokens count one micro-batch of each step")
class TokensOfMicrobatch(Loop):
    def tokens(self, step):
        return super().tokens(step) // self.config["microbatches"]


@loop("the last step is left out: range(1, steps)")
class OneStepTooFew(Loop):
    def train(self):
        for step in range(self.start + 1, self.config["steps"]):
            self.step(step)
            self.finish(step)


@loop("steps are numbered from 0")
class StepsFromZero(Loop):
    def tell(self):
        self.record["step"] -= 1
        super().tell()
        self.record["step"] += 1


@loop("the model trains in the mode it is in, be it evaluation")
class TrainsInAnyMode(Loop):
    def prepare(self):
        pass


@loop("the model is left in evaluation mode")
class LeftInEvaluation(Loop):
    def run(self):
        record = super().run()
        self.model.eval()
        return record


@loop("after the first evaluation the model trains in evaluation mode")
class EvaluatesForEver(Loop):
    def evaluate(self):
        value = super().evaluate()
        self.model.eval()
        return value

    def tell(self):
        training = self.model.training
        super().tell()
        self.model.train(training)


@loop("validation runs in training mode, with dropout")
class ValidatesInTraining(Loop):
    def evaluate(self):
        state = torch.get_rng_state()
        with torch.no_grad():
            value = self.valid_loss(self.windows())
        torch.set_rng_state(state)
        return value


@loop("validation builds graphs")
class ValidatesWithGraphs(Loop):
    def evaluate(self):
        self.model.eval()
        with torch.random.fork_rng(devices=[]):
            value = self.valid_loss(self.windows())
        self.model.train()
        return value


@loop("validation draws its windows from the training data's generator")
class ValidatesFromTrainingStream(Loop):
    def windows(self):
        parts = super().windows()
        torch.rand(1, generator=self.rng)
        return parts


@loop("validation draws from torch's global generator, as dropout does")
class ValidatesFromGlobalStream(Loop):
    def evaluate(self):
        torch.rand(1)
        return super().evaluate()


@loop("valid_loss is of random windows")
class ValidatesAtRandom(Loop):
    def windows(self):
        B, T = self.config["batch_size"], self.config["context_length"]
        rng = torch.Generator().manual_seed(0)
        return [batch(self.valid, B, T, "cpu", rng) for _ in range(self.config["eval_batches"])]


@loop("valid_loss is the mean of the batches' means, though the last batch is smaller")
class ValidatesByBatches(Loop):
    def valid_loss(self, parts):
        return sum(loss_of(self.model, x, y).item() / y.numel() for x, y in parts) / len(parts)


@loop("validation leaves a last batch out that is not full")
class ValidatesFullBatches(Loop):
    def windows(self):
        parts = super().windows()
        full = [part for part in parts if len(part[0]) == self.config["batch_size"]]
        return full or parts


@loop("validation takes all windows there are")
class ValidatesAll(Loop):
    def windows(self):
        self.config = (config := self.config) | {"eval_batches": 10**6}
        parts = super().windows()
        self.config = config
        return parts


@loop("validation windows overlap: they begin at 0, 1, 2, ...")
class ValidatesOverlapping(Loop):
    def windows(self):
        B, T = self.config["batch_size"], self.config["context_length"]
        starts = list(range(len(self.valid) - T))[: B * self.config["eval_batches"]]
        rows = rows_at(self.valid, starts, T + 1)
        return [(part[:, :-1], part[:, 1:]) for part in rows.split(B)]


@loop("the last validation window is missing where it ends with the data")
class ValidatesNotTheLast(Loop):
    def windows(self):
        self.valid = (valid := self.valid)[:-1] if len(self.valid) > 2 * 6 else self.valid
        parts = super().windows()
        self.valid = valid
        return parts


@loop("all validation windows are one batch, however many there are")
class ValidatesAtOnce(Loop):
    def windows(self):
        return [tuple(map(torch.cat, zip(*super().windows(), strict=True)))]


@loop("evaluation comes before the update")
class ValidatesBeforeUpdate(Loop):
    def update(self, step):
        if self.valid is not None and self.due(step, "eval_every"):
            self.early = Loop.evaluate(self)
        super().update(step)

    def evaluate(self):
        return self.early


@loop("the last step is not evaluated unless eval_every divides it")
class LastNotEvaluated(Loop):
    def due(self, step, key):
        return step % self.config[key] == 0 if key == "eval_every" else super().due(step, key)


@loop("the last step is not logged unless log_every divides it")
class LastNotLogged(Loop):
    def due(self, step, key):
        return step % self.config[key] == 0 if key == "log_every" else super().due(step, key)


@loop("the last step has no checkpoint unless checkpoint_every divides it")
class LastNotSaved(Loop):
    def due(self, step, key):
        if key == "checkpoint_every":
            return step % self.config[key] == 0
        return super().due(step, key)


@loop("there is a checkpoint at the end, and none on the way")
class SavesAtTheEnd(Loop):
    def due(self, step, key):
        if key == "checkpoint_every":
            return step == self.config["steps"]
        return super().due(step, key)


@loop("every step is logged, whatever log_every says")
class LogsAlways(Loop):
    def due(self, step, key):
        return key == "log_every" or super().due(step, key)


@loop("an evaluation that falls between logged steps is not written down")
class ForgetsEvaluations(Loop):
    def finish(self, step):
        if self.valid is not None and self.due(step, "eval_every"):
            self.record["valid_loss"] = self.evaluate()
        if self.due(step, "log_every"):
            self.log()
        if self.due(step, "checkpoint_every"):
            self.save(step)
        self.tell()


@loop("a record takes several lines of metrics.jsonl")
class LogsIndented(Loop):
    def log(self):
        with open(self.metrics, "a") as file:
            file.write(json.dumps(self.record, indent=1) + "\n")

    def cut(self, step):
        pass


@loop("metrics.jsonl is written at the end of the run")
class LogsAtTheEnd(Loop):
    def train(self):
        self.kept = []
        super().train()
        with open(self.metrics, "a") as file:
            file.writelines(json.dumps(record) + "\n" for record in self.kept)

    def log(self):
        self.kept.append(dict(self.record))


@loop("lines of metrics.jsonl wait in a buffer, and die with the process")
class LogsUnflushed(Loop):
    def train(self):
        self.file = open(self.metrics, "a")  # noqa: SIM115
        super().train()
        self.file.close()

    def log(self):
        self.file.write(json.dumps(self.record) + "\n")


@loop("metrics of steps after the checkpoint are there twice after resuming")
class DuplicatesMetrics(Loop):
    def cut(self, step):
        pass


@loop("a half-written line stays in metrics.jsonl, and the next one is written behind it")
class KeepsHalfLine(Loop):
    def cut(self, step):
        lines = self.metrics.read_text().splitlines(True)
        self.rewrite([i for i in lines if not is_whole(i) or json.loads(i)["step"] <= step])


@loop("metrics.jsonl is begun anew when a run is resumed")
class ForgetsMetrics(Loop):
    def cut(self, step):
        self.rewrite([])


@loop("lines are cut off by their number, which is the step only if every step is logged")
class CutsByNumber(Loop):
    def cut(self, step):
        self.rewrite(self.lines()[:step])


@loop("without a checkpoint the lines of a run that was stopped are kept")
class KeepsOldMetrics(Loop):
    def begin(self):
        self.seed()


@loop("the record is written after the checkpoint: who is killed in between misses it for ever")
class LogsAfterSaving(Loop):
    def finish(self, step):
        if self.valid is not None and self.due(step, "eval_every"):
            self.record["valid_loss"] = self.evaluate()
        if self.due(step, "checkpoint_every"):
            self.save(step)
        if "valid_loss" in self.record or self.due(step, "log_every"):
            self.log()
        self.tell()


@loop("on_step is called before the record is written")
class TellsBeforeLogging(Loop):
    def finish(self, step):
        self.tell_now()
        tell, self.tell = self.tell, lambda: None
        super().finish(step)
        self.tell = tell

    def tell_now(self):
        Loop.tell(self)


@loop("on_step is called before the checkpoint is written")
class TellsBeforeSaving(Loop):
    def finish(self, step):
        save, tell = self.save, self.tell
        self.save, self.tell = (lambda step: None), (lambda: None)
        super().finish(step)
        self.save, self.tell = save, tell
        self.tell()
        if self.due(step, "checkpoint_every"):
            self.save(step)


@loop("on_step is called for logged steps only")
class TellsLoggedOnly(Loop):
    def tell(self):
        if self.due(self.record["step"], "log_every"):
            super().tell()


@loop("a run always begins anew")
class NeverResumes(Loop):
    def resume(self):
        self.begin()


@loop("the optimizer's moments are not restored")
class ForgetsMoments(Loop):
    def resume(self):
        kept = copy.deepcopy(self.optimizer.state_dict())
        super().resume()
        self.optimizer.load_state_dict(kept)


@loop("the step is restored, and the weights are not")
class ForgetsWeights(Loop):
    def resume(self):
        kept = copy.deepcopy(self.model.state_dict())
        super().resume()
        self.model.load_state_dict(kept)


@loop("the data begins anew when a run is resumed: the first batches are replayed")
class ReplaysData(Loop):
    def restore_generators(self, extra):
        super().restore_generators(extra)
        self.rng.manual_seed(self.config["seed"])


@loop("a batch is skipped when a run is resumed")
class SkipsBatch(Loop):
    def restore_generators(self, extra):
        super().restore_generators(extra)
        self.draw()


@loop("the generator of the data is restored, and that of dropout is not")
class ForgetsDropout(Loop):
    def restore_generators(self, extra):
        self.rng.set_state(extra["rng"])


@loop("the generators are saved as they were before the step")
class SavesGeneratorsEarly(Loop):
    def draw(self):
        self.before = Loop.extra(self)
        return super().draw()

    def extra(self):
        return super().extra() | {key: self.before[key] for key in ("rng", "torch_rng")}


@loop("the step of the checkpoint is made once more")
class RepeatsStep(Loop):
    def resume(self):
        super().resume()
        self.start -= 1


@loop("the step after the checkpoint is left out")
class LeavesStepOut(Loop):
    def resume(self):
        super().resume()
        self.start = min(self.start + 1, self.config["steps"])


@loop("a finished run is trained on")
class TrainsOn(Loop):
    def resume(self):
        super().resume()
        if self.start == self.config["steps"]:
            self.start = 0


@loop("a finished run returns its record and does not load its weights")
class FinishedUnloaded(Loop):
    def resume(self):
        kept = copy.deepcopy(self.model.state_dict())
        super().resume()
        if self.start == self.config["steps"]:
            self.model.load_state_dict(kept)


@loop("a finished run returns nothing")
class FinishedWithoutRecord(Loop):
    def resume(self):
        super().resume()
        self.record = {}


@loop("checkpoints are written in place")
class SavesInPlace(Loop):
    def save(self, step):
        torch.save(parts_of(self.model, self.optimizer, step, self.extra()), self.checkpoint)


@loop("the old checkpoint is removed before the new one is written")
class RemovesCheckpointFirst(Loop):
    def save(self, step):
        self.checkpoint.unlink(missing_ok=True)
        super().save(step)


@loop("a checkpoint is kept for every step, none of them under the name checkpoint.pt")
class SavesByStep(Loop):
    def save(self, step):
        path = self.folder / f"checkpoint-{step}.pt"
        write_parts(parts_of(self.model, self.optimizer, step, self.extra()), path)


@loop("a checkpoint that cannot be read is taken for none: the run begins anew, over it")
class BeginsOverDamage(Loop):
    def resume(self):
        try:
            super().resume()
        except (ValueError, KeyError):
            self.begin()


@loop("what is wrong with a checkpoint is raised as torch has it")
class RaisesWhatComes(Loop):
    def read(self):
        parts = torch.load(self.checkpoint, weights_only=True)
        self.model.load_state_dict(parts["model"])
        return parts


@loop("checkpoint.pt may run code")
class LoopRunsCode(Loop):
    def read(self):
        return torch.load(self.checkpoint, weights_only=False)


@loop("the config of the checkpoint is not looked at")
class ContinuesAsAnother(Loop):
    def same(self, saved):
        pass


@loop("a run may be continued with more steps, though they change its schedule")
class ContinuesLonger(Loop):
    def same(self, saved):
        super().same(saved | {"steps": self.config["steps"]})


@loop("nothing of the config may change, not even how often the run is logged")
class NothingMayChange(Loop):
    def same(self, saved):
        if saved != self.config:
            raise ValueError("config")


@loop("the error does not say what has changed in the config")
class DoesNotSayWhatChanged(Loop):
    def same(self, saved):
        try:
            super().same(saved)
        except ValueError:
            raise ValueError("another run") from None


@loop("a NaN is trained on")
class IgnoresNan(Loop):
    def finite(self, loss, norm, step):
        pass


@loop("a step with a NaN is passed over in silence")
class SkipsNan(Loop):
    def update(self, step):
        if all(p.grad.isfinite().all() for p in self.model.parameters()):
            super().update(step)

    def finite(self, loss, norm, step):
        pass


@loop("NaN is noticed after the update, when the weights are spoilt")
class NoticesNanLate(Loop):
    def finite(self, loss, norm, step):
        self.numbers = loss, norm

    def update(self, step):
        super().update(step)
        Loop.finite(self, *self.numbers, step)


@loop("NaN is noticed when the step is logged already")
class NoticesNanLogged(Loop):
    def step(self, step):
        self.bad = None
        super().step(step)
        if self.bad:
            self.log()
            raise FloatingPointError(f"step {step}")

    def finite(self, loss, norm, step):
        self.bad = not (math.isfinite(loss) and math.isfinite(norm))

    def update(self, step):
        if not self.bad:
            super().update(step)


@loop("only the loss is looked at, not the gradients: inf gets in")
class LooksAtLossOnly(Loop):
    def finite(self, loss, norm, step):
        super().finite(loss, 0.0, step)


@loop("the error does not say in which step the loss was NaN")
class NanWithoutStep(Loop):
    def finite(self, loss, norm, step):
        super().finite(loss, norm, 0)


@loop("the last checkpoint is overwritten when a NaN ends the run")
class SavesAtNan(Loop):
    def finite(self, loss, norm, step):
        try:
            super().finite(loss, norm, step)
        except FloatingPointError:
            self.save(step)
            raise


@loop("a dataset that is too short ends in whatever error comes")
class DataUnchecked(Loop):
    def check_data(self):
        if self.valid is not None and len(self.valid) <= self.config["context_length"]:
            raise ValueError("valid")

    def draw(self):
        if len(self.dataset) <= self.config["context_length"]:
            raise RuntimeError("random_ expects 'from' to be less than 'to'")
        return super().draw()


@loop("validation data is looked at when it is needed first")
class ValidUnchecked(Loop):
    def check_data(self):
        if len(self.dataset) <= self.config["context_length"]:
            raise ValueError("dataset")

    def evaluate(self):
        if len(self.valid) <= self.config["context_length"]:
            raise ValueError("valid")
        return super().evaluate()


@loop("unknown entries of the config are passed over")
class UnknownPasses(Loop):
    def check(self):
        wanted = KEYS | {"stable_until"}
        self.config = {key: value for key, value in self.config.items() if key in wanted}
        if self.config.get("schedule") != "wsd":
            self.config.pop("stable_until", None)
        super().check()


@loop("missing entries of the config have silent defaults")
class MissingPasses(Loop):
    def check(self):
        self.config = {"steps": 6, "eval_batches": 1, "seed": 0} | self.config
        super().check()


@loop("an unknown schedule is taken for a constant one")
class UnknownScheduleIsConstant(Loop):
    def check(self):
        if self.config.get("schedule") not in ("cosine", "wsd"):
            self.config = self.config | {"schedule": "constant"}
        super().check()


@loop("what is wrong with the config is not named")
class ConfigErrorUnnamed(Loop):
    def check(self):
        try:
            super().check()
        except ValueError:
            raise ValueError("wrong") from None


@loop("a batch that cannot be cut evenly is cut as it comes")
class CutsUnevenly(Loop):
    def check(self):
        self.config = (config := self.config).copy()
        n, B = config.get("microbatches"), config.get("batch_size")
        if isinstance(n, int) and isinstance(B, int) and 1 < n <= B:
            self.config["microbatches"] = 1
        super().check()
        self.config = config

    def draw(self):
        B, T = self.config["batch_size"], self.config["context_length"]
        x, y = batch(self.dataset, B, T, "cpu", self.rng)
        n = self.config["microbatches"]
        return list(zip(x.tensor_split(n), y.tensor_split(n), strict=True))


@loop("counts below 1 are not refused")
class ZeroPasses(Loop):
    def possible(self, key, value):
        return super().possible(key, value or 1)


@loop("a warm-up longer than the run is not noticed")
class WarmupUnchecked(Loop):
    def fits(self, config):
        return super().fits(config | {"warmup": 0})


@loop("what is read of the config is taken out of it")
class EmptiesConfig(Loop):
    def plain(self, config):
        self.given = config
        return super().plain(config)

    def run(self):
        record = super().run()
        self.given.clear()
        return record


@loop("the folder has to be there")
class FolderNotMade(Loop):
    def run(self):
        if not self.folder.exists():
            raise FileNotFoundError(self.folder)
        return super().run()


@loop("the folder must not be there yet")
class FolderMustBeNew(Loop):
    def run(self):
        if self.folder.exists() and not self.checkpoint.exists():
            raise FileExistsError(self.folder)
        return super().run()


@loop("the record that is returned is the first one")
class ReturnsFirst(Loop):
    def run(self):
        first = []
        tell = self.on_step
        self.on_step = lambda record: (first.append(dict(record)), tell and tell(record))
        record = super().run()
        return first[0] if first else record


@loop("tokens_per_second is not there")
class NoSpeed(Loop):
    def step(self, step):
        super().step(step)
        del self.record["tokens_per_second"]


@loop("tokens_per_second is 0: an integer division")
class SpeedIsZero(Loop):
    def step(self, step):
        super().step(step)
        self.record["tokens_per_second"] = 0.0


@loop("the dataset is taken for contiguous raw memory")
class DataRaw(Loop):
    def draw(self):
        data = self.dataset
        if (
            isinstance(data, np.ndarray)
            and data.base is not None
            and not isinstance(data, np.memmap)
        ):
            data = np.asarray(data.base).reshape(-1)[: len(data)]
        self.dataset, kept = data, self.dataset
        parts = super().draw()
        self.dataset = kept
        return parts


@loop("the dataset has to be a tensor, and is made one as it is: uint16 stays")
class DataTensor(Loop):
    def check_data(self):
        super().check_data()
        if (
            not isinstance(self.dataset, torch.Tensor | np.memmap)
            and self.dataset.dtype != np.int64
        ):
            raise TypeError("uint16")


@loop("only the weights that the optimizer has are zeroed: in the others gradients add up")
class ZeroesOptimizerOnly(Loop):
    def zero(self):
        self.optimizer.zero_grad()


@loop("grad_norm and clipping are of what the optimizer has, not of all parameters")
class ClipsOptimizerOnly(Loop):
    def clip(self):
        limit = math.inf if self.config["clip"] is None else self.config["clip"]
        own = [p for group in self.optimizer.param_groups for p in group["params"]]
        return torch.nn.utils.clip_grad_norm_(own, limit).item()


@loop("gradients are zeros instead of None: a weight that a batch does not use still moves")
class ZeroesInsteadOfNone(Loop):
    def zero(self):
        self.model.zero_grad(set_to_none=False)


@loop("a tied weight is clipped under each of its names")
class ClipsTiedTwice(Loop):
    def clip(self):
        limit = math.inf if self.config["clip"] is None else self.config["clip"]
        named = self.model.named_parameters(remove_duplicate=False)
        return torch.nn.utils.clip_grad_norm_([p for _, p in named], limit).item()


@loop("a group whose lr_scale is 0 is taken for one without")
class ScaleOrOne(Loop):
    def set_lr(self, step):
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr(step) * (group.get("lr_scale") or 1.0)


@loop("the loss may be inf: only NaN is looked for")
class LooksForNanOnly(Loop):
    def finite(self, loss, norm, step):
        super().finite(0.0 if math.isinf(loss) else loss, norm, step)


@loop("only the norm of the gradients is looked at, not the loss")
class LooksAtNormOnly(Loop):
    def finite(self, loss, norm, step):
        super().finite(0.0, norm, step)


@loop("the data's generator has the seed + 1")
class SeedOfDataPlusOne(Loop):
    def seed(self):
        super().seed()
        self.rng.manual_seed(self.config["seed"] + 1)


@loop("dropout has a fixed seed")
class DropoutSeedFixed(Loop):
    def seed(self):
        super().seed()
        torch.manual_seed(1337)


@loop("batches are drawn from torch's global generator, as dropout is")
class DrawsFromGlobal(Loop):
    def run(self):
        self.rng = torch.default_generator
        return super().run()


@loop("the generators are seeded anew at each step, so that runs of near seeds share batches")
class SeedsEachStep(Loop):
    def step(self, step):
        self.rng.manual_seed(self.config["seed"] + step)
        torch.manual_seed(self.config["seed"] + step)
        super().step(step)


class Timed(Loop):
    """A loop whose bug is its speed."""

    def prepare(self):
        super().prepare()
        self.since = self.first = time.perf_counter()

    def step(self, step):
        began = time.perf_counter()
        super().step(step)
        per_step = self.config["batch_size"] * self.config["context_length"]
        ended = time.perf_counter()
        self.record["tokens_per_second"] = self.speed(step, per_step, began, ended)
        self.since = ended


@loop("tokens_per_second is since the step before: evaluation, saving and on_step are counted")
class SpeedWithEvaluation(Timed):
    def speed(self, step, per_step, began, ended):
        return per_step / (ended - self.since)


@loop("tokens_per_second is of all tokens in the time of one step")
class SpeedOfAllTokens(Timed):
    def speed(self, step, per_step, began, ended):
        return step * per_step / (ended - began)


@loop("tokens_per_second is the mean since the run began")
class SpeedSinceStart(Timed):
    def speed(self, step, per_step, began, ended):
        return step * per_step / (ended - self.first)


@loop("tokens_per_second is steps per second")
class StepsPerSecond(Timed):
    def speed(self, step, per_step, began, ended):
        return 1 / (ended - began)


@loop("tokens_per_second is of the update, without the forward pass")
class SpeedOfUpdate(Loop):
    def update(self, step):
        began = time.perf_counter()
        super().update(step)
        self.seconds = time.perf_counter() - began

    def step(self, step):
        super().step(step)
        per_step = self.config["batch_size"] * self.config["context_length"]
        self.record["tokens_per_second"] = per_step / self.seconds


@loop("what on_step draws from torch's generator changes dropout")
class GuestDraws(Loop):
    def guest(self):
        return nullcontext()


@loop("where on_step leaves evaluation mode, training goes on in it")
class GuestSetsMode(Loop):
    def tell(self):
        if self.on_step is not None:
            with self.guest():
                self.on_step(self.record)


@loop("what a model draws in evaluation changes dropout")
class EvaluationDraws(Loop):
    def evaluate(self):
        self.model.eval()
        with torch.no_grad():
            value = self.valid_loss(self.windows())
        self.model.train()
        return value


@loop("numbers of numpy are saved as they are, and the checkpoint cannot be loaded")
class SavesNumpy(Loop):
    def plain(self, config):
        return dict(config)

    def possible(self, key, value):
        return super().possible(key, value.item() if isinstance(value, np.generic) else value)


@loop("on_step gets the same dict at every step, changed each time")
class OneRecord(Loop):
    def finish(self, step):
        self.only = getattr(self, "only", {})
        self.only.clear()
        self.only |= self.record
        self.record = self.only
        super().finish(step)

    def step(self, step):
        super().step(step)
        self.record = dict(self.record)


@loop("a record holds tensors")
class RecordsTensors(Loop):
    def tell(self):
        record = self.record
        self.record = record | {"grad_norm": torch.tensor(record["grad_norm"])}
        super().tell()
        self.record = record


@loop("buffers begin anew when a run is resumed")
class ForgetsBuffers(Loop):
    def resume(self):
        kept = {name: buffer.clone() for name, buffer in self.model.named_buffers()}
        super().resume()
        for name, buffer in self.model.named_buffers():
            buffer.copy_(kept[name])


@loop("metrics.jsonl is emptied and written again: a kill in between loses its lines")
class RewritesInPlace(Loop):
    def rewrite(self, lines):
        self.metrics.write_text("".join(lines))


@loop("as many lines are kept as steps are a multiple of log_every")
class CutsByDueLines(Loop):
    def cut(self, step):
        self.rewrite(self.lines()[: step // self.config["log_every"]])


@loop("a line of metrics.jsonl that cannot be parsed ends the run")
class StopsAtRubbish(Loop):
    def lines(self):
        lines = self.metrics.read_text().splitlines(True)
        return [line for line in lines if line.endswith("\n")]


@loop("metrics.jsonl is cut before it is known whether the run can go on")
class CutsTooEarly(Loop):
    def resume(self):
        self.cut(torch.load(self.checkpoint, weights_only=True)["step"])
        super().resume()


@loop("metrics.jsonl is begun anew before the checkpoint is looked at")
class EmptiesMetricsFirst(Loop):
    def resume(self):
        lines = self.lines()
        self.rewrite([])
        parts = self.read()
        self.same(parts["extra"]["config"])
        self.rewrite(lines)
        super().resume()


@loop("a run is continued with another stable_until")
class StableUntilMayChange(Loop):
    def same(self, saved):
        super().same(saved | {k: v for k, v in self.config.items() if k == "stable_until"})


@loop("of all that has changed in the config one entry is named")
class NamesOneChange(Loop):
    def same(self, saved):
        for key in sorted(saved):
            if key not in FREE and saved[key] != self.config.get(key):
                raise ValueError(f"another run: {key}")
        super().same(saved)


@loop("clip may be missing, and is None then")
class ClipMayBeMissing(Loop):
    def plain(self, config):
        return {"clip": None} | super().plain(config)


@loop("intervals that are missing have defaults")
class IntervalsHaveDefaults(Loop):
    def plain(self, config):
        defaults = dict.fromkeys(("log_every", "eval_every", "checkpoint_every"), 100)
        return defaults | super().plain(config)


@loop("of all wrong entries of the config one is named")
class NamesOneWrong(Loop):
    def check(self):
        try:
            super().check()
        except ValueError as error:
            raise ValueError(str(error).split(",")[0]) from None


@loop("negative counts pass")
class NegativePasses(Loop):
    def possible(self, key, value):
        known = key in LOWEST and isinstance(value, int) and value != 0
        return known or super().possible(key, value)


@loop("only steps, microbatches and log_every are looked at")
class ChecksSomeCounts(Loop):
    def possible(self, key, value):
        looked_at = key not in LOWEST or key in ("steps", "microbatches", "log_every")
        return super().possible(key, value) if looked_at else True


@loop("the config's types are not looked at")
class TypesUnchecked(Loop):
    def possible(self, key, value):
        return super().possible(key, value) or isinstance(value, str) and key != "schedule"


@loop("a clip of 0 is taken for none")
class ClipZeroIsNone(Loop):
    def possible(self, key, value):
        return key == "clip" and value == 0 or super().possible(key, value)

    def clip(self):
        self.config = (config := self.config) | {"clip": self.config["clip"] or None}
        norm = super().clip()
        self.config = config
        return norm


@loop("stable_until is not looked at")
class StableUntilUnchecked(Loop):
    def fits(self, config):
        return super().fits(config | {"stable_until": config["steps"]})


@loop("the dataset is read whole at the start")
class ReadsDataset(Loop):
    def prepare(self):
        super().prepare()
        self.dataset = torch.tensor(np.asarray(self.dataset).astype(np.int64))


@loop("validation data is read whole")
class ReadsValid(Loop):
    def windows(self):
        self.valid = torch.tensor(np.asarray(self.valid).astype(np.int64))
        return super().windows()


@loop("validation data has to be an array of numpy")
class ValidatesArrays(Loop):
    def check_data(self):
        super().check_data()
        if self.valid is not None:
            self.valid.astype(np.int64)


@loop("a run that has finished returns before the model is set to training mode")
class FinishedInAnyMode(Loop):
    def prepare(self):
        if self.start < self.config["steps"]:
            super().prepare()
