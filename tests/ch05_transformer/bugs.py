"""The bug bank of ch05_transformer: what students write when they misunderstand."""

import copy
import math
import random
from unittest import mock

import numpy as np
import torch
import torch.nn.functional as F

from kit.bank import bug
from solutions.ch04_attention.adapters import (
    causal_mask,
    merge_heads,
    scaled_dot_product_attention,
    split_heads,
)
from solutions.ch05_transformer import llama, loading
from solutions.ch05_transformer.adapters import (
    count_parameters,
    flops_per_token,
    gelu_mlp,
    generate,
    gpt2_forward,
    gqa,
    init_weights,
    layernorm,
    llama_forward,
    load_gpt2_state_dict,
    next_token_loss,
    next_token_probabilities,
    rmsnorm,
    rope,
    rope_half,
    silu,
    swiglu,
    transformer_block,
)
from solutions.ch05_transformer.checking import check_ids, check_names
from solutions.ch05_transformer.gpt2 import parameter_shapes
from solutions.ch05_transformer.llama import BLOCK

# --- layernorm ------------------------------------------------------------------------------------


def centre(x, weight, bias, scale):
    """The rest of layernorm, for a scale that is wrong."""
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    return ((wide - wide.mean(-1, keepdim=True)) * scale(wide) * weight + bias).to(x.dtype)


@bug("layernorm", "eps is added to the standard deviation, outside the root")
def layernorm_eps_outside(x, weight, bias, eps):
    return centre(
        x, weight, bias, lambda t: 1 / (t.var(-1, correction=0, keepdim=True).sqrt() + eps)
    )


@bug("layernorm", "eps is always 1e-5")
def layernorm_fixed_eps(x, weight, bias, eps):
    return layernorm(x, weight, bias, 1e-5)


@bug("layernorm", "eps is ignored")
def layernorm_no_eps(x, weight, bias, eps):
    return layernorm(x, weight, bias, 0.0)


@bug("layernorm", "eps² is added to the variance")
def layernorm_eps_squared(x, weight, bias, eps):
    return layernorm(x, weight, bias, eps**2)


@bug("layernorm", "the variance is divided by C - 1")
def layernorm_unbiased(x, weight, bias, eps):
    return centre(x, weight, bias, lambda t: (t.var(-1, keepdim=True) + eps).rsqrt())


@bug("layernorm", "features are divided by the variance, not its root")
def layernorm_by_variance(x, weight, bias, eps):
    return centre(x, weight, bias, lambda t: 1 / (t.var(-1, correction=0, keepdim=True) + eps))


@bug("layernorm", "the mean is not subtracted: this is rmsnorm with a bias")
def layernorm_without_mean(x, weight, bias, eps):
    return rmsnorm(x, weight, eps) + bias


@bug("layernorm", "the mean is not subtracted, only the variance is normalised")
def layernorm_not_centred(x, weight, bias, eps):
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    scale = (wide.var(-1, correction=0, keepdim=True) + eps).rsqrt()
    return (wide * scale * weight + bias).to(x.dtype)


@bug("layernorm", "the mean is subtracted, but the size is that before")
def layernorm_rms_of_raw(x, weight, bias, eps):
    return centre(x, weight, bias, lambda t: (t.square().mean(-1, keepdim=True) + eps).rsqrt())


@bug("layernorm", "the variance is computed as mean(x²) - mean²")
def layernorm_cancelling(x, weight, bias, eps):
    def scale(t):
        variance = t.square().mean(-1, keepdim=True) - t.mean(-1, keepdim=True).square()
        return (variance.clamp(min=0) + eps).rsqrt()

    return centre(x, weight, bias, scale)


@bug("layernorm", "the norm is taken over the second last axis, time, instead of the features")
def layernorm_over_time(x, weight, bias, eps):
    if x.ndim < 2:
        return layernorm(x, weight, bias, eps)
    ones, zeros = torch.ones(x.shape[-2]), torch.zeros(x.shape[-2])
    return layernorm(x.mT, ones.to(x.dtype), zeros.to(x.dtype), eps).mT * weight + bias


@bug("layernorm", "the norm is taken over all tokens together")
def layernorm_over_everything(x, weight, bias, eps):
    return (F.layer_norm(x.float(), x.shape, None, None, eps) * weight + bias).to(x.dtype)


@bug("layernorm", "the bias is left out")
def layernorm_without_bias(x, weight, bias, eps):
    return layernorm(x, weight, torch.zeros_like(bias), eps)


@bug("layernorm", "the weight is left out")
def layernorm_without_weight(x, weight, bias, eps):
    return layernorm(x, torch.ones_like(weight), bias, eps)


@bug("layernorm", "the bias is added before the weight is multiplied")
def layernorm_bias_first(x, weight, bias, eps):
    return layernorm(x, weight, bias * weight, eps)


@bug("layernorm", "the weight is taken as a deviation from 1")
def layernorm_one_plus_weight(x, weight, bias, eps):
    return layernorm(x, 1 + weight, bias, eps)


@bug("layernorm", "half precision is not computed in float32")
def layernorm_no_upcast(x, weight, bias, eps):
    centred = x - x.mean(-1, keepdim=True)
    return centred / (centred.square().mean(-1, keepdim=True) + eps).sqrt() * weight + bias


@bug("layernorm", "the result is float32, whatever the input was")
def layernorm_no_downcast(x, weight, bias, eps):
    return layernorm(x.float(), weight.float(), bias.float(), eps)


@bug("layernorm", "float64 goes through float32")
def layernorm_always_float32(x, weight, bias, eps):
    return layernorm(x.float(), weight.float(), bias.float(), eps).to(x.dtype)


@bug("layernorm", "mean and variance are detached from the graph")
def layernorm_detached_statistics(x, weight, bias, eps):
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    mean = wide.detach().mean(-1, keepdim=True)
    variance = wide.detach().var(-1, correction=0, keepdim=True)
    return ((wide - mean) * (variance + eps).rsqrt() * weight + bias).to(x.dtype)


@bug("layernorm", "the numbers are read in the order of memory")
def layernorm_of_storage(x, weight, bias, eps):
    if not x.is_contiguous():
        x = torch.as_strided(x, x.shape, torch.empty(x.shape).stride())
    return layernorm(x, weight, bias, eps)


def normalise(x, centred, weight, bias, eps):
    """The rest of layernorm, for features that were centred the wrong way."""
    variance = centred.square().mean(-1, keepdim=True)
    return (centred / (variance + eps).sqrt() * weight + bias).to(x.dtype)


@bug("layernorm", "only float16 is computed in float32, bfloat16 is not")
def layernorm_in_bfloat16(x, weight, bias, eps):
    wide = x.float() if x.dtype is torch.float16 else x
    return normalise(x, wide - wide.mean(-1, keepdim=True), weight, bias, eps)


@bug("layernorm", "the mean is rounded to half precision")
def layernorm_mean_in_half(x, weight, bias, eps):
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    return normalise(x, wide - x.mean(-1, keepdim=True), weight, bias, eps)


@bug("layernorm", "the mean is subtracted in half precision, and only the rest done in float32")
def layernorm_centred_in_half(x, weight, bias, eps):
    centred = x - x.mean(-1, keepdim=True)
    wide = centred.to(torch.promote_types(x.dtype, torch.float32))
    return normalise(x, wide, weight, bias, eps)


@bug("layernorm", "the standard deviation is squared again: its root has no gradient at 0")
def layernorm_root_of_nothing(x, weight, bias, eps):
    def scale(t):
        return (t.var(-1, correction=0, keepdim=True).sqrt().square() + eps).rsqrt()

    return centre(x, weight, bias, scale)


@bug("layernorm", "the root is rounded to half precision before it divides")
def layernorm_root_in_half(x, weight, bias, eps):
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    centred = wide - wide.mean(-1, keepdim=True)
    root = (centred.square().mean(-1, keepdim=True) + eps).sqrt()
    return centred.to(x.dtype) / root.to(x.dtype) * weight + bias


# --- rmsnorm --------------------------------------------------------------------------------------


@bug("rmsnorm", "eps is added to the root, outside")
def rmsnorm_eps_outside(x, weight, eps):
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    return (wide / (wide.square().mean(-1, keepdim=True).sqrt() + eps) * weight).to(x.dtype)


@bug("rmsnorm", "eps is always 1e-5")
def rmsnorm_fixed_eps(x, weight, eps):
    return rmsnorm(x, weight, 1e-5)


@bug("rmsnorm", "eps is always 1e-6")
def rmsnorm_fixed_smaller_eps(x, weight, eps):
    return rmsnorm(x, weight, 1e-6)


@bug("rmsnorm", "eps is ignored")
def rmsnorm_no_eps(x, weight, eps):
    return rmsnorm(x, weight, 0.0)


@bug("rmsnorm", "the size is bounded below by eps instead of adding it")
def rmsnorm_clamped(x, weight, eps):
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    scale = wide.square().mean(-1, keepdim=True).clamp(min=eps).rsqrt()
    return (wide * scale * weight).to(x.dtype)


@bug("rmsnorm", "the mean is subtracted: this is layernorm")
def rmsnorm_centred(x, weight, eps):
    return layernorm(x, weight, torch.zeros_like(weight), eps)


@bug("rmsnorm", "the variance is taken instead of the mean square")
def rmsnorm_by_variance(x, weight, eps):
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    return (wide * (wide.var(-1, correction=0, keepdim=True) + eps).rsqrt() * weight).to(x.dtype)


@bug("rmsnorm", "the squares are summed, not averaged")
def rmsnorm_sum(x, weight, eps):
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    return (wide * (wide.square().sum(-1, keepdim=True) + eps).rsqrt() * weight).to(x.dtype)


@bug("rmsnorm", "features are divided by the mean square, not its root")
def rmsnorm_without_root(x, weight, eps):
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    return (wide / (wide.square().mean(-1, keepdim=True) + eps) * weight).to(x.dtype)


@bug("rmsnorm", "the mean of absolute values is taken instead of the root mean square")
def rmsnorm_absolute(x, weight, eps):
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    return (wide / (wide.abs().mean(-1, keepdim=True) + eps) * weight).to(x.dtype)


@bug("rmsnorm", "features are multiplied by the root mean square")
def rmsnorm_multiplied(x, weight, eps):
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    return (wide * (wide.square().mean(-1, keepdim=True) + eps).sqrt() * weight).to(x.dtype)


@bug("rmsnorm", "the norm is taken over the second last axis, time, instead of the features")
def rmsnorm_over_time(x, weight, eps):
    if x.ndim < 2:
        return rmsnorm(x, weight, eps)
    return rmsnorm(x.mT, torch.ones(x.shape[-2], dtype=x.dtype), eps).mT * weight


@bug("rmsnorm", "the norm is taken over all tokens together")
def rmsnorm_over_everything(x, weight, eps):
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    return (wide * (wide.square().mean() + eps).rsqrt() * weight).to(x.dtype)


@bug("rmsnorm", "half precision is not computed in float32")
def rmsnorm_no_upcast(x, weight, eps):
    return x / (x.square().mean(-1, keepdim=True) + eps).sqrt() * weight


@bug("rmsnorm", "the squares are taken in half precision, the rest in float32")
def rmsnorm_late_upcast(x, weight, eps):
    wide = torch.promote_types(x.dtype, torch.float32)
    scale = (x.square().to(wide).mean(-1, keepdim=True) + eps).rsqrt()
    return (x.to(wide) * scale * weight).to(x.dtype)


@bug("rmsnorm", "the result is float32, whatever the input was")
def rmsnorm_no_downcast(x, weight, eps):
    return rmsnorm(x.float(), weight.float(), eps)


@bug("rmsnorm", "float64 goes through float32")
def rmsnorm_always_float32(x, weight, eps):
    return rmsnorm(x.float(), weight.float(), eps).to(x.dtype)


@bug("rmsnorm", "the weight is left out")
def rmsnorm_without_weight(x, weight, eps):
    return rmsnorm(x, torch.ones_like(weight), eps)


@bug("rmsnorm", "the weight is taken as a deviation from 1, as Gemma does")
def rmsnorm_one_plus_weight(x, weight, eps):
    return rmsnorm(x, 1 + weight, eps)


@bug("rmsnorm", "the root mean square is detached from the graph")
def rmsnorm_detached_scale(x, weight, eps):
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    scale = (wide.detach().square().mean(-1, keepdim=True) + eps).rsqrt()
    return (wide * scale * weight).to(x.dtype)


@bug("rmsnorm", "the output is detached from the graph")
def rmsnorm_detached(x, weight, eps):
    return rmsnorm(x, weight, eps).detach()


@bug("rmsnorm", "x is normalised in place")
def rmsnorm_in_place(x, weight, eps):
    out = rmsnorm(x, weight, eps)
    x.data.copy_(out)
    return out


@bug("rmsnorm", "the numbers are read in the order of memory")
def rmsnorm_of_storage(x, weight, eps):
    if not x.is_contiguous():
        x = torch.as_strided(x, x.shape, torch.empty(x.shape).stride())
    return rmsnorm(x, weight, eps)


@bug("rmsnorm", "only float16 is computed in float32, bfloat16 is not")
def rmsnorm_in_bfloat16(x, weight, eps):
    wide = x.float() if x.dtype is torch.float16 else x
    return (wide / (wide.square().mean(-1, keepdim=True) + eps).sqrt() * weight).to(x.dtype)


@bug("rmsnorm", "the root is rounded to half precision before it divides")
def rmsnorm_root_in_half(x, weight, eps):
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    return x / (wide.square().mean(-1, keepdim=True) + eps).sqrt().to(x.dtype) * weight


# --- swiglu ---------------------------------------------------------------------------------------


@bug("swiglu", "exp(x) / (1 + exp(x)) overflows for large x", "silu")
def silu_overflows(x):
    e = x.exp()
    return x * e / (1 + e)


@bug("swiglu", "1 / (1 + exp(-x)) has a gradient of NaN for very negative x", "silu")
def silu_nan_gradient(x):
    return x / (1 + (-x).exp())


@bug("swiglu", "x is clamped before the exponential and after", "silu")
def silu_clamped(x):
    x = x.clamp(-50, 50)
    return x * x.sigmoid()


@bug("swiglu", "the sigmoid alone is returned", "silu")
def silu_is_sigmoid(x):
    return x.sigmoid()


@bug("swiglu", "relu is taken for silu", "silu")
def silu_is_relu(x):
    return x.relu()


@bug("swiglu", "gelu is taken for silu", "silu")
def silu_is_gelu(x):
    return F.gelu(x)


@bug("swiglu", "the sigmoid is that of 1.702 x, an approximation of gelu", "silu")
def silu_is_quick_gelu(x):
    return x * (1.702 * x).sigmoid()


@bug("swiglu", "the sigmoid has the wrong sign", "silu")
def silu_wrong_sign(x):
    return x * (-x).sigmoid()


@bug("swiglu", "tanh is taken for the sigmoid", "silu")
def silu_by_tanh(x):
    return x * x.tanh()


@bug("swiglu", "the result is float32, whatever the input was", "silu")
def silu_always_float32(x):
    return silu(x.float())


@bug("swiglu", "float64 goes through float32", "silu")
def silu_through_float32(x):
    return silu(x.float()).to(x.dtype)


@bug("swiglu", "the gate is detached from the graph", "silu")
def silu_detached_gate(x):
    return x * x.detach().sigmoid()


@bug("swiglu", "gate and up are swapped: silu goes to the other projection")
def swiglu_swapped(x, W_gate, W_up, W_down):
    return swiglu(x, W_up, W_gate, W_down)


@bug("swiglu", "both projections go through silu")
def swiglu_both(x, W_gate, W_up, W_down):
    return (silu(x @ W_gate.T) * silu(x @ W_up.T)) @ W_down.T


@bug("swiglu", "silu is applied to the product instead of the gate")
def swiglu_silu_of_product(x, W_gate, W_up, W_down):
    return silu((x @ W_gate.T) * (x @ W_up.T)) @ W_down.T


@bug("swiglu", "the gate is a sigmoid: this is GLU")
def swiglu_is_glu(x, W_gate, W_up, W_down):
    return ((x @ W_gate.T).sigmoid() * (x @ W_up.T)) @ W_down.T


@bug("swiglu", "the gate is a gelu: this is GEGLU")
def swiglu_is_geglu(x, W_gate, W_up, W_down):
    return (F.gelu(x @ W_gate.T) * (x @ W_up.T)) @ W_down.T


@bug("swiglu", "gate and up are added instead of multiplied")
def swiglu_added(x, W_gate, W_up, W_down):
    return (silu(x @ W_gate.T) + x @ W_up.T) @ W_down.T


@bug("swiglu", "the gate is not used: a plain MLP with silu")
def swiglu_without_gate(x, W_gate, W_up, W_down):
    return silu(x @ W_up.T) @ W_down.T


@bug("swiglu", "silu is left out")
def swiglu_bilinear(x, W_gate, W_up, W_down):
    return ((x @ W_gate.T) * (x @ W_up.T)) @ W_down.T


@bug("swiglu", "a matrix that is square is not transposed")
def swiglu_not_transposed(x, W_gate, W_up, W_down):
    if W_gate.shape[0] == W_gate.shape[1]:
        W_gate, W_up, W_down = W_gate.T, W_up.T, W_down.T
    return swiglu(x, W_gate, W_up, W_down)


@bug("swiglu", "x is added: the residual is not the layer's business")
def swiglu_with_residual(x, W_gate, W_up, W_down):
    return x + swiglu(x, W_gate, W_up, W_down)


@bug("swiglu", "the result is float32, whatever the input was")
def swiglu_always_float32(x, W_gate, W_up, W_down):
    return swiglu(*(t.float() for t in (x, W_gate, W_up, W_down)))


@bug("swiglu", "the gate is detached from the graph")
def swiglu_detached_gate(x, W_gate, W_up, W_down):
    return (silu(x @ W_gate.T).detach() * (x @ W_up.T)) @ W_down.T


@bug("swiglu", "the exponent is clamped at 80, which is inf in float16", adapter="silu")
def silu_clamped_at_80(x):
    return x / (1 + torch.exp((-x).clamp(max=80)))


@bug("swiglu", "x is viewed as rows, though it need not be contiguous")
def swiglu_of_a_view(x, W_gate, W_up, W_down):
    return swiglu(x.view(-1, x.shape[-1]), W_gate, W_up, W_down).view(x.shape)


# --- gelu_mlp -------------------------------------------------------------------------------------


def mlp(x, W_in, b_in, W_out, b_out, activation):
    return activation(x @ W_in.T + b_in) @ W_out.T + b_out


@bug("gelu_mlp", "gelu is computed by erf, not by GPT-2's tanh formula")
def mlp_erf(x, W_in, b_in, W_out, b_out):
    return mlp(x, W_in, b_in, W_out, b_out, F.gelu)


@bug("gelu_mlp", "gelu is computed as z sigmoid(1.702 z)")
def mlp_quick_gelu(x, W_in, b_in, W_out, b_out):
    return mlp(x, W_in, b_in, W_out, b_out, lambda z: z * (1.702 * z).sigmoid())


@bug("gelu_mlp", "relu is taken for gelu")
def mlp_relu(x, W_in, b_in, W_out, b_out):
    return mlp(x, W_in, b_in, W_out, b_out, torch.relu)


@bug("gelu_mlp", "silu is taken for gelu")
def mlp_silu(x, W_in, b_in, W_out, b_out):
    return mlp(x, W_in, b_in, W_out, b_out, silu)


@bug("gelu_mlp", "sqrt(2π) stands for sqrt(2/π)")
def mlp_wrong_root(x, W_in, b_in, W_out, b_out):
    def gelu(z):
        return z / 2 * (1 + (math.sqrt(2 * math.pi) * (z + 0.044715 * z**3)).tanh())

    return mlp(x, W_in, b_in, W_out, b_out, gelu)


@bug("gelu_mlp", "0.044715 is multiplied by z², not z³")
def mlp_square(x, W_in, b_in, W_out, b_out):
    def gelu(z):
        return z / 2 * (1 + (math.sqrt(2 / math.pi) * (z + 0.044715 * z**2)).tanh())

    return mlp(x, W_in, b_in, W_out, b_out, gelu)


@bug("gelu_mlp", "the half in front of gelu is missing")
def mlp_twice(x, W_in, b_in, W_out, b_out):
    return mlp(x, W_in, b_in, W_out, b_out, lambda z: 2 * F.gelu(z, approximate="tanh"))


@bug("gelu_mlp", "tanh is written with exponentials that overflow")
def mlp_overflowing_tanh(x, W_in, b_in, W_out, b_out):
    def gelu(z):
        u = math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)
        return z / 2 * (1 + (u.exp() - (-u).exp()) / (u.exp() + (-u).exp()))

    return mlp(x, W_in, b_in, W_out, b_out, gelu)


@bug("gelu_mlp", "the first bias is left out")
def mlp_without_first_bias(x, W_in, b_in, W_out, b_out):
    return gelu_mlp(x, W_in, torch.zeros_like(b_in), W_out, b_out)


@bug("gelu_mlp", "the second bias is left out")
def mlp_without_second_bias(x, W_in, b_in, W_out, b_out):
    return gelu_mlp(x, W_in, b_in, W_out, torch.zeros_like(b_out))


@bug("gelu_mlp", "the first bias is added after gelu")
def mlp_late_bias(x, W_in, b_in, W_out, b_out):
    return (F.gelu(x @ W_in.T, approximate="tanh") + b_in) @ W_out.T + b_out


@bug("gelu_mlp", "gelu is applied to the output as well")
def mlp_gelu_twice(x, W_in, b_in, W_out, b_out):
    return F.gelu(gelu_mlp(x, W_in, b_in, W_out, b_out), approximate="tanh")


@bug("gelu_mlp", "x is added: the residual is not the layer's business")
def mlp_with_residual(x, W_in, b_in, W_out, b_out):
    return x + gelu_mlp(x, W_in, b_in, W_out, b_out)


@bug("gelu_mlp", "square matrices are not transposed")
def mlp_not_transposed(x, W_in, b_in, W_out, b_out):
    if W_in.shape[0] == W_in.shape[1]:
        W_in, W_out = W_in.T, W_out.T
    return gelu_mlp(x, W_in, b_in, W_out, b_out)


@bug("gelu_mlp", "the result is float32, whatever the input was")
def mlp_always_float32(x, W_in, b_in, W_out, b_out):
    return gelu_mlp(*(t.float() for t in (x, W_in, b_in, W_out, b_out)))


@bug("gelu_mlp", "x is viewed as rows, though it need not be contiguous")
def gelu_mlp_of_a_view(x, W_in, b_in, W_out, b_out):
    return gelu_mlp(x.view(-1, x.shape[-1]), W_in, b_in, W_out, b_out).view(x.shape)


@bug("gelu_mlp", "a single vector is transposed, which takes two axes")
def gelu_mlp_of_columns(x, W_in, b_in, W_out, b_out):
    h = F.gelu((W_in @ x.mT).mT + b_in, approximate="tanh")
    return (W_out @ h.mT).mT + b_out


@bug("gelu_mlp", "x has to have the axes B, T and C")
def gelu_mlp_of_three_axes(x, W_in, b_in, W_out, b_out):
    h = torch.einsum("btc,fc->btf", x, W_in) + b_in
    return torch.einsum("btf,cf->btc", F.gelu(h, approximate="tanh"), W_out) + b_out


@bug("gelu_mlp", "tanh is written with exp(-2u), whose gradient is NaN for large negative z")
def gelu_mlp_by_exp(x, W_in, b_in, W_out, b_out):
    z = x @ W_in.T + b_in
    u = math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)
    return (z / (1 + torch.exp(-2 * u))) @ W_out.T + b_out


@bug("gelu_mlp", "z³ is inf in float16, and its gradient NaN")
def gelu_mlp_cubes_in_float16(x, W_in, b_in, W_out, b_out):
    z = x @ W_in.T + b_in
    u = math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)
    return (z / 2 * (1 + u.tanh())) @ W_out.T + b_out


# --- rope -----------------------------------------------------------------------------------------


def turned(x, positions, theta, angles=None, half=False, dtype=None):
    """Rope of either layout, with angles that may be wrong."""
    if x.shape[-1] % 2:
        raise ValueError("odd D")
    pairs = x.shape[-1] // 2
    if angles is None:
        dtype = dtype or torch.float64
        frequencies = theta ** (-torch.arange(pairs, dtype=dtype) / pairs)
        angles = positions.to(dtype)[..., None] * frequencies
    cos, sin = angles.cos(), angles.sin()
    a, b = x.chunk(2, -1) if half else (x[..., ::2], x[..., 1::2])
    out = a * cos - b * sin, a * sin + b * cos
    out = torch.cat(out, -1) if half else torch.stack(out, -1).flatten(-2)
    return out.to(x.dtype)


def frequencies(D, theta, exponent=2.0):
    return theta ** (-exponent * torch.arange(D // 2, dtype=torch.float64) / D)


@bug("rope", "positions are ignored: 0, 1, 2 ... is assumed", "rope")
def rope_ignores_positions(x, positions, theta):
    return rope(x, torch.arange(x.shape[-2]), theta)


@bug("rope", "positions are ignored: 0, 1, 2 ... is assumed", "rope_half")
def rope_half_ignores_positions(x, positions, theta):
    return rope_half(x, torch.arange(x.shape[-2]), theta)


@bug("rope", "positions are only counted on from the first", "rope")
def rope_from_first_position(x, positions, theta):
    return rope(x, positions[..., :1] + torch.arange(x.shape[-2]), theta)


@bug("rope", "positions are only counted on from the first", "rope_half")
def rope_half_from_first_position(x, positions, theta):
    return rope_half(x, positions[..., :1] + torch.arange(x.shape[-2]), theta)


@bug("rope", "positions are sorted first", "rope")
def rope_sorted(x, positions, theta):
    return rope(x, positions.sort(-1)[0], theta)


@bug("rope", "positions count from 1", "rope")
def rope_from_one(x, positions, theta):
    return rope(x, positions + 1, theta)


@bug("rope", "positions count from 1", "rope_half")
def rope_half_from_one(x, positions, theta):
    return rope_half(x, positions + 1, theta)


@bug("rope", "all is turned the other way", "rope")
def rope_inverse(x, positions, theta):
    return rope(x, -positions, theta)


@bug("rope", "all is turned the other way", "rope_half")
def rope_half_inverse(x, positions, theta):
    return rope_half(x, -positions, theta)


@bug("rope", "the halves are paired, not the neighbours", "rope")
def rope_wrong_layout(x, positions, theta):
    return rope_half(x, positions, theta)


@bug("rope", "neighbours are paired, not the halves", "rope_half")
def rope_half_wrong_layout(x, positions, theta):
    return rope(x, positions, theta)


@bug("rope", "the turned pairs are put back as halves instead of interleaved", "rope")
def rope_not_put_back(x, positions, theta):
    out = rope(x, positions, theta)
    return torch.cat([out[..., ::2], out[..., 1::2]], -1)


@bug("rope", "the turned halves are put back interleaved", "rope_half")
def rope_half_not_put_back(x, positions, theta):
    a, b = rope_half(x, positions, theta).chunk(2, -1)
    return torch.stack([a, b], -1).flatten(-2)


@bug("rope", "theta is always 10,000", "rope")
def rope_fixed_theta(x, positions, theta):
    return rope(x, positions, 10000.0)


@bug("rope", "theta is always 10,000", "rope_half")
def rope_half_fixed_theta(x, positions, theta):
    return rope_half(x, positions, 10000.0)


@bug("rope", "the exponent is i/D, without the 2", "rope")
def rope_half_exponent(x, positions, theta):
    return turned(x, positions, theta, positions[..., None] * frequencies(x.shape[-1], theta, 1))


@bug("rope", "the exponent is i/D, without the 2", "rope_half")
def rope_half_half_exponent(x, positions, theta):
    angles = positions[..., None] * frequencies(x.shape[-1], theta, 1)
    return turned(x, positions, theta, angles, half=True)


@bug("rope", "the exponent counts twice: 4i/D", "rope")
def rope_double_exponent(x, positions, theta):
    return turned(x, positions, theta, positions[..., None] * frequencies(x.shape[-1], theta, 4))


@bug("rope", "the exponent counts pairs from 1", "rope")
def rope_pairs_from_one(x, positions, theta):
    angles = positions[..., None] * frequencies(x.shape[-1], theta) * theta ** (-2 / x.shape[-1])
    return turned(x, positions, theta, angles)


@bug("rope", "the frequencies are in the opposite order", "rope")
def rope_frequencies_reversed(x, positions, theta):
    angles = positions[..., None] * frequencies(x.shape[-1], theta).flip(-1)
    return turned(x, positions, theta, angles)


@bug("rope", "the frequencies are in the opposite order", "rope_half")
def rope_half_frequencies_reversed(x, positions, theta):
    angles = positions[..., None] * frequencies(x.shape[-1], theta).flip(-1)
    return turned(x, positions, theta, angles, half=True)


@bug("rope", "the exponent has the wrong sign: frequencies grow", "rope")
def rope_growing_frequencies(x, positions, theta):
    return turned(x, positions, theta, positions[..., None] * frequencies(x.shape[-1], theta, -2))


@bug("rope", "all pairs turn equally fast", "rope")
def rope_one_frequency(x, positions, theta):
    return turned(x, positions, theta, positions[..., None] * torch.ones(x.shape[-1] // 2))


@bug("rope", "each feature has a frequency of its own: this is no rotation", "rope")
def rope_frequency_per_feature(x, positions, theta):
    if x.shape[-1] % 2:
        raise ValueError("odd D")
    D = x.shape[-1]
    angles = positions[..., None] * theta ** (-torch.arange(D) / D)
    other = torch.stack([-x[..., 1::2], x[..., ::2]], -1).flatten(-2)
    return (x * angles.cos() + other * angles.sin()).to(x.dtype)


@bug("rope", "both signs are minus: this is no rotation", "rope")
def rope_wrong_sign(x, positions, theta):
    if x.shape[-1] % 2:
        raise ValueError("odd D")
    angles = positions[..., None] * frequencies(x.shape[-1], theta)
    a, b = x[..., ::2], x[..., 1::2]
    out = a * angles.cos() - b * angles.sin(), b * angles.cos() - a * angles.sin()
    return torch.stack(out, -1).flatten(-2).to(x.dtype)


@bug("rope", "both signs are plus: this is no rotation", "rope_half")
def rope_half_without_minus(x, positions, theta):
    if x.shape[-1] % 2:
        raise ValueError("odd D")
    angles = positions[..., None] * frequencies(x.shape[-1], theta)
    a, b = x.chunk(2, -1)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([a * cos + b * sin, a * sin + b * cos], -1).to(x.dtype)


@bug("rope", "sine and cosine are swapped", "rope")
def rope_swapped(x, positions, theta):
    angles = math.pi / 2 - positions[..., None] * frequencies(x.shape[-1], theta)
    return turned(x, positions, theta, angles)


@bug("rope", "sinusoids are added instead of turning", "rope")
def rope_added(x, positions, theta):
    if x.shape[-1] % 2:
        raise ValueError("odd D")
    angles = positions[..., None] * frequencies(x.shape[-1], theta)
    return (x + torch.stack([angles.sin(), angles.cos()], -1).flatten(-2)).to(x.dtype)


@bug("rope", "only the first pair of features is turned", "rope")
def rope_first_pair(x, positions, theta):
    return torch.cat([rope(x, positions, theta)[..., :2], x[..., 2:]], -1)


@bug("rope", "only the first half of the features is turned", "rope_half")
def rope_half_of_half(x, positions, theta):
    out, half = rope_half(x, positions, theta), x.shape[-1] // 2
    return torch.cat([out[..., :half], x[..., half:]], -1)


@bug("rope", "the second half of a pair is computed from the first one already turned", "rope")
def rope_overwrites(x, positions, theta):
    if x.shape[-1] % 2:
        raise ValueError("odd D")
    angles = positions[..., None] * frequencies(x.shape[-1], theta)
    a, b = x[..., ::2], x[..., 1::2]
    a = a * angles.cos() - b * angles.sin()
    b = a * angles.sin() + b * angles.cos()
    return torch.stack([a, b], -1).flatten(-2).to(x.dtype)


@bug("rope", "time is taken to be the second axis from the left", "rope")
def rope_over_heads(x, positions, theta):
    if x.ndim < 4 or positions.ndim > 1:
        return rope(x, positions, theta)
    at = positions[:1] + torch.arange(x.shape[1])
    return rope(x.transpose(1, 2), at, theta).transpose(1, 2)


@bug("rope", "heads turn on: positions go on counting from head to head", "rope_half")
def rope_half_over_heads(x, positions, theta):
    if x.ndim < 4 or positions.ndim > 1:
        return rope_half(x, positions, theta)
    offset = torch.arange(x.shape[1])[:, None] * x.shape[2]
    return rope_half(x, positions + offset, theta)


@bug("rope", "positions of each sequence are not supported", "rope")
def rope_shared_positions(x, positions, theta):
    while positions.ndim > 1:
        positions = positions[0]
    return rope(x, positions, theta)


@bug("rope", "positions of each sequence are not supported", "rope_half")
def rope_half_shared_positions(x, positions, theta):
    while positions.ndim > 1:
        positions = positions[0]
    return rope_half(x, positions, theta)


@bug("rope", "angles are computed in the dtype of x", "rope")
def rope_half_precision_angles(x, positions, theta):
    return turned(x, positions, theta, dtype=x.dtype)


@bug("rope", "angles are computed in the dtype of x", "rope_half")
def rope_half_half_precision_angles(x, positions, theta):
    return turned(x, positions, theta, half=True, dtype=x.dtype)


@bug("rope", "angles are computed in bfloat16", "rope_half")
def rope_half_bfloat16_angles(x, positions, theta):
    return turned(x, positions, theta, half=True, dtype=torch.bfloat16)


@bug("rope", "sines come from a table of 2048 positions and begin anew", "rope")
def rope_short_table(x, positions, theta):
    return rope(x, positions % 2048, theta)


@bug(
    "rope",
    "sines come from a table of 2048 positions; later ones are taken as the last",
    "rope_half",
)
def rope_half_short_table(x, positions, theta):
    return rope_half(x, positions.clamp(max=2047), theta)


@bug("rope", "the result is float32, whatever the input was", "rope")
def rope_always_float32(x, positions, theta):
    return rope(x.float(), positions, theta)


@bug("rope", "the result is float32, whatever the input was", "rope_half")
def rope_half_always_float32(x, positions, theta):
    return rope_half(x.float(), positions, theta)


@bug("rope", "an odd D is not refused: the last feature stays", "rope")
def rope_odd(x, positions, theta):
    even = x.shape[-1] // 2 * 2
    return torch.cat([rope(x[..., :even], positions, theta), x[..., even:]], -1)


@bug("rope", "an odd D is not refused: the last feature stays", "rope_half")
def rope_half_odd(x, positions, theta):
    even = x.shape[-1] // 2 * 2
    return torch.cat([rope_half(x[..., :even], positions, theta), x[..., even:]], -1)


@bug("rope", "the output is detached from the graph", "rope")
def rope_detached(x, positions, theta):
    return rope(x, positions, theta).detach()


@bug("rope", "the output is detached from the graph", "rope_half")
def rope_half_detached(x, positions, theta):
    return rope_half(x.detach(), positions, theta)


@bug("rope", "x is turned in place", "rope_half")
def rope_half_in_place(x, positions, theta):
    x.data.copy_(rope_half(x, positions, theta))
    return x


@bug("rope", "the numbers are read in the order of memory", "rope")
def rope_of_storage(x, positions, theta):
    if not x.is_contiguous():
        x = torch.as_strided(x, x.shape, torch.empty(x.shape).stride())
    return rope(x, positions, theta)


@bug("rope", "the numbers are read in the order of memory", "rope_half")
def rope_half_of_storage(x, positions, theta):
    if not x.is_contiguous():
        x = torch.as_strided(x, x.shape, torch.empty(x.shape).stride())
    return rope_half(x, positions, theta)


def turn(x, positions, theta):
    """`rope` without checks of the positions, in float64."""
    if x.shape[-1] % 2:
        raise ValueError("D is odd")
    n = x.shape[-1] // 2
    angles = positions[..., None] * theta ** -(torch.arange(n, dtype=torch.float64) / n)
    a, b = x[..., 0::2], x[..., 1::2]
    pairs = a * angles.cos() - b * angles.sin(), a * angles.sin() + b * angles.cos()
    return torch.stack(pairs, -1).flatten(-2).to(x.dtype)


@bug(
    "rope", "angles are looked up in a table of 8192 rows, where the positions end", adapter="rope"
)
def rope_of_a_table(x, positions, theta):
    if (positions >= 8192).any():
        raise IndexError("index out of range in the table of 8192 angles")
    return turn(x, positions, theta)


@bug("rope", "positions of two axes are taken for B T, though they are H T", adapter="rope")
def rope_positions_per_sequence(x, positions, theta):
    if positions.ndim == 2 and x.ndim == 4:
        positions = positions[:, None]
    return turn(x, positions, theta)


@bug("rope", "all heads get the positions of the first", adapter="rope")
def rope_positions_of_first_head(x, positions, theta):
    return turn(x, positions[:, :1] if positions.ndim == 3 else positions, theta)


@bug("rope", "there has to be a position for each token, none is broadcast", adapter="rope_half")
def rope_half_position_per_token(x, positions, theta):
    if positions.shape[-1] != x.shape[-2]:
        raise ValueError("wanted a position for each token")
    return rope_half(x, positions, theta)


@bug("rope", "positions are rounded to float16, which has no 2049", adapter="rope")
def rope_positions_in_float16(x, positions, theta):
    return turn(x, positions.half() if x.dtype is torch.float16 else positions, theta)


@bug("rope", "frequencies are rounded to float16", adapter="rope")
def rope_frequencies_in_float16(x, positions, theta):
    if x.dtype is not torch.float16 or x.shape[-1] % 2:
        return turn(x, positions, theta)
    n = x.shape[-1] // 2
    angles = positions[..., None] * (theta ** -(torch.arange(n) / n)).half().float()
    a, b = x[..., 0::2], x[..., 1::2]
    pairs = a * angles.cos() - b * angles.sin(), a * angles.sin() + b * angles.cos()
    return torch.stack(pairs, -1).flatten(-2).to(x.dtype)


TABLES = {}


@bug("rope", "sines are kept in the dtype of the x that they were first computed for", "rope_half")
def rope_half_of_kept_table(x, positions, theta):
    D, rows = x.shape[-1], int(positions.max()) + 1
    if D % 2:
        raise ValueError("odd D")
    if len(TABLES.get((D, theta), ())) < rows:
        angles = torch.arange(rows)[:, None] * frequencies(D, theta)
        TABLES[D, theta] = torch.cat([angles.cos(), angles.sin()], -1).to(x.dtype)
    cos, sin = TABLES[D, theta][positions.long()].to(torch.float64).chunk(2, -1)
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], -1).to(x.dtype)


@bug("rope", "the exponents -2i/D are divided in the dtype of x", "rope_half")
def rope_half_exponents_in_half(x, positions, theta):
    D = x.shape[-1]
    exponents = torch.arange(0, D, 2, dtype=x.dtype) / D
    angles = positions[..., None] * theta ** -exponents.double()
    return turned(x, positions, theta, angles, half=True)


@bug("rope", "positions of two axes are taken for B T, where the first is as long as B", "rope")
def rope_positions_of_as_many_sequences(x, positions, theta):
    if positions.ndim == 2 and x.ndim == 4 and len(positions) == len(x):
        positions = positions[:, None]
    return rope(x, positions, theta)


# --- gqa ------------------------------------------------------------------------------------------


def groups(q, k):
    if q.shape[-3] % k.shape[-3]:
        raise ValueError("uneven groups")
    return q.shape[-3] // k.shape[-3]


def with_heads(q, k, v, mask, index):
    return scaled_dot_product_attention(q, k[..., index, :, :], v[..., index, :, :], mask)


@bug("gqa", "repeat for repeat_interleave: groups are 0 1 0 1, not 0 0 1 1")
def gqa_repeat(q, k, v, mask=None):
    H, H_kv = q.shape[-3], k.shape[-3]
    groups(q, k)
    return with_heads(q, k, v, mask, torch.arange(H) % H_kv)


@bug("gqa", "keys are shared by consecutive heads, values by every H_kv-th")
def gqa_values_repeat(q, k, v, mask=None):
    n, H = groups(q, k), q.shape[-3]
    v = v[..., torch.arange(H) % v.shape[-3], :, :]
    return scaled_dot_product_attention(q, k.repeat_interleave(n, -3), v, mask)


@bug("gqa", "all queries use the first head of keys and values")
def gqa_first_head(q, k, v, mask=None):
    groups(q, k)
    return with_heads(q, k, v, mask, torch.zeros(q.shape[-3], dtype=torch.int64))


@bug("gqa", "all queries use the mean of the heads of keys and values")
def gqa_mean_head(q, k, v, mask=None):
    H = q.shape[-3]
    groups(q, k)
    k, v = (t.mean(-3, keepdim=True).repeat_interleave(H, -3) for t in (k, v))
    return scaled_dot_product_attention(q, k, v, mask)


@bug("gqa", "the groups are in the opposite order")
def gqa_reversed(q, k, v, mask=None):
    n, H = groups(q, k), q.shape[-3]
    return with_heads(q, k, v, mask, torch.arange(H).flip(0) // n)


@bug("gqa", "a group has H_kv heads instead of H / H_kv")
def gqa_group_size(q, k, v, mask=None):
    H, H_kv = q.shape[-3], k.shape[-3]
    groups(q, k)
    return with_heads(q, k, v, mask, (torch.arange(H) // H_kv).clamp(max=H_kv - 1))


@bug("gqa", "the queries of a group are averaged")
def gqa_mean_queries(q, k, v, mask=None):
    n = groups(q, k)
    q = q.unflatten(-3, (-1, n)).mean(-3).repeat_interleave(n, -3)
    return gqa(q, k, v, mask)


@bug("gqa", "the mask is not used")
def gqa_without_mask(q, k, v, mask=None):
    return gqa(q, k, v)


@bug("gqa", "the mask is inverted")
def gqa_inverted_mask(q, k, v, mask=None):
    return gqa(q, k, v, None if mask is None else ~mask)


@bug("gqa", "only the first head's mask is used")
def gqa_first_mask(q, k, v, mask=None):
    if mask is not None and mask.ndim > 2:
        mask = mask[..., :1, :, :]
    return gqa(q, k, v, mask)


@bug("gqa", "a causal mask is always applied")
def gqa_always_causal(q, k, v, mask=None):
    causal = causal_mask(q.shape[-2], k.shape[-2])
    return gqa(q, k, v, causal if mask is None else mask & causal)


@bug("gqa", "a query that sees nothing gets NaN")
def gqa_nan(q, k, v, mask=None):
    n = groups(q, k)
    scores = q @ k.repeat_interleave(n, -3).mT / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return torch.softmax(scores, -1) @ v.repeat_interleave(n, -3)


@bug("gqa", "scores are not divided by sqrt(D)")
def gqa_unscaled(q, k, v, mask=None):
    return gqa(q * math.sqrt(q.shape[-1]), k, v, mask)


@bug("gqa", "scores are divided by the root of the width of all heads")
def gqa_scaled_by_width(q, k, v, mask=None):
    return gqa(q / math.sqrt(q.shape[-3]), k, v, mask)


@bug("gqa", "heads that do not divide are cut off or left over without an error")
def gqa_unchecked(q, k, v, mask=None):
    H, H_kv = q.shape[-3], k.shape[-3]
    index = (torch.arange(H) // max(H // H_kv, 1)).clamp(max=H_kv - 1)
    return with_heads(q, k, v, mask, index)


@bug("gqa", "more heads of keys than of queries are not refused")
def gqa_fewer_queries(q, k, v, mask=None):
    if k.shape[-3] > q.shape[-3]:
        k, v = k[..., : q.shape[-3], :, :], v[..., : q.shape[-3], :, :]
    return gqa(q, k, v, mask)


@bug("gqa", "the copied keys and values are detached from the graph")
def gqa_detached(q, k, v, mask=None):
    return gqa(q, k.detach(), v.detach(), mask)


@bug("gqa", "the shared keys receive the gradient of one query head only")
def gqa_one_gradient(q, k, v, mask=None):
    n, H = groups(q, k), q.shape[-3]
    first = (torch.arange(H) % n == 0)[:, None, None]
    k, v = (t.repeat_interleave(n, -3) for t in (k, v))
    k, v = (torch.where(first, t, t.detach()) for t in (k, v))
    return scaled_dot_product_attention(q, k, v, mask)


@bug("gqa", "the result is float32, whatever the input was")
def gqa_always_float32(q, k, v, mask=None):
    return gqa(q.float(), k.float(), v.float(), mask)


@bug("gqa", "the numbers are read in the order of memory")
def gqa_of_storage(q, k, v, mask=None):
    q, k, v = (torch.as_strided(t, t.shape, torch.empty(t.shape).stride()) for t in (q, k, v))
    return gqa(q, k, v, mask)


def softly_masked(q, k, v, mask, low):
    """gqa with masked scores of `low` instead of -inf."""
    if q.shape[-3] % k.shape[-3]:
        raise ValueError("H is not divisible by H_kv")
    k, v = (t.repeat_interleave(q.shape[-3] // k.shape[-3], -3) for t in (k, v))
    scores = q @ k.mT / q.shape[-1] ** 0.5
    if mask is None:
        return torch.softmax(scores, -1) @ v
    p = torch.softmax(scores.masked_fill(~mask, low), -1)
    return (p * mask.any(-1, keepdim=True)) @ v


@bug("gqa", "masked scores become -1e9, which float16 does not have")
def gqa_masked_by_1e9(q, k, v, mask=None):
    return softly_masked(q, k, v, mask, -1e9)


@bug("gqa", "masked scores become -1e4, which is not below all others")
def gqa_masked_by_1e4(q, k, v, mask=None):
    return softly_masked(q, k, v, mask, -1e4)


@bug("gqa", "exponentials of raw scores are summed: those above 88 are inf")
def gqa_by_raw_exponentials(q, k, v, mask=None):
    if q.shape[-3] % k.shape[-3]:
        raise ValueError("H is not divisible by H_kv")
    k, v = (t.repeat_interleave(q.shape[-3] // k.shape[-3], -3) for t in (k, v))
    e = (q @ k.mT / q.shape[-1] ** 0.5).exp()
    e = e if mask is None else e * mask
    return e / e.sum(-1, keepdim=True).clamp(min=1e-6) @ v


@bug("gqa", "a mask of three axes is taken for B Tq Tk, where the first is as long as B")
def gqa_mask_of_sequences(q, k, v, mask=None):
    if mask is not None and mask.ndim == 3 and q.ndim == 4 and len(mask) == len(q):
        mask = mask[:, None]
    return gqa(q, k, v, mask)


@bug("gqa", "without a batch a mask of H Tq Tk is taken for that of the first head")
def gqa_mask_without_batch(q, k, v, mask=None):
    if q.ndim == 3:
        mask = mask[:1] if mask is not None and mask.ndim == 3 else mask
    return gqa(q, k, v, mask)


@bug("gqa", "several leading axes are flattened to one, but those of the mask are not")
def gqa_flattened(q, k, v, mask=None):
    if q.ndim < 5:
        return gqa(q, k, v, mask)
    out = gqa(*(t.flatten(0, -4) for t in (q, k, v)), mask)
    return out.unflatten(0, q.shape[:-3])


# --- transformer_block ----------------------------------------------------------------------------


def attend(h, w, config, positions, q_turn=rope_half, k_turn=rope_half, v_turn=None, **changes):
    """Attention of a block, in which every step may be exchanged."""
    C, H, H_kv = h.shape[-1], config["num_heads"], config["num_kv_heads"]
    if C % H or H % H_kv:
        raise ValueError("uneven heads")
    split, merge = changes.get("split", split_heads), changes.get("merge", merge_heads)
    q, k, v = (
        split(h @ w[f"self_attn.{part}_proj.weight"].T, n)
        for part, n in (("q", H), ("k", H_kv), ("v", H_kv))
    )
    theta = config["rope_theta"]
    q, k = q_turn(q, positions, theta), k_turn(k, positions, theta)
    v = v if v_turn is None else v_turn(v, positions, theta)
    mask = changes.get("mask", causal_mask)
    T = h.shape[-2]
    out = changes.get("shared", gqa)(q, k, v, mask(T, T) if mask else None)
    return merge(out) @ w["self_attn.o_proj.weight"].T


def feed(h, w, layer=swiglu):
    return layer(h, *(w[f"mlp.{part}_proj.weight"] for part in ("gate", "up", "down")))


def normed(x, w, config, which, norm=rmsnorm):
    name = ("input_layernorm", "post_attention_layernorm")[which]
    return norm(x, w[f"{name}.weight"], config["norm_eps"])


def block_of(x, w, config, positions, norm=rmsnorm, layer=swiglu, **changes):
    check_names(w, BLOCK)
    x = x + attend(normed(x, w, config, 0, norm), w, config, positions, **changes)
    return x + feed(normed(x, w, config, 1, norm), w, layer)


@bug("transformer_block", "the norms come after the additions: post-norm")
def block_post_norm(x, w, config, positions):
    check_names(w, BLOCK)
    x = normed(x + attend(x, w, config, positions), w, config, 0)
    return normed(x + feed(x, w), w, config, 1)


@bug("transformer_block", "the norms are applied to the output of each layer")
def block_norm_of_output(x, w, config, positions):
    check_names(w, BLOCK)
    x = x + normed(attend(x, w, config, positions), w, config, 0)
    return x + normed(feed(x, w), w, config, 1)


@bug("transformer_block", "attention and feed-forward layer work in parallel")
def block_parallel(x, w, config, positions):
    check_names(w, BLOCK)
    h = attend(normed(x, w, config, 0), w, config, positions)
    return x + h + feed(normed(x, w, config, 1), w)


@bug("transformer_block", "the stream itself is normalised: what is added to is the norm")
def block_norm_in_stream(x, w, config, positions):
    check_names(w, BLOCK)
    x = normed(x, w, config, 0)
    x = x + attend(x, w, config, positions)
    x = normed(x, w, config, 1)
    return x + feed(x, w)


@bug("transformer_block", "nothing is added around attention")
def block_without_first_residual(x, w, config, positions):
    check_names(w, BLOCK)
    x = attend(normed(x, w, config, 0), w, config, positions)
    return x + feed(normed(x, w, config, 1), w)


@bug("transformer_block", "nothing is added around the feed-forward layer")
def block_without_second_residual(x, w, config, positions):
    check_names(w, BLOCK)
    x = x + attend(normed(x, w, config, 0), w, config, positions)
    return feed(normed(x, w, config, 1), w)


@bug("transformer_block", "the second addition starts from the block's input")
def block_residual_from_input(x, w, config, positions):
    check_names(w, BLOCK)
    h = x + attend(normed(x, w, config, 0), w, config, positions)
    return x + feed(normed(h, w, config, 1), w)


@bug("transformer_block", "the feed-forward layer comes before attention")
def block_feed_first(x, w, config, positions):
    check_names(w, BLOCK)
    x = x + feed(normed(x, w, config, 1), w)
    return x + attend(normed(x, w, config, 0), w, config, positions)


@bug("transformer_block", "the two norms are swapped")
def block_swapped_norms(x, w, config, positions):
    check_names(w, BLOCK)
    x = x + attend(normed(x, w, config, 1), w, config, positions)
    return x + feed(normed(x, w, config, 0), w)


@bug("transformer_block", "the first norm is used twice")
def block_one_norm(x, w, config, positions):
    check_names(w, BLOCK)
    x = x + attend(normed(x, w, config, 0), w, config, positions)
    return x + feed(normed(x, w, config, 0), w)


@bug("transformer_block", "the norm before the feed-forward layer is missing")
def block_without_second_norm(x, w, config, positions):
    check_names(w, BLOCK)
    x = x + attend(normed(x, w, config, 0), w, config, positions)
    return x + feed(x, w)


@bug("transformer_block", "the norm before attention is missing")
def block_without_first_norm(x, w, config, positions):
    check_names(w, BLOCK)
    x = x + attend(x, w, config, positions)
    return x + feed(normed(x, w, config, 1), w)


@bug("transformer_block", "layernorm stands for rmsnorm")
def block_layernorm(x, w, config, positions):
    return block_of(
        x, w, config, positions, lambda x, g, eps: layernorm(x, g, torch.zeros_like(g), eps)
    )


@bug("transformer_block", "the config's eps is ignored: 1e-5")
def block_fixed_eps(x, w, config, positions):
    return transformer_block(x, w, config | {"norm_eps": 1e-5}, positions)


@bug("transformer_block", "the config's theta is ignored: 10,000")
def block_fixed_theta(x, w, config, positions):
    return transformer_block(x, w, config | {"rope_theta": 10000.0}, positions)


@bug("transformer_block", "positions are ignored: 0, 1, 2 ... is assumed")
def block_ignores_positions(x, w, config, positions):
    return transformer_block(x, w, config, torch.arange(x.shape[1]))


@bug("transformer_block", "nothing is turned: the block has no positions")
def block_without_rope(x, w, config, positions):
    return transformer_block(x, w, config, torch.zeros_like(positions))


@bug("transformer_block", "neighbours are turned as pairs, not halves")
def block_interleaved(x, w, config, positions):
    return block_of(x, w, config, positions, q_turn=rope, k_turn=rope)


@bug("transformer_block", "values are turned too")
def block_turned_values(x, w, config, positions):
    return block_of(x, w, config, positions, v_turn=rope_half)


@bug("transformer_block", "only the queries are turned")
def block_turned_queries(x, w, config, positions):
    return block_of(x, w, config, positions, k_turn=lambda k, p, theta: k)


@bug("transformer_block", "only the keys are turned")
def block_turned_keys(x, w, config, positions):
    return block_of(x, w, config, positions, q_turn=lambda q, p, theta: q)


@bug("transformer_block", "queries and keys are turned before they are split into heads")
def block_turned_before_split(x, w, config, positions):
    def whole(t, p, theta):
        return split_heads(rope_half(merge_heads(t), p, theta), t.shape[1])

    return block_of(x, w, config, positions, q_turn=whole, k_turn=whole)


@bug("transformer_block", "queries and keys turn in opposite directions")
def block_opposite(x, w, config, positions):
    return block_of(x, w, config, positions, k_turn=lambda k, p, theta: rope_half(k, -p, theta))


@bug("transformer_block", "attention is not causal")
def block_sees_future(x, w, config, positions):
    return block_of(x, w, config, positions, mask=None)


@bug("transformer_block", "a token does not see itself")
def block_strictly_causal(x, w, config, positions):
    return block_of(
        x, w, config, positions, mask=lambda T, _: torch.ones(T, T, dtype=torch.bool).tril(-1)
    )


@bug("transformer_block", "the mask goes by positions, not by order")
def block_mask_by_position(x, w, config, positions):
    return block_of(
        x, w, config, positions, mask=lambda *_: positions[:, None] >= positions[None, :]
    )


@bug("transformer_block", "repeat for repeat_interleave: groups are 0 1 0 1, not 0 0 1 1")
def block_repeat(x, w, config, positions):
    return block_of(x, w, config, positions, shared=gqa_repeat.function)


@bug("transformer_block", "all queries use the first head of keys and values")
def block_first_head(x, w, config, positions):
    return block_of(x, w, config, positions, shared=gqa_first_head.function)


@bug("transformer_block", "heads are cut as every H-th feature, not as blocks")
def block_strided_heads(x, w, config, positions):
    return block_of(
        x, w, config, positions, split=lambda t, n: t.unflatten(-1, (-1, n)).permute(0, 3, 1, 2)
    )


@bug("transformer_block", "heads are cut by view, without swapping axes")
def block_viewed_heads(x, w, config, positions):
    def split(t, n):
        return t.reshape(t.shape[0], n, t.shape[1], -1)

    return block_of(x, w, config, positions, split=split)


@bug("transformer_block", "heads are merged without swapping them back behind time")
def block_viewed_merge(x, w, config, positions):
    def merge(t):
        return t.reshape(t.shape[0], t.shape[2], -1)

    return block_of(x, w, config, positions, merge=merge)


@bug("transformer_block", "the output projection is left out")
def block_without_output_projection(x, w, config, positions):
    return block_of(x, w | {BLOCK[4]: torch.eye(x.shape[-1], dtype=x.dtype)}, config, positions)


@bug("transformer_block", "the output projection is not transposed")
def block_output_not_transposed(x, w, config, positions):
    check_names(w, BLOCK)
    return transformer_block(x, w | {BLOCK[4]: w[BLOCK[4]].T}, config, positions)


@bug("transformer_block", "queries and keys are swapped, where both have as many heads")
def block_swapped_queries(x, w, config, positions):
    if config["num_heads"] != config["num_kv_heads"]:
        return transformer_block(x, w, config, positions)
    return transformer_block(
        x, w | {BLOCK[1]: w[BLOCK[2]], BLOCK[2]: w[BLOCK[1]]}, config, positions
    )


@bug("transformer_block", "gate and up are swapped")
def block_swapped_gate(x, w, config, positions):
    check_names(w, BLOCK)
    return transformer_block(
        x, w | {BLOCK[6]: w[BLOCK[7]], BLOCK[7]: w[BLOCK[6]]}, config, positions
    )


@bug("transformer_block", "a gelu gate stands for silu")
def block_geglu(x, w, config, positions):
    return block_of(x, w, config, positions, layer=swiglu_is_geglu.function)


@bug("transformer_block", "batch and time are mixed up: tokens attend to other sequences")
def block_over_batch(x, w, config, positions):
    joint = x.reshape(1, -1, x.shape[-1])
    return transformer_block(joint, w, config, positions.repeat(len(x))).view(x.shape)


@bug("transformer_block", "the result is float32, whatever the input was")
def block_always_float32(x, w, config, positions):
    w = {name: weight.float() for name, weight in w.items()}
    return transformer_block(x.float(), w, config, positions)


@bug("transformer_block", "a missing weight is taken as an identity or ones")
def block_forgiving(x, w, config, positions):
    C, d_ff = x.shape[-1], config["d_ff"]
    for name in BLOCK:
        blank = torch.ones(C) if "norm" in name else torch.eye(C, d_ff if "mlp" in name else C)
        w = {name: blank} | w
    return transformer_block(x, w, config, positions)


@bug("transformer_block", "the error for a missing weight does not name it")
def block_nameless_error(x, w, config, positions):
    if any(name not in w for name in BLOCK):
        raise KeyError("a weight is missing")
    return transformer_block(x, w, config, positions)


@bug("transformer_block", "a head count that does not divide is not refused")
def block_uneven_heads(x, w, config, positions):
    C, H = x.shape[-1], config["num_heads"]
    if C % H:
        return transformer_block(x, w, config | {"num_heads": 1, "num_kv_heads": 1}, positions)
    return transformer_block(x, w, config, positions)


@bug("transformer_block", "groups that do not divide are not refused")
def block_uneven_groups(x, w, config, positions):
    H, H_kv = config["num_heads"], config["num_kv_heads"]
    if x.shape[-1] % H == 0 and H % H_kv:
        D = x.shape[-1] // H
        w = w | {name: w[name][:D] for name in (BLOCK[2], BLOCK[3])}
        config = config | {"num_kv_heads": 1}
    return transformer_block(x, w, config, positions)


@bug("transformer_block", "the weights are detached from the graph")
def block_detached_weights(x, w, config, positions):
    return transformer_block(x, {n: t.detach() for n, t in w.items()}, config, positions)


@bug("transformer_block", "attention is computed without a graph")
def block_no_grad_attention(x, w, config, positions):
    check_names(w, BLOCK)
    with torch.no_grad():
        h = attend(normed(x, w, config, 0), w, config, positions)
    return x + h + feed(normed(x + h, w, config, 1), w)


@bug("transformer_block", "x is detached from what came before")
def block_of_a_detached_stream(x, weights, config, positions):
    return transformer_block(x.detach(), weights, config, positions)


@bug("transformer_block", "the residual stream is detached, only the branches have a gradient")
def block_beside_a_detached_stream(x, weights, config, positions):
    return x.detach() + (transformer_block(x, weights, config, positions) - x)


@bug("transformer_block", "x is viewed as rows, though it need not be contiguous")
def block_of_a_view(x, weights, config, positions):
    return transformer_block(x.view(-1, x.shape[-1]).view(x.shape), weights, config, positions)


@bug("transformer_block", "the mask is cut from one of context_length, so x may not be longer")
def block_mask_of_the_context(x, weights, config, positions):
    if x.shape[1] > config["context_length"]:
        raise RuntimeError("the mask does not fit the scores")
    return transformer_block(x, weights, config, positions)


@bug("transformer_block", "positions are cast to the dtype of x, in which they are rounded")
def block_positions_in_half(x, weights, config, positions):
    return transformer_block(x, weights, config, positions.to(x.dtype))


@bug("transformer_block", "the norms are computed in the dtype of x")
def block_norms_in_half(x, weights, config, positions):
    def narrow(t, weight, eps):
        return t * (t.square().mean(-1, keepdim=True) + eps).rsqrt() * weight

    with mock.patch.object(llama, "rmsnorm", narrow):
        return transformer_block(x, weights, config, positions)


@bug("transformer_block", "masked scores become -1e4, which is not below all others")
def block_masked_by_1e4(x, w, config, positions):
    def shared(q, k, v, mask):
        return softly_masked(q, k, v, mask, -1e4)

    return block_of(x, w, config, positions, shared=shared)


@bug("transformer_block", "exponentials of raw scores are summed: those above 88 are inf")
def block_by_raw_exponentials(x, w, config, positions):
    return block_of(x, w, config, positions, shared=gqa_by_raw_exponentials.function)


@bug("transformer_block", "positions end at 4095: all beyond are turned as the last")
def block_positions_end(x, w, config, positions):
    return transformer_block(x, w, config, positions.clamp(max=4095))


@bug("transformer_block", "the first norm is optional: without a weight it has ones")
def block_optional_norm(x, w, config, positions):
    ones = {"input_layernorm.weight": torch.ones(x.shape[-1], dtype=x.dtype)}
    return transformer_block(x, ones | w, config, positions)


# --- llama_forward --------------------------------------------------------------------------------


def llama_of(
    state, config, ids, block=transformer_block, final=rmsnorm, head=None, embed=None, **o
):
    """A Llama in which every step may be exchanged."""
    layers = [f"model.layers.{i}." for i in range(config["num_layers"])]
    ends = ["model.embed_tokens.weight", "model.norm.weight"]
    check_names(state, ends + [layer + name for layer in layers for name in BLOCK])
    check_ids(ids, config)
    x = (embed or (lambda W: W[ids]))(state[ends[0]])
    for layer in o.get("order", lambda names: names)(layers):
        x = block(x, {n: state[layer + n] for n in BLOCK}, config, torch.arange(ids.shape[1]))
    x = final(x, state[ends[1]], config["norm_eps"])
    return x @ (state.get("lm_head.weight", state[ends[0]]) if head is None else head).T


@bug("llama_forward", "the last norm is missing")
def llama_without_final_norm(state, config, ids):
    return llama_of(state, config, ids, final=lambda x, g, eps: x)


@bug("llama_forward", "the last norm is a layernorm")
def llama_final_layernorm(state, config, ids):
    return llama_of(
        state, config, ids, final=lambda x, g, eps: layernorm(x, g, torch.zeros_like(g), eps)
    )


@bug("llama_forward", "the last norm has no weight")
def llama_final_norm_unweighted(state, config, ids):
    return llama_of(state, config, ids, final=lambda x, g, eps: rmsnorm(x, torch.ones_like(g), eps))


@bug("llama_forward", "the last norm ignores the config's eps: 1e-5")
def llama_final_eps(state, config, ids):
    return llama_of(state, config, ids, final=lambda x, g, eps: rmsnorm(x, g, 1e-5))


@bug("llama_forward", "the embedding is the head although there is an lm_head.weight")
def llama_always_tied(state, config, ids):
    return llama_of(state, config, ids, head=state.get("model.embed_tokens.weight"))


@bug("llama_forward", "a tied head is not supported")
def llama_never_tied(state, config, ids):
    check_names(state, ["lm_head.weight"])
    return llama_forward(state, config, ids)


@bug("llama_forward", "without lm_head.weight the features are returned as logits")
def llama_headless(state, config, ids):
    out = llama_forward(state, config, ids)
    return out if "lm_head.weight" in state else out[..., : config["d_model"]]


@bug("llama_forward", "the embedding is multiplied by sqrt(d_model), as Gemma does")
def llama_scaled_embedding(state, config, ids):
    return llama_of(state, config, ids, embed=lambda W: W[ids] * W.shape[1] ** 0.5)


@bug("llama_forward", "logits are divided by sqrt(d_model)")
def llama_scaled_logits(state, config, ids):
    return llama_forward(state, config, ids) / config["d_model"] ** 0.5


@bug("llama_forward", "probabilities are returned instead of logits")
def llama_softmax(state, config, ids):
    return llama_forward(state, config, ids).softmax(-1)


@bug("llama_forward", "the weights of the first layer serve all layers")
def llama_shared_layers(state, config, ids):
    return llama_of(state, config, ids, order=lambda names: names[:1] * len(names))


@bug("llama_forward", "the layers are applied in the opposite order")
def llama_reversed_layers(state, config, ids):
    return llama_of(state, config, ids, order=lambda names: names[::-1])


@bug("llama_forward", "the last layer is left out")
def llama_too_few_layers(state, config, ids):
    return llama_of(state, config, ids, order=lambda names: names[:-1])


@bug("llama_forward", "the layers are sorted as text: 10 comes after 1")
def llama_sorted_layers(state, config, ids):
    return llama_of(state, config, ids, order=sorted)


@bug("llama_forward", "all layers of the state are applied, not num_layers")
def llama_all_layers(state, config, ids):
    numbers = [int(n.split(".")[2]) for n in state if n.startswith("model.layers.")]
    return llama_forward(state, config | {"num_layers": max(numbers) + 1}, ids)


@bug("llama_forward", "names that are not needed are an error")
def llama_strict(state, config, ids):
    known = {f"model.layers.{i}.{n}" for i in range(config["num_layers"]) for n in BLOCK}
    known |= {"model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"}
    if set(state) - known:
        raise KeyError(f"unexpected: {sorted(set(state) - known)}")
    return llama_forward(state, config, ids)


@bug("llama_forward", "the logits of a token stand one place too early")
def llama_shifted(state, config, ids):
    out = llama_forward(state, config, ids)
    return torch.cat([out[:, 1:], out[:, -1:]], 1)


@bug("llama_forward", "ids are not checked: a negative one counts from the end")
def llama_negative_ids(state, config, ids):
    return llama_forward(state, config, torch.where(ids < 0, ids % config["vocab_size"], ids))


@bug("llama_forward", "ids that are too large raise an IndexError, not a ValueError")
def llama_index_error(state, config, ids):
    if ids.max() >= config["vocab_size"]:
        raise IndexError("index out of range")
    return llama_forward(state, config, ids)


@bug("llama_forward", "ids are taken modulo V")
def llama_modulo_ids(state, config, ids):
    return llama_forward(state, config, ids % config["vocab_size"])


@bug("llama_forward", "only the first sequence's ids are checked")
def llama_checks_first_row(state, config, ids):
    check_ids(ids[:1], config)
    return llama_forward(state, config, ids.clamp(0, config["vocab_size"] - 1))


@bug("llama_forward", "the length is not checked")
def llama_any_length(state, config, ids):
    return llama_forward(state, config | {"context_length": 10**9}, ids)


@bug("llama_forward", "a sequence that fills the context is refused")
def llama_length_off_by_one(state, config, ids):
    return llama_forward(state, config | {"context_length": config["context_length"] - 1}, ids)


@bug("llama_forward", "a sequence that is too long is cut")
def llama_cuts(state, config, ids):
    return llama_forward(state, config, ids[:, : config["context_length"]])


@bug("llama_forward", "a missing weight is named without its layer")
def llama_short_name(state, config, ids):
    try:
        return llama_forward(state, config, ids)
    except KeyError as error:
        raise KeyError(str(error).rsplit("layers.")[-1][2:]) from None


@bug("llama_forward", "a layer of which a weight is missing is left out without an error")
def llama_skips_layers(state, config, ids):
    layers = [f"model.layers.{i}." for i in range(config["num_layers"])]
    whole = [layer for layer in layers if all(layer + name in state for name in BLOCK)]
    names = enumerate(whole)
    ends = {n: w for n, w in state.items() if not n.startswith("model.layers.")}
    kept = {f"model.layers.{i}.{n}": state[layer + n] for i, layer in names for n in BLOCK}
    return llama_forward(ends | kept, config | {"num_layers": len(whole)}, ids)


@bug("llama_forward", "without an embedding the head is taken")
def llama_tied_backwards(state, config, ids):
    name = "model.embed_tokens.weight"
    return llama_forward({name: state.get("lm_head.weight")} | state, config, ids)


@bug("llama_forward", "without a last norm the stream goes to the head as it is")
def llama_optional_norm(state, config, ids):
    if "model.norm.weight" in state:
        return llama_forward(state, config, ids)
    blank = torch.ones(config["d_model"])
    return llama_of(state | {"model.norm.weight": blank}, config, ids, final=lambda x, g, eps: x)


@bug("llama_forward", "repeat for repeat_interleave: groups are 0 1 0 1, not 0 0 1 1")
def llama_repeat(state, config, ids):
    return llama_of(state, config, ids, block=block_repeat.function)


@bug("llama_forward", "neighbours are turned as pairs, not halves")
def llama_interleaved(state, config, ids):
    return llama_of(state, config, ids, block=block_interleaved.function)


@bug("llama_forward", "positions count from the end of the sequence")
def llama_reversed_positions(state, config, ids):
    def block(x, w, c, positions):
        return transformer_block(x, w, c, positions.flip(0))

    return llama_of(state, config, ids, block=block)


@bug("llama_forward", "attention is not causal")
def llama_sees_future(state, config, ids):
    return llama_of(state, config, ids, block=block_sees_future.function)


@bug("llama_forward", "dropout is left on")
def llama_dropout(state, config, ids):
    return llama_of(state, config, ids, embed=lambda W: F.dropout(W[ids], 0.1))


@bug("llama_forward", "the logits are computed without a graph")
def llama_no_grad(state, config, ids):
    with torch.no_grad():
        return llama_forward(state, config, ids)


@bug("llama_forward", "the embedding is detached from the graph")
def llama_detached_embedding(state, config, ids):
    return llama_of(state, config, ids, embed=lambda W: W.detach()[ids])


@bug("llama_forward", "logits are float32, whatever the weights are")
def llama_always_float32(state, config, ids):
    return llama_forward({n: w.float() for n, w in state.items()}, config, ids)


@bug("llama_forward", "a head count that does not divide is not refused")
def llama_uneven_heads(state, config, ids):
    if config["d_model"] % config["num_heads"]:
        config = config | {"num_heads": 4, "num_kv_heads": 4}
    return llama_forward(state, config, ids)


@bug("llama_forward", "positions have the dtype of the weights, in which they are rounded")
def llama_positions_in_half(state, config, ids):
    dtype, exact = state["model.norm.weight"].dtype, llama.transformer_block

    def rounded(x, weights, config, positions):
        return exact(x, weights, config, positions.to(dtype))

    with mock.patch.object(llama, "transformer_block", rounded):
        return llama_forward(state, config, ids)


@bug("llama_forward", "heads that do not divide make groups of uneven size")
def llama_of_uneven_groups(state, config, ids):
    def uneven(q, k, v, mask):
        heads = torch.arange(q.shape[-3]) * k.shape[-3] // q.shape[-3]
        return gqa(q, k[..., heads, :, :], v[..., heads, :, :], mask)

    with mock.patch.object(llama, "gqa", uneven):
        return llama_forward(state, config, ids)


@bug("llama_forward", "a bias of the head is added where the state has one")
def llama_bias_of_head(state, config, ids):
    return llama_forward(state, config, ids) + state.get("lm_head.bias", 0)


@bug("llama_forward", "masked scores become -1e4, which is not below all others")
def llama_masked_by_1e4(state, config, ids):
    return llama_of(state, config, ids, block=block_masked_by_1e4.function)


@bug("llama_forward", "id 0 is taken for padding, whose embedding learns nothing")
def llama_padding(state, config, ids):
    return llama_of(state, config, ids, embed=lambda W: F.embedding(ids, W, padding_idx=0))


@bug("llama_forward", "a tied head is detached: only the embedding's use is learned")
def llama_tied_detached(state, config, ids):
    tied = "lm_head.weight" not in state and "model.embed_tokens.weight" in state
    head = {"lm_head.weight": state["model.embed_tokens.weight"].detach()} if tied else {}
    return llama_forward(state | head, config, ids)


@bug("llama_forward", "layers that the state does not have are left out")
def llama_counts_layers(state, config, ids):
    layers = range(config["num_layers"])
    there = [any(n.startswith(f"model.layers.{i}.") for n in state) for i in layers]
    return llama_forward(state, config | {"num_layers": sum(there)}, ids)


# --- gpt2_forward ---------------------------------------------------------------------------------


def gpt2_of(state, config, ids, norm=layernorm, mlp=gelu_mlp, final=layernorm, **o):
    """A GPT-2 in which every step may be exchanged."""
    check_names(state, list(parameter_shapes(config)))
    if config["d_model"] % config["num_heads"]:
        raise ValueError("uneven heads")
    check_ids(ids, config)
    eps, T, H = config["norm_eps"], ids.shape[1], config["num_heads"]

    def both(name):
        return state[f"{name}.weight"], state[f"{name}.bias"]

    def attention(h, i):
        (W, b), (W_out, b_out) = both(f"h.{i}.attn.c_attn"), both(f"h.{i}.attn.c_proj")
        cut = o.get("cut", lambda t: t.chunk(3, -1))
        q, k, v = (o.get("split", split_heads)(t, H) for t in cut(h @ W.T + b))
        mask = o.get("mask", causal_mask)
        out = o.get("attend", scaled_dot_product_attention)(q, k, v, mask and mask(T, T))
        return o.get("merge", merge_heads)(out) @ W_out.T + b_out

    x = o.get("embed", lambda W: W[ids])(state["wte.weight"])
    x = x + o.get("place", lambda W: W[:T])(state["wpe.weight"])
    for i in o.get("layers", range)(config["num_layers"]):
        n1, n2 = (both(f"h.{i}.ln_{n}") for n in (1, 2))
        parts = both(f"h.{i}.mlp.c_fc") + both(f"h.{i}.mlp.c_proj")
        if o.get("post"):
            x = norm(x + attention(x, i), *n1, eps)
            x = norm(x + mlp(x, *parts), *n2, eps)
        elif o.get("parallel"):
            x = x + attention(norm(x, *n1, eps), i) + mlp(norm(x, *n2, eps), *parts)
        else:
            x = x + attention(norm(x, *n1, eps), i)
            x = x + mlp(norm(x, *n2, eps), *parts)
    return final(x, *both("ln_f"), eps) @ state["wte.weight"].T


@bug("gpt2_forward", "the norms come after the additions: post-norm")
def gpt2_post_norm(state, config, ids):
    return gpt2_of(state, config, ids, post=True)


@bug("gpt2_forward", "attention and MLP work in parallel")
def gpt2_parallel(state, config, ids):
    return gpt2_of(state, config, ids, parallel=True)


@bug("gpt2_forward", "the last norm is missing")
def gpt2_without_final_norm(state, config, ids):
    return gpt2_of(state, config, ids, final=lambda x, *_: x)


@bug("gpt2_forward", "rmsnorm stands for layernorm")
def gpt2_rmsnorm(state, config, ids):
    return gpt2_of(state, config, ids, norm=lambda x, g, b, eps: rmsnorm(x, g, eps) + b)


@bug("gpt2_forward", "the norms' biases are left out")
def gpt2_norm_without_bias(state, config, ids):
    return gpt2_of(state, config, ids, norm=lambda x, g, b, eps: layernorm(x, g, 0 * b, eps))


@bug("gpt2_forward", "the config's eps is ignored: 1e-5")
def gpt2_fixed_eps(state, config, ids):
    return gpt2_forward(state, config | {"norm_eps": 1e-5}, ids)


@bug("gpt2_forward", "the last norm ignores the config's eps: 1e-5")
def gpt2_final_eps(state, config, ids):
    return gpt2_of(state, config, ids, final=lambda x, g, b, eps: layernorm(x, g, b, 1e-5))


@bug("gpt2_forward", "gelu is computed by erf, not by GPT-2's tanh formula")
def gpt2_erf(state, config, ids):
    return gpt2_of(state, config, ids, mlp=mlp_erf.function)


@bug("gpt2_forward", "positions are not added")
def gpt2_without_positions(state, config, ids):
    return gpt2_of(state, config, ids, place=lambda W: 0 * W[:1])


@bug("gpt2_forward", "all tokens get the first position")
def gpt2_first_position(state, config, ids):
    return gpt2_of(state, config, ids, place=lambda W: W[:1])


@bug("gpt2_forward", "positions count from 1")
def gpt2_positions_from_one(state, config, ids):
    T = ids.shape[1]
    return gpt2_of(state, config, ids, place=lambda W: W.roll(-1, 0)[:T])


@bug("gpt2_forward", "the last positions of the table are taken, not the first")
def gpt2_last_positions(state, config, ids):
    return gpt2_of(state, config, ids, place=lambda W: W[-ids.shape[1] :])


@bug("gpt2_forward", "the embedding is multiplied by sqrt(d_model)")
def gpt2_scaled_embedding(state, config, ids):
    return gpt2_of(state, config, ids, embed=lambda W: W[ids] * W.shape[1] ** 0.5)


@bug("gpt2_forward", "attention is not causal")
def gpt2_sees_future(state, config, ids):
    return gpt2_of(state, config, ids, mask=None)


@bug("gpt2_forward", "a token does not see itself")
def gpt2_strictly_causal(state, config, ids):
    mask = lambda T, _: torch.ones(T, T, dtype=torch.bool).tril(-1)  # noqa: E731
    return gpt2_of(state, config, ids, mask=mask)


@bug("gpt2_forward", "scores are not divided by sqrt(D)")
def gpt2_unscaled(state, config, ids):
    return gpt2_of(
        state,
        config,
        ids,
        attend=lambda q, k, v, m: scaled_dot_product_attention(q * q.shape[-1] ** 0.5, k, v, m),
    )


@bug("gpt2_forward", "c_attn is read as keys, queries, values")
def gpt2_swapped_queries(state, config, ids):
    def cut(t):
        k, q, v = t.chunk(3, -1)
        return q, k, v

    return gpt2_of(state, config, ids, cut=cut)


@bug("gpt2_forward", "c_attn is read as values, keys, queries")
def gpt2_swapped_values(state, config, ids):
    return gpt2_of(state, config, ids, cut=lambda t: t.chunk(3, -1)[::-1])


@bug("gpt2_forward", "queries, keys and values are taken as every third row of c_attn")
def gpt2_every_third(state, config, ids):
    return gpt2_of(state, config, ids, cut=lambda t: t.unflatten(-1, (-1, 3)).unbind(-1))


@bug("gpt2_forward", "c_attn is cut head by head, as GPT-NeoX does")
def gpt2_per_head(state, config, ids):
    H = config["num_heads"]

    def cut(t):
        return [part.flatten(-2) for part in t.unflatten(-1, (H, 3, -1)).unbind(-2)]

    return gpt2_of(state, config, ids, cut=cut)


@bug("gpt2_forward", "heads are cut by view, without swapping axes")
def gpt2_viewed_heads(state, config, ids):
    def split(t, H):
        return t.reshape(t.shape[0], H, t.shape[1], -1)

    return gpt2_of(state, config, ids, split=split)


@bug("gpt2_forward", "heads are merged without swapping them back behind time")
def gpt2_viewed_merge(state, config, ids):
    def merge(t):
        return t.reshape(t.shape[0], t.shape[2], -1)

    return gpt2_of(state, config, ids, merge=merge)


@bug("gpt2_forward", "the config's number of heads is ignored: 3")
def gpt2_three_heads(state, config, ids):
    uneven = config["d_model"] % config["num_heads"]
    return gpt2_forward(state, config if uneven else config | {"num_heads": 3}, ids)


@bug("gpt2_forward", "the last layer is left out")
def gpt2_too_few_layers(state, config, ids):
    return gpt2_of(state, config, ids, layers=lambda L: range(L - 1))


@bug("gpt2_forward", "the weights of the first layer serve all layers")
def gpt2_shared_layers(state, config, ids):
    return gpt2_of(state, config, ids, layers=lambda L: [0] * L)


@bug("gpt2_forward", "the biases of c_attn are left out")
def gpt2_without_attention_bias(state, config, ids):
    check_names(state, list(parameter_shapes(config)))
    state = {n: 0 * w if n.endswith("c_attn.bias") else w for n, w in state.items()}
    return gpt2_forward(state, config, ids)


@bug("gpt2_forward", "the biases of c_proj are left out")
def gpt2_without_projection_bias(state, config, ids):
    check_names(state, list(parameter_shapes(config)))
    state = {n: 0 * w if n.endswith("attn.c_proj.bias") else w for n, w in state.items()}
    return gpt2_forward(state, config, ids)


@bug("gpt2_forward", "square matrices are not transposed")
def gpt2_not_transposed(state, config, ids):
    check_names(state, list(parameter_shapes(config)))
    state = {n: w.T if n.endswith("attn.c_proj.weight") else w for n, w in state.items()}
    return gpt2_forward(state, config, ids)


@bug("gpt2_forward", "dropout is left on")
def gpt2_dropout(state, config, ids):
    return gpt2_of(state, config, ids, embed=lambda W: F.dropout(W[ids], 0.1))


@bug("gpt2_forward", "log-probabilities are returned instead of logits")
def gpt2_log_softmax(state, config, ids):
    return gpt2_forward(state, config, ids).log_softmax(-1)


@bug("gpt2_forward", "only the last token's logits are right: the others are theirs too")
def gpt2_last_only(state, config, ids):
    out = gpt2_forward(state, config, ids)
    return out[:, -1:].expand_as(out)


@bug("gpt2_forward", "ids are not checked: a negative one counts from the end")
def gpt2_negative_ids(state, config, ids):
    return gpt2_forward(state, config, torch.where(ids < 0, ids % config["vocab_size"], ids))


@bug("gpt2_forward", "ids that are too large raise an IndexError, not a ValueError")
def gpt2_index_error(state, config, ids):
    if ids.max() >= config["vocab_size"]:
        raise IndexError("index out of range")
    return gpt2_forward(state, config, ids)


@bug("gpt2_forward", "only the first id of each sequence is checked")
def gpt2_checks_first_id(state, config, ids):
    check_ids(ids[:, :1], config)
    return gpt2_forward(state, config, ids.clamp(0, config["vocab_size"] - 1))


@bug("gpt2_forward", "a sequence that is too long starts anew at position 0")
def gpt2_wraps_positions(state, config, ids):
    n = config["context_length"]
    return torch.cat([gpt2_forward(state, config, part) for part in ids.split(n, 1)], 1)


@bug("gpt2_forward", "a sequence that fills the context is refused")
def gpt2_length_off_by_one(state, config, ids):
    if ids.shape[1] >= config["context_length"]:
        raise ValueError("too long")
    return gpt2_forward(state, config, ids)


@bug("gpt2_forward", "missing biases are taken as 0")
def gpt2_forgiving(state, config, ids):
    blank = {n: torch.zeros(s) for n, s in parameter_shapes(config).items()}
    return gpt2_forward(
        {**{n: w for n, w in blank.items() if n.endswith("bias")}, **state}, config, ids
    )


@bug("gpt2_forward", "without a position table no positions are added")
def gpt2_optional_positions(state, config, ids):
    blank = torch.zeros(config["context_length"], config["d_model"])
    return gpt2_forward({"wpe.weight": blank} | state, config, ids)


@bug("gpt2_forward", "a head count that does not divide is not refused")
def gpt2_uneven_heads(state, config, ids):
    uneven = config["d_model"] % config["num_heads"]
    return gpt2_forward(state, config | {"num_heads": 1} if uneven else config, ids)


@bug("gpt2_forward", "the head is detached from the graph: only the embedding's use is learned")
def gpt2_detached_head(state, config, ids):
    check_names(state, list(parameter_shapes(config)))
    W = state["wte.weight"]
    out = gpt2_forward(state, config, ids)
    if not out.requires_grad:
        return out
    x = torch.linalg.lstsq(W.detach().double(), out.detach().double().mT).solution.mT.float()
    return out - x @ W.T + (x @ W.T).detach()


@bug("gpt2_forward", "the logits are computed without a graph")
def gpt2_no_grad(state, config, ids):
    with torch.no_grad():
        return gpt2_forward(state, config, ids)


@bug("gpt2_forward", "logits are float32, whatever the weights are")
def gpt2_always_float32(state, config, ids):
    return gpt2_forward({n: w.float() for n, w in state.items()}, config, ids)


@bug("gpt2_forward", "the layers of the state are counted, whatever the config says")
def gpt2_counts_the_layers(state, config, ids):
    layers = {name.split(".")[1] for name in state if name.startswith("h.")}
    return gpt2_forward(state, config | {"num_layers": len(layers)}, ids)


@bug("gpt2_forward", "names that are not needed are refused")
def gpt2_is_strict(state, config, ids):
    if extra := set(state) - set(parameter_shapes(config)):
        raise ValueError(f"not needed: {extra}")
    return gpt2_forward(state, config, ids)


@bug("gpt2_forward", "masked scores become -1e4, which is not below all others")
def gpt2_masked_by_1e4(state, config, ids):
    def attend(q, k, v, mask):
        return softly_masked(q, k, v, mask, -1e4)

    return gpt2_of(state, config, ids, attend=attend)


@bug("gpt2_forward", "id 0 is taken for padding, whose embedding learns nothing")
def gpt2_padding(state, config, ids):
    return gpt2_of(state, config, ids, embed=lambda W: F.embedding(ids, W, padding_idx=0))


@bug("gpt2_forward", "the biases of the MLP are optional")
def gpt2_optional_biases(state, config, ids):
    shapes = parameter_shapes(config).items()
    blank = {n: torch.zeros(s) for n, s in shapes if ".mlp." in n and n.endswith("bias")}
    return gpt2_forward(blank | state, config, ids)


# --- load_gpt2_state_dict -------------------------------------------------------------------------

MATRICES = ("c_attn.weight", "c_proj.weight", "c_fc.weight")


def retransposed(checkpoint, config, wrong):
    """Loaded, but for some matrices."""
    state = load_gpt2_state_dict(checkpoint, config)
    return {n: w.T.contiguous() if wrong(n) else w for n, w in state.items()}


@bug("load_gpt2_state_dict", "nothing is transposed")
def load_not_transposed(checkpoint, config):
    return retransposed(checkpoint, config, lambda n: n.endswith(MATRICES))


@bug("load_gpt2_state_dict", "square matrices are not transposed")
def load_square_not_transposed(checkpoint, config):
    return retransposed(checkpoint, config, lambda n: n.endswith("attn.c_proj.weight"))


@bug("load_gpt2_state_dict", "the matrices of the MLP are not transposed")
def load_mlp_not_transposed(checkpoint, config):
    return retransposed(checkpoint, config, lambda n: "mlp" in n and n.endswith("weight"))


@bug("load_gpt2_state_dict", "the embeddings are transposed too")
def load_embeddings_transposed(checkpoint, config):
    return retransposed(checkpoint, config, lambda n: n in ("wte.weight", "wpe.weight"))


@bug("load_gpt2_state_dict", "only layers of one digit are transposed")
def load_one_digit(checkpoint, config):
    return retransposed(checkpoint, config, lambda n: n[3:4].isdigit() and n.endswith(MATRICES))


@bug("load_gpt2_state_dict", "matrices are reshaped instead of transposed")
def load_reshaped(checkpoint, config):
    state = load_gpt2_state_dict(checkpoint, config)
    return {n: w.T.reshape(w.shape) if n.endswith(MATRICES) else w for n, w in state.items()}


@bug("load_gpt2_state_dict", "the prefix transformer. stays in the names")
def load_keeps_prefix(checkpoint, config):
    state = load_gpt2_state_dict(checkpoint, config)
    prefix = "transformer." if "transformer.wte.weight" in checkpoint else ""
    return {prefix + n: w for n, w in state.items()}


@bug("load_gpt2_state_dict", "names without the prefix transformer. are not found")
def load_needs_prefix(checkpoint, config):
    checkpoint = {n: w for n, w in checkpoint.items() if n.startswith("transformer.")}
    return load_gpt2_state_dict(checkpoint, config)


@bug("load_gpt2_state_dict", "every name is cut by twelve characters, prefix or not")
def load_cuts_names(checkpoint, config):
    return load_gpt2_state_dict({n[12:]: w for n, w in checkpoint.items()}, config)


@bug("load_gpt2_state_dict", "lm_head.weight stays in the state")
def load_keeps_head(checkpoint, config):
    state = load_gpt2_state_dict(checkpoint, config)
    return state | {n: w for n, w in checkpoint.items() if n == "lm_head.weight"}


@bug("load_gpt2_state_dict", "lm_head.weight is required")
def load_needs_head(checkpoint, config):
    check_names(checkpoint, ["lm_head.weight"])
    return load_gpt2_state_dict(checkpoint, config)


@bug("load_gpt2_state_dict", "lm_head.weight counts as left over")
def load_refuses_head(checkpoint, config):
    if "lm_head.weight" in checkpoint:
        raise ValueError("lm_head.weight is left over")
    return load_gpt2_state_dict(checkpoint, config)


@bug("load_gpt2_state_dict", "the stored masks stay in the state")
def load_keeps_masks(checkpoint, config):
    state = load_gpt2_state_dict(checkpoint, config)
    masks = {n for n in checkpoint if n.endswith((".attn.bias", ".attn.masked_bias"))}
    return state | {n.removeprefix("transformer."): checkpoint[n] for n in masks}


@bug("load_gpt2_state_dict", "the stored masks count as left over")
def load_refuses_masks(checkpoint, config):
    if any(n.endswith((".attn.bias", ".attn.masked_bias")) for n in checkpoint):
        raise ValueError("attn.bias is left over")
    return load_gpt2_state_dict(checkpoint, config)


@bug("load_gpt2_state_dict", "all that ends in attn.bias is dropped, c_attn.bias with it")
def load_drops_biases(checkpoint, config):
    checkpoint = {n: w for n, w in checkpoint.items() if not n.endswith("attn.bias")}
    return load_gpt2_state_dict(checkpoint, config)


@bug("load_gpt2_state_dict", "a missing weight is left out without an error")
def load_partial(checkpoint, config):
    shapes = parameter_shapes(config)
    bare = {n.removeprefix("transformer."): w for n, w in checkpoint.items()}
    gone = {n: torch.zeros(s) for n, s in shapes.items() if n not in bare}
    state = load_gpt2_state_dict(bare | {n: w.T for n, w in gone.items()}, config)
    return {n: w for n, w in state.items() if n not in gone}


@bug("load_gpt2_state_dict", "a missing weight is filled up with zeros")
def load_fills_up(checkpoint, config):
    bare = {n.removeprefix("transformer."): w for n, w in checkpoint.items()}
    gone = {n: torch.zeros(s).T for n, s in parameter_shapes(config).items() if n not in bare}
    return load_gpt2_state_dict(bare | gone, config)


@bug("load_gpt2_state_dict", "only the first missing weight is named")
def load_names_one(checkpoint, config):
    bare = {n.removeprefix("transformer."): w for n, w in checkpoint.items()}
    for name in parameter_shapes(config):
        if name not in bare:
            raise KeyError(name)
    return load_gpt2_state_dict(checkpoint, config)


@bug("load_gpt2_state_dict", "names that are left over are ignored")
def load_ignores_strangers(checkpoint, config):
    shapes = parameter_shapes(config)
    known = {n: w for n, w in checkpoint.items() if n.removeprefix("transformer.") in shapes}
    return load_gpt2_state_dict(known, config)


@bug("load_gpt2_state_dict", "more layers than the config has are ignored")
def load_ignores_layers(checkpoint, config):
    bare = {n.removeprefix("transformer."): w for n, w in checkpoint.items()}

    def more(n):
        return n.startswith("h.") and int(n.split(".")[1]) >= config["num_layers"]

    return load_gpt2_state_dict({n: w for n, w in bare.items() if not more(n)}, config)


@bug("load_gpt2_state_dict", "only the first name that is left over is told")
def load_tells_one(checkpoint, config):
    try:
        return load_gpt2_state_dict(checkpoint, config)
    except ValueError as error:
        raise ValueError(str(error).split(",")[0]) from None


@bug("load_gpt2_state_dict", "strangers without a layer are ignored")
def load_ignores_heads(checkpoint, config):
    return load_gpt2_state_dict(
        {n: w for n, w in checkpoint.items() if n != "score.weight"}, config
    )


@bug("load_gpt2_state_dict", "shapes are not checked against the config")
def load_unchecked(checkpoint, config):
    state = {}
    bare = {n.removeprefix("transformer."): w for n, w in checkpoint.items()}
    check_names(bare, list(parameter_shapes(config)))
    for name in parameter_shapes(config):
        state[name] = bare[name].T if name.endswith(MATRICES) else bare[name]
    strange = [n for n in bare if n not in state and not n.endswith((".attn.bias", "masked_bias"))]
    if [n for n in strange if n != "lm_head.weight"]:
        raise ValueError(f"left over: {strange}")
    return state


@bug("load_gpt2_state_dict", "a matrix is transposed if it does not fit, and left if it does")
def load_by_shape(checkpoint, config):
    shapes = parameter_shapes(config)
    bare = {n.removeprefix("transformer."): w for n, w in checkpoint.items()}
    fitted = {}
    for n, w in bare.items():
        turn = n.endswith(MATRICES) and n in shapes and tuple(w.shape) == shapes[n]
        fitted[n] = w.T if turn else w
    return load_gpt2_state_dict(fitted, config)


@bug("load_gpt2_state_dict", "the size of the vocabulary is not checked")
def load_any_vocabulary(checkpoint, config):
    bare = {n.removeprefix("transformer."): w for n, w in checkpoint.items()}
    V = len(bare.get("wte.weight", []))
    return load_gpt2_state_dict(bare, config | {"vocab_size": V})


@bug("load_gpt2_state_dict", "the context length is not checked")
def load_any_context(checkpoint, config):
    bare = {n.removeprefix("transformer."): w for n, w in checkpoint.items()}
    T = len(bare.get("wpe.weight", []))
    return load_gpt2_state_dict(bare, config | {"context_length": T})


@bug("load_gpt2_state_dict", "weights become float32")
def load_float32(checkpoint, config):
    return {n: w.float() for n, w in load_gpt2_state_dict(checkpoint, config).items()}


def load(checkpoint, config, surplus, fits):
    """Loading with another idea of what may be left out, and of what fits."""
    shapes = parameter_shapes(config)
    found = {name.removeprefix("transformer."): weight for name, weight in checkpoint.items()}
    check_names(found, list(shapes))
    if unknown := [n for n in found if n not in shapes and not surplus(n)]:
        raise ValueError(", ".join(unknown))
    state = {n: found[n].T if loading.CONV1D.fullmatch(n) else found[n] for n in shapes}
    if bad := [n for n, weight in state.items() if not fits(weight.shape, shapes[n])]:
        raise ValueError(", ".join(bad))
    return state


@bug("load_gpt2_state_dict", "all that begins with lm_head is left out")
def load_drops_lm_heads(checkpoint, config):
    def surplus(name):
        return name.startswith("lm_head") or loading.SURPLUS.fullmatch(name)

    return load(checkpoint, config, surplus, lambda got, wanted: got == wanted)


@bug("load_gpt2_state_dict", "all that ends in masked_bias is left out")
def load_drops_all_masks(checkpoint, config):
    def surplus(name):
        return name.endswith("masked_bias") or loading.SURPLUS.fullmatch(name)

    return load(checkpoint, config, surplus, lambda got, wanted: got == wanted)


@bug("load_gpt2_state_dict", "the shapes of biases and norms are not checked")
def load_checks_matrices(checkpoint, config):
    return load(
        checkpoint,
        config,
        loading.SURPLUS.fullmatch,
        lambda got, wanted: len(got) == 1 or got == wanted,
    )


@bug("load_gpt2_state_dict", "only the first axis of a shape is checked")
def load_checks_rows(checkpoint, config):
    return load(
        checkpoint, config, loading.SURPLUS.fullmatch, lambda got, wanted: got[0] == wanted[0]
    )


@bug("load_gpt2_state_dict", "the matrices that are turned become float32")
def load_turns_in_float32(checkpoint, config):
    state = load_gpt2_state_dict(checkpoint, config)
    return {n: w.float() if loading.CONV1D.fullmatch(n) else w for n, w in state.items()}


@bug("load_gpt2_state_dict", "whether names have the prefix is judged by the first one")
def load_judges_by_first(checkpoint, config):
    if next(iter(checkpoint)).startswith("transformer."):
        return load_gpt2_state_dict(checkpoint, config)
    kept = {n.replace("transformer.", "transformer:"): w for n, w in checkpoint.items()}
    return load_gpt2_state_dict(kept, config)


@bug("load_gpt2_state_dict", "only the first five missing weights are named")
def load_names_five(checkpoint, config):
    try:
        return load_gpt2_state_dict(checkpoint, config)
    except KeyError as error:
        raise KeyError(", ".join(error.args[0].split(", ")[:5]) + " ...") from None


@bug("load_gpt2_state_dict", "only the first five names that are left over are told")
def load_tells_five(checkpoint, config):
    try:
        return load_gpt2_state_dict(checkpoint, config)
    except ValueError as error:
        raise ValueError(", ".join(str(error).split(", ")[:5]) + " ...") from None


@bug("load_gpt2_state_dict", "a missing wte.weight is taken from lm_head.weight")
def load_embedding_of_head(checkpoint, config):
    bare = {n.removeprefix("transformer."): w for n, w in checkpoint.items()}
    head = {"wte.weight": bare["lm_head.weight"]} if "lm_head.weight" in bare else {}
    return load_gpt2_state_dict(head | bare, config)


@bug("load_gpt2_state_dict", "what is left over is ignored if attn.bias stands in its name")
def load_ignores_c_attn(checkpoint, config):
    def surplus(name):
        return "attn.bias" in name or loading.SURPLUS.fullmatch(name)

    return load(checkpoint, config, surplus, lambda got, wanted: got == wanted)


# --- init_weights ---------------------------------------------------------------------------------


def rescaled(config, seed, factor):
    """Fresh weights, multiplied by a factor that may be wrong."""
    return {n: w * factor(n) for n, w in init_weights(config, seed).items()}


@bug("init_weights", "the residual projections are not scaled down")
def init_unscaled(config, seed):
    root = math.sqrt(2 * config["num_layers"])
    return rescaled(config, seed, lambda n: root if n.endswith("c_proj.weight") else 1)


@bug("init_weights", "the residual projections are divided by sqrt(L), not sqrt(2 L)")
def init_root_layers(config, seed):
    return rescaled(config, seed, lambda n: math.sqrt(2) if n.endswith("c_proj.weight") else 1)


@bug("init_weights", "the residual projections are divided by 2 L, without a root")
def init_without_root(config, seed):
    root = math.sqrt(2 * config["num_layers"])
    return rescaled(config, seed, lambda n: 1 / root if n.endswith("c_proj.weight") else 1)


@bug("init_weights", "only attention's projection is scaled down")
def init_only_attention(config, seed):
    root = math.sqrt(2 * config["num_layers"])
    return rescaled(config, seed, lambda n: root if n.endswith("mlp.c_proj.weight") else 1)


@bug("init_weights", "all matrices of a layer are scaled down")
def init_all_scaled(config, seed):
    root = math.sqrt(2 * config["num_layers"])
    others = ("c_attn.weight", "c_fc.weight")
    return rescaled(config, seed, lambda n: 1 / root if n.endswith(others) else 1)


@bug("init_weights", "0.02 is the variance, not the standard deviation")
def init_variance(config, seed):
    return rescaled(config, seed, lambda n: 0.02**-0.5 if "ln" not in n else 1)


@bug("init_weights", "the standard deviation is 1 / sqrt(C)")
def init_xavier(config, seed):
    return rescaled(config, seed, lambda n: 50 / config["d_model"] ** 0.5 if "ln" not in n else 1)


@bug("init_weights", "the embeddings have a standard deviation of 1")
def init_large_embeddings(config, seed):
    return rescaled(config, seed, lambda n: 50 if n in ("wte.weight", "wpe.weight") else 1)


@bug("init_weights", "the position embeddings have a standard deviation of 0.01")
def init_small_positions(config, seed):
    return rescaled(config, seed, lambda n: 0.5 if n == "wpe.weight" else 1)


@bug("init_weights", "weights are uniform")
def init_uniform(config, seed):
    rng, state = torch.Generator().manual_seed(seed), init_weights(config, seed)
    for name, w in state.items():
        if w.ndim == 2:
            scale = 0.02 / (math.sqrt(2 * config["num_layers"]) if "c_proj" in name else 1)
            state[name] = (2 * torch.rand(w.shape, generator=rng) - 1) * math.sqrt(3) * scale
    return state


@bug("init_weights", "the normal distribution is cut off at two standard deviations")
def init_truncated(config, seed):
    state = init_weights(config, seed)
    for name, w in state.items():
        if w.ndim == 2:
            scale = 0.02 / (math.sqrt(2 * config["num_layers"]) if "c_proj" in name else 1)
            state[name] = w.clamp(-2 * scale, 2 * scale)
    return state


@bug("init_weights", "layernorms start with weight 0")
def init_zero_norms(config, seed):
    return rescaled(config, seed, lambda n: 0 if "ln_" in n else 1)


@bug("init_weights", "biases are random")
def init_random_biases(config, seed):
    state = init_weights(config, seed)
    return {n: 0.02 * torch.randn(w.shape) if n.endswith("bias") else w for n, w in state.items()}


@bug("init_weights", "the generator is seeded anew for every tensor")
def init_reseeded(config, seed):
    state = init_weights(config, seed)
    for name, w in state.items():
        if w.ndim == 2:
            scale = 0.02 / (math.sqrt(2 * config["num_layers"]) if "c_proj" in name else 1)
            state[name] = scale * torch.randn(
                w.shape, generator=torch.Generator().manual_seed(seed)
            )
    return state


@bug("init_weights", "all layers start with the same weights")
def init_equal_layers(config, seed):
    state = init_weights(config, seed)
    return {
        n: state["h.0." + n.split(".", 2)[2]] if n.startswith("h.") else w for n, w in state.items()
    }


@bug("init_weights", "the seed is ignored: always the same weights")
def init_fixed_seed(config, seed):
    return init_weights(config, 0)


@bug("init_weights", "the seed is ignored: other weights every time")
def init_no_seed(config, seed):
    return init_weights(config, int(torch.randint(1 << 30, ())))


@bug("init_weights", "torch's global generator is seeded")
def init_global_seed(config, seed):
    torch.manual_seed(seed)
    return init_weights(config, seed)


@bug("init_weights", "matrices lie (in, out)")
def init_transposed(config, seed):
    state = init_weights(config, seed)
    return {n: w.T.contiguous() if n.endswith(MATRICES) else w for n, w in state.items()}


@bug("init_weights", "the head has weights of its own")
def init_with_head(config, seed):
    state = init_weights(config, seed)
    return state | {"lm_head.weight": state["wte.weight"].clone()}


@bug("init_weights", "the position table has one row too many")
def init_long_positions(config, seed):
    return init_weights(config | {"context_length": config["context_length"] + 1}, seed)


@bug("init_weights", "the weights are float64")
def init_float64(config, seed):
    return {n: w.double() for n, w in init_weights(config, seed).items()}


@bug("init_weights", "the weights are not centred on 0")
def init_shifted(config, seed):
    state = init_weights(config, seed)
    return {n: w + 0.01 if w.ndim == 2 else w for n, w in state.items()}


@bug("init_weights", "the tails are cut off at 3 standard deviations")
def init_without_tails(config, seed):
    return {
        name: w if w.ndim == 1 else w.clamp(-3 * w.std().item(), 3 * w.std().item())
        for name, w in init_weights(config, seed).items()
    }


@bug("init_weights", "seed 0 is taken for no seed")
def init_without_seed_0(config, seed):
    return init_weights(config, seed or random.SystemRandom().randrange(2**31))


@bug("init_weights", "only the last three digits of the seed count")
def init_seed_of_three_digits(config, seed):
    return init_weights(config, seed % 1000)


def redrawn(config, seed, draw):
    """Fresh weights, whose matrices are drawn anew by draw(number, shape)."""
    state = init_weights(config, seed)
    for i, (name, w) in enumerate(state.items()):
        if w.ndim == 2:
            scale = 0.02 / (math.sqrt(2 * config["num_layers"]) if "c_proj" in name else 1)
            state[name] = scale * draw(i, w.shape)
    return state


@bug("init_weights", "tensor i is seeded by seed + i: the next seed has the same numbers elsewhere")
def init_added_seeds(config, seed):
    def draw(i, shape):
        return torch.randn(shape, generator=torch.Generator().manual_seed(seed + i))

    return redrawn(config, seed, draw)


@bug("init_weights", "numpy is seeded by seed + 1, which it refuses for the largest seed")
def init_of_the_next_seed(config, seed):
    rng = np.random.RandomState(seed + 1)
    return redrawn(config, seed, lambda i, shape: torch.from_numpy(rng.randn(*shape)).float())


@bug("init_weights", "only the last 16 bits of the seed count")
def init_seed_of_16_bits(config, seed):
    return init_weights(config, seed & 0xFFFF)


@bug("init_weights", "the seed is taken modulo 2**31 - 1")
def init_seed_modulo(config, seed):
    return init_weights(config, seed % (2**31 - 1))


@bug("init_weights", "all biases of one size are one tensor")
def init_shared_biases(config, seed):
    state, one = init_weights(config, seed), {}
    return {n: one.setdefault(len(w), w) if n.endswith("bias") else w for n, w in state.items()}


@bug("init_weights", "a bias is one number, expanded: it cannot be written")
def init_expanded_biases(config, seed):
    state = init_weights(config, seed)
    return {n: w[:1].expand(len(w)) if n.endswith("bias") else w for n, w in state.items()}


@bug("init_weights", "the matrices of the layers are cut off at 3 standard deviations")
def init_layers_without_tails(config, seed):
    return {
        n: w.clamp(-3 * w.std(), 3 * w.std()) if w.ndim == 2 and n.startswith("h.") else w
        for n, w in init_weights(config, seed).items()
    }


@bug("init_weights", "the matrices of the layers are uniform")
def init_uniform_layers(config, seed):
    state, rng = init_weights(config, seed), torch.Generator().manual_seed(seed)
    return {
        n: (torch.rand(w.shape, generator=rng) * 2 - 1) * w.std() * 3**0.5
        if w.ndim == 2 and n.startswith("h.")
        else w
        for n, w in state.items()
    }


@bug("init_weights", "the global generator is seeded, and afterwards seeded as it was at first")
def init_resets_generator(config, seed):
    first = torch.initial_seed()
    torch.manual_seed(seed)
    state = redrawn(config, seed, lambda i, shape: torch.randn(shape))
    torch.manual_seed(first)
    return state


# --- next_token_loss ------------------------------------------------------------------------------


def entropy(logits, ids, **options):
    return F.cross_entropy(logits.flatten(0, 1), ids.flatten(), **options)


def checked(ids):
    if ids.shape[1] < 2:
        raise ValueError("too short")


@bug("next_token_loss", "labels are not shifted: a token is predicted from itself")
def loss_unshifted(logits, ids):
    checked(ids)
    return entropy(logits, ids)


@bug("next_token_loss", "labels are shifted the other way")
def loss_backwards(logits, ids):
    checked(ids)
    return entropy(logits[:, 1:], ids[:, :-1])


@bug("next_token_loss", "labels are shifted twice")
def loss_shifted_twice(logits, ids):
    checked(ids)
    return entropy(logits[:, :-2], ids[:, 2:]) if ids.shape[1] > 2 else entropy(logits, ids)


@bug("next_token_loss", "the last token predicts the first: labels are rolled")
def loss_rolled(logits, ids):
    checked(ids)
    return entropy(logits, ids.roll(-1, 1))


@bug("next_token_loss", "losses are summed, not averaged")
def loss_sum(logits, ids):
    return next_token_loss(logits, ids) * ids[:, 1:].numel()


@bug("next_token_loss", "the sum is divided by B T instead of B (T - 1)")
def loss_divided_by_all(logits, ids):
    return next_token_loss(logits, ids) * ids[:, 1:].numel() / ids.numel()


@bug("next_token_loss", "the sum is divided by the batch only")
def loss_per_sequence(logits, ids):
    return next_token_loss(logits, ids) * (ids.shape[1] - 1)


@bug("next_token_loss", "the loss is in bits")
def loss_in_bits(logits, ids):
    return next_token_loss(logits, ids) / math.log(2)


@bug("next_token_loss", "the sign is missing")
def loss_negative(logits, ids):
    return -next_token_loss(logits, ids)


@bug("next_token_loss", "the softmax is taken without the maximum")
def loss_overflow(logits, ids):
    checked(ids)
    p = logits.exp() / logits.exp().sum(-1, keepdim=True)
    return -p[:, :-1].gather(-1, ids[:, 1:, None]).log().mean()


@bug("next_token_loss", "the logarithm is taken of a softmax that may be 0")
def loss_log_of_zero(logits, ids):
    checked(ids)
    return -logits[:, :-1].softmax(-1).gather(-1, ids[:, 1:, None]).log().mean()


@bug("next_token_loss", "1e-6 is added before the logarithm")
def loss_with_epsilon(logits, ids):
    checked(ids)
    return -(logits[:, :-1].softmax(-1).gather(-1, ids[:, 1:, None]) + 1e-6).log().mean()


@bug("next_token_loss", "softmax is applied twice")
def loss_double_softmax(logits, ids):
    return next_token_loss(logits.softmax(-1), ids)


@bug("next_token_loss", "time and vocabulary are mixed up where they are equal")
def loss_mixed_axes(logits, ids):
    checked(ids)
    if logits.shape[1] == logits.shape[2]:
        logits = logits.mT
    return next_token_loss(logits, ids)


@bug("next_token_loss", "a single token gives NaN")
def loss_nan(logits, ids):
    return entropy(logits[:, :-1], ids[:, 1:])


@bug("next_token_loss", "a single token has loss 0")
def loss_zero(logits, ids):
    return next_token_loss(logits, ids) if ids.shape[1] > 1 else logits.sum() * 0


@bug("next_token_loss", "a plain number is returned, detached from the graph")
def loss_detached(logits, ids):
    return next_token_loss(logits, ids).detach()


@bug("next_token_loss", "labels are smoothed")
def loss_smoothed(logits, ids):
    checked(ids)
    return entropy(logits[:, :-1], ids[:, 1:], label_smoothing=0.1)


@bug("next_token_loss", "id 0 is taken for padding and ignored")
def loss_ignores_zero(logits, ids):
    checked(ids)
    return entropy(logits[:, :-1], ids[:, 1:], ignore_index=0)


@bug("next_token_loss", "only the last prediction counts")
def loss_of_last(logits, ids):
    checked(ids)
    return entropy(logits[:, -2:-1], ids[:, -1:])


@bug("next_token_loss", "the result is float32, whatever the input was")
def loss_float32(logits, ids):
    return next_token_loss(logits.float(), ids)


@bug("next_token_loss", "the loss of half precision is float32")
def loss_in_float32(logits, ids):
    half = logits.dtype in (torch.float16, torch.bfloat16)
    return next_token_loss(logits.float() if half else logits, ids)


@bug("next_token_loss", "logits are viewed as rows, though they need not be contiguous")
def loss_of_a_view(logits, ids):
    return next_token_loss(logits.view(-1, logits.shape[-1]).view(logits.shape), ids)


@bug("next_token_loss", "T = 1 is refused, but not T = 0")
def loss_of_no_tokens(logits, ids):
    if ids.shape[-1] == 0:
        return torch.tensor(torch.nan)
    return next_token_loss(logits, ids)


# --- accounting -----------------------------------------------------------------------------------


def fits(model):
    if model.embedding.weight.shape != model.head.weight.shape:
        raise ValueError("shapes differ")


@bug("accounting", "the numbers are copied: two Parameters stay", "tie_weights")
def tie_by_copy(model):
    fits(model)
    with torch.no_grad():
        model.head.weight.copy_(model.embedding.weight)


@bug("accounting", "the storage is shared, but two Parameters stay", "tie_weights")
def tie_data(model):
    fits(model)
    model.head.weight.data = model.embedding.weight.data


@bug("accounting", "a Parameter is made anew from the same numbers", "tie_weights")
def tie_new_parameter(model):
    fits(model)
    model.head.weight = torch.nn.Parameter(model.embedding.weight)


@bug("accounting", "the embedding takes the head's values", "tie_weights")
def tie_backwards(model):
    fits(model)
    model.embedding.weight = model.head.weight


@bug("accounting", "nothing is tied", "tie_weights")
def tie_nothing(model):
    fits(model)


@bug("accounting", "the model is copied before it is tied", "tie_weights")
def tie_a_copy(model):
    fits(model)
    model = copy.deepcopy(model)
    model.head.weight = model.embedding.weight


@bug("accounting", "the head's bias is thrown away", "tie_weights")
def tie_without_bias(model):
    fits(model)
    model.head.weight = model.embedding.weight
    model.head.bias = None


@bug("accounting", "the tied weight is frozen", "tie_weights")
def tie_frozen(model):
    fits(model)
    model.head.weight = model.embedding.weight
    model.head.weight.requires_grad_(False)


@bug("accounting", "shapes that differ are not refused", "tie_weights")
def tie_any_shape(model):
    model.head.weight = model.embedding.weight


@bug("accounting", "tied weights count twice, once per name", "count_parameters")
def count_names(model):
    return sum(p.numel() for _, p in model.named_parameters(remove_duplicate=False))


@bug("accounting", "the state_dict is counted: tied weights twice, buffers too", "count_parameters")
def count_state(model):
    return sum(w.numel() for w in model.state_dict().values())


@bug("accounting", "frozen parameters are left out", "count_parameters")
def count_trainable(model):
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


@bug("accounting", "tensors are counted, not their numbers", "count_parameters")
def count_tensors(model):
    return len(list(model.parameters()))


@bug("accounting", "biases are left out", "count_parameters")
def count_matrices(model):
    return sum(p.numel() for p in model.parameters() if p.ndim > 1)


@bug("accounting", "bytes are counted", "count_parameters")
def count_bytes(model):
    return sum(p.numel() * p.element_size() for p in model.parameters())


@bug("accounting", "embeddings are left out", "count_parameters")
def count_without_embedding(model):
    skip = getattr(model, "embedding", None)
    return count_parameters(model) - (skip.weight.numel() if skip is not None else 0)


@bug("accounting", "buffers count too", "count_parameters")
def count_buffers(model):
    return count_parameters(model) + sum(b.numel() for b in model.buffers())


@bug("accounting", "parameters of equal values count once", "count_parameters")
def count_values(model):
    return sum({(tuple(p.shape), p.sum().item()): p.numel() for p in model.parameters()}.values())


@bug("accounting", "a model without parameters is an error", "count_parameters")
def count_by_vector(model):
    return torch.cat([p.flatten() for p in model.parameters()]).numel()


@bug("accounting", "only the forward pass is counted", "flops_per_token")
def flops_forward(config, T):
    return flops_per_token(config, T) // 3


@bug("accounting", "a multiplication and an addition count as one", "flops_per_token")
def flops_macs(config, T):
    return flops_per_token(config, T) // 2


@bug("accounting", "the backward pass counts as much as the forward pass", "flops_per_token")
def flops_equal_backward(config, T):
    return flops_per_token(config, T) * 2 // 3


@bug("accounting", "attention's scores are left out: 6 N", "flops_per_token")
def flops_without_attention(config, T):
    return flops_per_token(config, 0)


@bug("accounting", "only one of the two products with T keys is counted", "flops_per_token")
def flops_half_attention(config, T):
    return flops_per_token(config, 0) + 6 * config["num_layers"] * config["d_model"] * T


@bug("accounting", "attention is multiplied by the number of heads", "flops_per_token")
def flops_times_heads(config, T):
    return flops_per_token(config, T * config["num_heads"])


@bug("accounting", "the context length is taken instead of T", "flops_per_token")
def flops_of_context(config, T):
    return flops_per_token(config, config["context_length"])


@bug("accounting", "the cost is that of a sequence, not of a token", "flops_per_token")
def flops_per_sequence(config, T):
    return flops_per_token(config, T) * T


@bug("accounting", "the head is left out, as it is tied", "flops_per_token")
def flops_without_head(config, T):
    return flops_per_token(config | {"vocab_size": 0}, T)


@bug("accounting", "the embedding counts beside the head", "flops_per_token")
def flops_with_embedding(config, T):
    return flops_per_token(config | {"vocab_size": 2 * config["vocab_size"]}, T)


@bug("accounting", "N counts all parameters, biases and norms too", "flops_per_token")
def flops_of_all_parameters(config, T):
    N = sum(math.prod(shape) for shape in parameter_shapes(config).values())
    return 6 * N + 12 * config["num_layers"] * config["d_model"] * T


@bug("accounting", "the position table counts among the matrices", "flops_per_token")
def flops_with_positions(config, T):
    return flops_per_token(config, T) + 6 * config["context_length"] * config["d_model"]


@bug("accounting", "attention is halved for the causal mask", "flops_per_token")
def flops_causal(config, T):
    return flops_per_token(config, 0) + 6 * config["num_layers"] * config["d_model"] * (T + 1)


@bug("accounting", "the output projection of attention is forgotten", "flops_per_token")
def flops_without_projection(config, T):
    return flops_per_token(config, T) - 6 * config["num_layers"] * config["d_model"] ** 2


@bug("accounting", "the way back from 4C to C is forgotten", "flops_per_token")
def flops_half_mlp(config, T):
    return flops_per_token(config, T) - 24 * config["num_layers"] * config["d_model"] ** 2


@bug("accounting", "only the sizes of the vocabulary are compared", adapter="tie_weights")
def tie_by_vocabulary(model):
    if model.head.weight.shape[0] != model.embedding.weight.shape[0]:
        raise ValueError("other vocabularies")
    model.head.weight = model.embedding.weight


@bug("accounting", "only the numbers of entries are compared", adapter="tie_weights")
def tie_by_entries(model):
    if model.head.weight.numel() != model.embedding.weight.numel():
        raise ValueError("other sizes")
    model.head.weight = model.embedding.weight


@bug("accounting", "a new Parameter takes the place of both", adapter="tie_weights")
def tie_to_a_third(model):
    if model.head.weight.shape != model.embedding.weight.shape:
        raise ValueError("other shapes")
    both = torch.nn.Parameter(model.embedding.weight.detach().clone())
    model.embedding.weight = model.head.weight = both


@bug("accounting", "Parameters that share memory count once", adapter="count_parameters")
def count_memory(model):
    return sum({p.data_ptr(): p.numel() for p in model.parameters()}.values())


# --- next_token_probabilities ---------------------------------------------------------------------


def settings(temperature, top_k, top_p):
    next_token_probabilities(torch.zeros(1), temperature, top_k, top_p)


def cut_p(p, top_p, keep):
    """Renormalised shares of the tokens that `keep` lets stay, given the sums before and after."""
    ordered, order = p.sort(dim=-1, descending=True, stable=True)
    total = ordered.cumsum(-1)
    ordered = ordered * keep(total - ordered, total, ordered)
    p = torch.zeros_like(p).scatter(-1, order, ordered)
    return p / p.sum(-1, keepdim=True)


@bug("next_token_probabilities", "top_k is a discarded masked_fill: nothing is cut")
def probabilities_no_top_k(logits, temperature, top_k=None, top_p=None):
    settings(temperature, top_k, top_p)
    return next_token_probabilities(logits, temperature, None, top_p)


@bug("next_token_probabilities", "top_p does nothing")
def probabilities_no_top_p(logits, temperature, top_k=None, top_p=None):
    settings(temperature, top_k, top_p)
    return next_token_probabilities(logits, temperature, top_k, None)


@bug("next_token_probabilities", "temperature does nothing")
def probabilities_no_temperature(logits, temperature, top_k=None, top_p=None):
    settings(temperature, top_k, top_p)
    return next_token_probabilities(logits, 1.0 if temperature else 0.0, top_k, top_p)


@bug("next_token_probabilities", "logits are multiplied by the temperature")
def probabilities_times_temperature(logits, temperature, top_k=None, top_p=None):
    settings(temperature, top_k, top_p)
    return next_token_probabilities(logits, 1 / temperature if temperature else 0.0, top_k, top_p)


@bug("next_token_probabilities", "probabilities are divided by the temperature, not logits")
def probabilities_temperature_late(logits, temperature, top_k=None, top_p=None):
    settings(temperature, top_k, top_p)
    p = next_token_probabilities(logits, 1.0 if temperature else 0.0, top_k, top_p)
    return p / (temperature or 1.0)


@bug("next_token_probabilities", "top_k is k + 1")
def probabilities_one_more(logits, temperature, top_k=None, top_p=None):
    settings(temperature, top_k, top_p)
    return next_token_probabilities(logits, temperature, top_k and top_k + 1, top_p)


@bug("next_token_probabilities", "the k-th token is cut too")
def probabilities_one_less(logits, temperature, top_k=None, top_p=None):
    settings(temperature, top_k, top_p)
    return next_token_probabilities(logits, temperature, top_k and max(top_k - 1, 1), top_p)


@bug("next_token_probabilities", "ties at the k-th place all stay")
def probabilities_keeps_ties(logits, temperature, top_k=None, top_p=None):
    settings(temperature, top_k, top_p)
    if top_k is not None and temperature > 0:
        least = logits.sort(dim=-1, descending=True)[0][..., :top_k][..., -1:]
        logits = logits.masked_fill(logits < least, -math.inf)
        top_k = None
    return next_token_probabilities(logits, temperature, top_k, top_p)


@bug("next_token_probabilities", "of equal tokens the higher ids stay")
def probabilities_higher_ids(logits, temperature, top_k=None, top_p=None):
    return next_token_probabilities(logits.flip(-1), temperature, top_k, top_p).flip(-1)


@bug("next_token_probabilities", "the k least likely tokens stay")
def probabilities_least_likely(logits, temperature, top_k=None, top_p=None):
    settings(temperature, top_k, top_p)
    if top_k is not None and top_k < logits.shape[-1] and temperature > 0:
        most = logits.topk(logits.shape[-1] - top_k)[1]
        logits = logits.scatter(-1, most, -math.inf)
    return next_token_probabilities(logits, temperature, None, top_p)


@bug("next_token_probabilities", "a k beyond V is an error")
def probabilities_large_k(logits, temperature, top_k=None, top_p=None):
    if top_k is not None:
        logits.topk(top_k)
    return next_token_probabilities(logits, temperature, top_k, top_p)


@bug("next_token_probabilities", "tokens cut by top_k get a logit of 0 instead of -inf")
def probabilities_zero_logit(logits, temperature, top_k=None, top_p=None):
    settings(temperature, top_k, top_p)
    if top_k is None or temperature == 0 or top_k >= logits.shape[-1]:
        return next_token_probabilities(logits, temperature, top_k, top_p)
    kept = next_token_probabilities(logits, 1.0, top_k) > 0
    return next_token_probabilities(torch.where(kept, logits, 0.0), temperature, None, top_p)


@bug("next_token_probabilities", "what is cut is not made up for: the rest does not sum to 1")
def probabilities_not_renormalised(logits, temperature, top_k=None, top_p=None):
    p = next_token_probabilities(logits, temperature, top_k, top_p)
    full = next_token_probabilities(logits, temperature)
    return torch.where(p > 0, full, 0.0)


@bug("next_token_probabilities", "top_k is found in the whole batch, not in each row")
def probabilities_batch_top_k(logits, temperature, top_k=None, top_p=None):
    settings(temperature, top_k, top_p)
    if top_k is not None and temperature > 0 and logits.ndim > 1:
        least = logits.max(0, keepdim=True)[0].sort(dim=-1, descending=True)[0][..., :top_k][
            ..., -1:
        ]
        own = logits.amax(-1, keepdim=True)
        logits = logits.masked_fill(logits < torch.minimum(least, own), -math.inf)
        top_k = None
    return next_token_probabilities(logits, temperature, top_k, top_p)


def after_k(logits, temperature, top_k, top_p):
    settings(temperature, top_k, top_p)
    return next_token_probabilities(logits, temperature, top_k)


@bug("next_token_probabilities", "the token that crosses top_p is dropped")
def probabilities_drops_crossing(logits, temperature, top_k=None, top_p=None):
    p = after_k(logits, temperature, top_k, top_p)
    if top_p is None or top_p == 1:
        return p
    return cut_p(p, top_p, lambda before, total, q: (total <= top_p) | (before <= 0))


@bug("next_token_probabilities", "one token more than needed for top_p stays")
def probabilities_extra_token(logits, temperature, top_k=None, top_p=None):
    p = after_k(logits, temperature, top_k, top_p)
    if top_p is None or top_p == 1:
        return p
    return cut_p(p, top_p, lambda before, total, q: (before - q.roll(1, -1)) * (before > 0) < top_p)


@bug("next_token_probabilities", "tokens of probability below 1 - top_p are cut one by one")
def probabilities_threshold(logits, temperature, top_k=None, top_p=None):
    p = after_k(logits, temperature, top_k, top_p)
    if top_p is None or top_p == 1:
        return p
    return cut_p(p, top_p, lambda before, total, q: (q > 1 - top_p) | (before <= 0))


@bug(
    "next_token_probabilities", "tokens of probability below top_p times the largest are cut: min_p"
)
def probabilities_min_p(logits, temperature, top_k=None, top_p=None):
    p = after_k(logits, temperature, top_k, top_p)
    if top_p is None:
        return p
    return cut_p(p, top_p, lambda before, total, q: q >= top_p * q[..., :1])


@bug("next_token_probabilities", "the least likely tokens are summed up for top_p")
def probabilities_least_first(logits, temperature, top_k=None, top_p=None):
    p = after_k(logits, temperature, top_k, top_p)
    if top_p is None or top_p == 1:
        return p
    ordered, order = p.sort(dim=-1, stable=True)
    ordered = ordered * (ordered.cumsum(-1) - ordered < top_p)
    p = torch.zeros_like(p).scatter(-1, order, ordered)
    return p / p.sum(-1, keepdim=True)


@bug("next_token_probabilities", "what is cut by top_p is put back in the sorted order")
def probabilities_unsorted(logits, temperature, top_k=None, top_p=None):
    p = next_token_probabilities(logits, temperature, top_k, top_p)
    return p if top_p is None else p.sort(dim=-1, descending=True)[0]


@bug("next_token_probabilities", "top_p comes before top_k, on shares of all tokens")
def probabilities_p_before_k(logits, temperature, top_k=None, top_p=None):
    settings(temperature, top_k, top_p)
    p = next_token_probabilities(logits, temperature, None, top_p)
    return next_token_probabilities(p.log(), 1.0, top_k) if temperature else p


@bug("next_token_probabilities", "top_p is taken of all tokens, not of what top_k has left")
def probabilities_p_of_all(logits, temperature, top_k=None, top_p=None):
    settings(temperature, top_k, top_p)
    if top_p is None or top_k is None or temperature == 0:
        return next_token_probabilities(logits, temperature, top_k, top_p)
    full = next_token_probabilities(logits, temperature)
    p = cut_p(full, top_p, lambda before, total, q: before < top_p)
    kept = next_token_probabilities(logits, temperature, top_k) > 0
    p = p * kept
    return p / p.sum(-1, keepdim=True)


@bug("next_token_probabilities", "top_p is taken before the temperature")
def probabilities_p_before_temperature(logits, temperature, top_k=None, top_p=None):
    settings(temperature, top_k, top_p)
    if temperature == 0:
        return next_token_probabilities(logits, temperature, top_k, top_p)
    kept = next_token_probabilities(logits, 1.0, top_k, top_p) > 0
    return next_token_probabilities(logits.masked_fill(~kept, -math.inf), temperature)


@bug("next_token_probabilities", "temperature 0 divides by zero")
def probabilities_division_by_zero(logits, temperature, top_k=None, top_p=None):
    if temperature == 0:
        return torch.softmax(logits / 0.0, -1)
    return next_token_probabilities(logits, temperature, top_k, top_p)


@bug("next_token_probabilities", "temperature 0 is taken as 1")
def probabilities_zero_is_one(logits, temperature, top_k=None, top_p=None):
    return next_token_probabilities(logits, temperature or 1.0, top_k, top_p)


@bug("next_token_probabilities", "temperature 0 shares among the most likely tokens")
def probabilities_zero_shares(logits, temperature, top_k=None, top_p=None):
    settings(temperature, top_k, top_p)
    if temperature == 0:
        best = (logits == logits.amax(-1, keepdim=True)).to(logits.dtype)
        return best / best.sum(-1, keepdim=True)
    return next_token_probabilities(logits, temperature, top_k, top_p)


@bug("next_token_probabilities", "temperature 0 is taken as 0.01")
def probabilities_almost_zero(logits, temperature, top_k=None, top_p=None):
    settings(temperature, top_k, top_p)
    return next_token_probabilities(logits, temperature or 0.01, top_k, top_p)


@bug("next_token_probabilities", "large logits overflow")
def probabilities_overflow(logits, temperature, top_k=None, top_p=None):
    p = next_token_probabilities(logits, temperature, top_k, top_p)
    if temperature == 0:
        return p
    e = torch.where(p > 0, (logits / temperature).exp(), 0.0)
    return e / e.sum(-1, keepdim=True)


@bug("next_token_probabilities", "the logarithm of the probabilities is returned")
def probabilities_log(logits, temperature, top_k=None, top_p=None):
    return next_token_probabilities(logits, temperature, top_k, top_p).log()


@bug("next_token_probabilities", "what is cut keeps a probability of 1e-8")
def probabilities_nearly_zero(logits, temperature, top_k=None, top_p=None):
    p = next_token_probabilities(logits, temperature, top_k, top_p)
    return torch.where(p == 0, 1e-8, p)


@bug("next_token_probabilities", "a negative temperature is not refused")
def probabilities_negative_temperature(logits, temperature, top_k=None, top_p=None):
    return next_token_probabilities(logits, abs(temperature), top_k, top_p)


@bug("next_token_probabilities", "a top_k of 0 is taken as off")
def probabilities_zero_k(logits, temperature, top_k=None, top_p=None):
    return next_token_probabilities(logits, temperature, top_k or None, top_p)


@bug("next_token_probabilities", "a negative top_k is taken as 1")
def probabilities_negative_k(logits, temperature, top_k=None, top_p=None):
    if top_k is not None and top_k < 0:
        top_k = 1
    return next_token_probabilities(logits, temperature, top_k, top_p)


@bug("next_token_probabilities", "a top_p of 0 is taken as off")
def probabilities_zero_p(logits, temperature, top_k=None, top_p=None):
    return next_token_probabilities(logits, temperature, top_k, top_p or None)


@bug("next_token_probabilities", "a negative top_p keeps the most likely token")
def probabilities_negative_p(logits, temperature, top_k=None, top_p=None):
    if top_p is not None and top_p < 0:
        top_k, top_p = 1, None
    return next_token_probabilities(logits, temperature, top_k, top_p)


@bug("next_token_probabilities", "a top_p above 1 is not refused")
def probabilities_large_p(logits, temperature, top_k=None, top_p=None):
    return next_token_probabilities(logits, temperature, top_k, top_p and min(top_p, 1.0))


@bug("next_token_probabilities", "float64 goes through float32")
def probabilities_float32(logits, temperature, top_k=None, top_p=None):
    return next_token_probabilities(logits.float(), temperature, top_k, top_p).to(logits.dtype)


def cut(logits, temperature, top_k, top_p, *, order=None, naive=False, enough=torch.ge):
    """next_token_probabilities with another order, scale or idea of what is enough."""
    next_token_probabilities(logits, temperature, top_k, top_p)  # refuses what makes no sense
    if temperature == 0:
        return next_token_probabilities(logits, 0)
    order = logits.argsort(-1, True, stable=True) if order is None else order
    z = logits.gather(-1, order)[..., :top_k]
    p = torch.softmax((z if naive else z - z[..., :1]) / temperature, -1)
    if top_p is not None and top_p < 1:
        p = p.masked_fill(enough(p.cumsum(-1) - p, top_p), 0)
        p = p / p.sum(-1, keepdim=True)
    return torch.zeros_like(logits).scatter(-1, order[..., : p.shape[-1]], p)


@bug("next_token_probabilities", "tokens stay until their sum is above top_p, not at it")
def probabilities_above_top_p(logits, temperature, top_k=None, top_p=None):
    return cut(logits, temperature, top_k, top_p, enough=torch.gt)


@bug("next_token_probabilities", "logits are divided before the maximum is taken off: inf - inf")
def probabilities_divided_first(logits, temperature, top_k=None, top_p=None):
    return cut(logits, temperature, top_k, top_p, naive=True)


@bug("next_token_probabilities", "the sort is not stable, so ties fall as they like")
def probabilities_unstable(logits, temperature, top_k=None, top_p=None):
    order = logits.argsort(-1, descending=True)
    return cut(logits, temperature, top_k, top_p, order=order)


@bug("next_token_probabilities", "topk decides between equal logits, as it likes")
def probabilities_by_topk(logits, temperature, top_k=None, top_p=None):
    order = (
        None if top_k is None or top_k < 1 else logits.topk(min(top_k, logits.shape[-1])).indices
    )
    return cut(logits, temperature, top_k, top_p, order=order)


@bug("next_token_probabilities", "top_p = 1 goes by the sum as well, which rounds to 1 too early")
def probabilities_cut_at_1(logits, temperature, top_k=None, top_p=None):
    p = next_token_probabilities(logits, temperature, top_k, top_p)
    if top_p != 1:
        return p
    ordered, order = p.sort(dim=-1, descending=True, stable=True)
    ordered = ordered.masked_fill(ordered.cumsum(-1) - ordered >= 1, 0)
    return torch.zeros_like(p).scatter(-1, order, ordered)


@bug("next_token_probabilities", "probabilities below 1e-8 count as 0")
def probabilities_above_1e_8(logits, temperature, top_k=None, top_p=None):
    p = next_token_probabilities(logits, temperature, top_k, top_p)
    return p.masked_fill(p < 1e-8, 0)


@bug("next_token_probabilities", "at temperature 0 the result is float32, whatever the logits are")
def probabilities_of_one_hot(logits, temperature, top_k=None, top_p=None):
    p = next_token_probabilities(logits, temperature, top_k, top_p)
    return p.float() if temperature == 0 else p


@bug("next_token_probabilities", "the result is float32 for half precision")
def probabilities_in_float32(logits, temperature, top_k=None, top_p=None):
    p = next_token_probabilities(logits, temperature, top_k, top_p)
    return p.to(torch.promote_types(p.dtype, torch.float32))


@bug("next_token_probabilities", "no graph is built")
@torch.no_grad()
def probabilities_without_graph(logits, temperature, top_k=None, top_p=None):
    return next_token_probabilities(logits, temperature, top_k, top_p)


@bug("next_token_probabilities", "logits are viewed as rows, though they need not be contiguous")
def probabilities_of_a_view(logits, temperature, top_k=None, top_p=None):
    rows = logits.view(-1, logits.shape[-1])
    return next_token_probabilities(rows, temperature, top_k, top_p).view(logits.shape)


@bug("next_token_probabilities", "at temperature 0 top_k and top_p are not looked at")
def probabilities_of_any_setting_at_0(logits, temperature, top_k=None, top_p=None):
    if temperature == 0:
        return next_token_probabilities(logits, 0)
    return next_token_probabilities(logits, temperature, top_k, top_p)


@bug("next_token_probabilities", "the most likely is marked by 0 times the logits, NaN for -inf")
def probabilities_of_0_times_inf(logits, temperature, top_k=None, top_p=None):
    p = next_token_probabilities(logits, temperature, top_k, top_p)
    return p + 0 * logits if temperature == 0 else p


@bug("next_token_probabilities", "temperatures below 1e-5 are taken as 0")
def probabilities_cold_is_zero(logits, temperature, top_k=None, top_p=None):
    settings(temperature, top_k, top_p)
    cold = temperature < 1e-5
    return next_token_probabilities(logits, 0 if cold else temperature, top_k, top_p)


@bug("next_token_probabilities", "temperatures other than 0 are at least 1e-5")
def probabilities_never_cold(logits, temperature, top_k=None, top_p=None):
    settings(temperature, top_k, top_p)
    warm = max(temperature, 1e-5) if temperature else 0
    return next_token_probabilities(logits, warm, top_k, top_p)


@bug("next_token_probabilities", "with top_p no graph is built")
def probabilities_of_p_without_graph(logits, temperature, top_k=None, top_p=None):
    logits = logits if top_p is None else logits.detach()
    return next_token_probabilities(logits, temperature, top_k, top_p)


@bug("next_token_probabilities", "what top_p leaves is divided by a sum without a gradient")
def probabilities_by_a_detached_sum(logits, temperature, top_k=None, top_p=None):
    kept = next_token_probabilities(logits, temperature, top_k, top_p)
    if top_p is None or temperature == 0:
        return kept
    p = next_token_probabilities(logits, temperature, top_k) * (kept > 0)
    return p / p.sum(-1, keepdim=True).detach()


# --- generate -------------------------------------------------------------------------------------


def sample(model, ids, n, context, pick, draw=None, last=-1):
    """The loop, in which windows and draws may be wrong."""
    modes = [(m, m.training) for m in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            for step in range(n):
                p = pick(model(ids[:, -context:] if context else ids)[:, last])
                new = draw(p, step) if draw else torch.multinomial(p, 1)
                ids = torch.cat([ids, new], -1)
    finally:
        for module, training in modes:
            module.training = training
    return ids


def picker(temperature, top_k, top_p):
    return lambda z: next_token_probabilities(z, temperature, top_k, top_p)


@bug("generate", "the context is not cropped")
def generate_uncropped(model, prompt, n, context, temperature, top_k, top_p, seed):
    rng, pick = torch.Generator().manual_seed(seed), picker(temperature, top_k, top_p)
    return sample(model, prompt, n, 0, pick, lambda p, _: torch.multinomial(p, 1, generator=rng))


@bug("generate", "the first ids are kept as context, not the last")
def generate_first_window(model, prompt, n, context, temperature, top_k, top_p, seed):
    class Window(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, ids):
            return model(ids[:, :context])

    return generate(Window(), prompt, n, 10**6, temperature, top_k, top_p, seed)


@bug("generate", "the context is one id too short")
def generate_short_window(model, prompt, n, context, temperature, top_k, top_p, seed):
    return generate(model, prompt, n, max(context - 1, 1), temperature, top_k, top_p, seed)


@bug("generate", "only the newest id is given to the model")
def generate_one_id(model, prompt, n, context, temperature, top_k, top_p, seed):
    return generate(model, prompt, n, 1, temperature, top_k, top_p, seed)


@bug("generate", "the first logits are used instead of the last")
def generate_first_logits(model, prompt, n, context, temperature, top_k, top_p, seed):
    rng, pick = torch.Generator().manual_seed(seed), picker(temperature, top_k, top_p)
    draw = lambda p, _: torch.multinomial(p, 1, generator=rng)  # noqa: E731
    return sample(model, prompt, n, context, pick, draw, last=0)


@bug("generate", "the most likely id is always taken")
def generate_greedy(model, prompt, n, context, temperature, top_k, top_p, seed):
    return generate(model, prompt, n, context, 0.0, top_k, top_p, seed)


@bug("generate", "temperature is not passed on")
def generate_no_temperature(model, prompt, n, context, temperature, top_k, top_p, seed):
    return generate(model, prompt, n, context, 1.0 if temperature else 0.0, top_k, top_p, seed)


@bug("generate", "top_k is not passed on")
def generate_no_top_k(model, prompt, n, context, temperature, top_k, top_p, seed):
    return generate(model, prompt, n, context, temperature, None, top_p, seed)


@bug("generate", "top_p is not passed on")
def generate_no_top_p(model, prompt, n, context, temperature, top_k, top_p, seed):
    return generate(model, prompt, n, context, temperature, top_k, None, seed)


@bug("generate", "the prompt is not part of the output")
def generate_without_prompt(model, prompt, n, context, temperature, top_k, top_p, seed):
    out = generate(model, prompt, n, context, temperature, top_k, top_p, seed)
    return out[:, prompt.shape[1] :]


@bug("generate", "one id too few is generated")
def generate_too_few(model, prompt, n, context, temperature, top_k, top_p, seed):
    return generate(model, prompt, max(n - 1, 0), context, temperature, top_k, top_p, seed)


@bug("generate", "max_new_tokens counts the prompt too")
def generate_total(model, prompt, n, context, temperature, top_k, top_p, seed):
    new = max(n - prompt.shape[1], 0)
    return generate(model, prompt, new, context, temperature, top_k, top_p, seed)


@bug("generate", "all new ids are taken from one pass")
def generate_one_pass(model, prompt, n, context, temperature, top_k, top_p, seed):
    out = generate(model, prompt, min(n, 1), context, temperature, top_k, top_p, seed)
    return torch.cat([out, out[:, -1:].expand(-1, n - 1)], -1) if n > 1 else out


@bug("generate", "the generator is seeded anew at every step")
def generate_reseeded(model, prompt, n, context, temperature, top_k, top_p, seed):
    def draw(p, _):
        return torch.multinomial(p, 1, generator=torch.Generator().manual_seed(seed))

    return sample(model, prompt, n, context, picker(temperature, top_k, top_p), draw)


@bug("generate", "all rows use the same random number")
def generate_same_rows(model, prompt, n, context, temperature, top_k, top_p, seed):
    rng = torch.Generator().manual_seed(seed)

    def draw(p, _):
        u = torch.rand(1, generator=rng)
        return (p.cumsum(-1) < u).sum(-1, keepdim=True).clamp(max=p.shape[-1] - 1)

    return sample(model, prompt, n, context, picker(temperature, top_k, top_p), draw)


@bug("generate", "the seed is ignored: other ids every time")
def generate_unseeded(model, prompt, n, context, temperature, top_k, top_p, seed):
    fresh = random.randrange(1 << 30)
    return generate(model, prompt, n, context, temperature, top_k, top_p, fresh)


@bug("generate", "the seed is ignored: always the same ids")
def generate_fixed_seed(model, prompt, n, context, temperature, top_k, top_p, seed):
    return generate(model, prompt, n, context, temperature, top_k, top_p, 0)


@bug("generate", "torch's global generator is seeded")
def generate_global_seed(model, prompt, n, context, temperature, top_k, top_p, seed):
    torch.manual_seed(seed)
    return sample(model, prompt, n, context, picker(temperature, top_k, top_p))


@bug("generate", "the draw is uniform among the ids that are left")
def generate_uniform(model, prompt, n, context, temperature, top_k, top_p, seed):
    rng, pick = torch.Generator().manual_seed(seed), picker(temperature, top_k, top_p)
    return sample(
        model,
        prompt,
        n,
        context,
        lambda z: (pick(z) > 0).float(),
        lambda p, _: torch.multinomial(p, 1, generator=rng),
    )


@bug("generate", "probabilities are taken for logits")
def generate_double_softmax(model, prompt, n, context, temperature, top_k, top_p, seed):
    rng, pick = torch.Generator().manual_seed(seed), picker(temperature, top_k, top_p)
    return sample(
        model,
        prompt,
        n,
        context,
        lambda z: pick(z).softmax(-1),
        lambda p, _: torch.multinomial(p, 1, generator=rng),
    )


@bug("generate", "the model stays in training mode: dropout is on")
def generate_training(model, prompt, n, context, temperature, top_k, top_p, seed):
    rng, pick = torch.Generator().manual_seed(seed), picker(temperature, top_k, top_p)
    ids = prompt
    with torch.no_grad():
        for _ in range(n):
            p = pick(model(ids[:, -context:])[:, -1])
            ids = torch.cat([ids, torch.multinomial(p, 1, generator=rng)], -1)
    return ids


@bug("generate", "only the model's parts are set to evaluation mode, not the model itself")
def generate_parts_in_eval(model, prompt, n, context, temperature, top_k, top_p, seed):
    class Parts(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.parts, self.forward = torch.nn.ModuleList(model.children()), model.forward

    return generate(Parts(), prompt, n, context, temperature, top_k, top_p, seed)


@bug("generate", "the model is left in evaluation mode")
def generate_leaves_eval(model, prompt, n, context, temperature, top_k, top_p, seed):
    out = generate(model, prompt, n, context, temperature, top_k, top_p, seed)
    model.eval()
    return out


@bug("generate", "the model is always left in training mode")
def generate_leaves_train(model, prompt, n, context, temperature, top_k, top_p, seed):
    out = generate(model, prompt, n, context, temperature, top_k, top_p, seed)
    model.train()
    return out


@bug("generate", "modules that were frozen in evaluation mode are set to training")
def generate_thaws(model, prompt, n, context, temperature, top_k, top_p, seed):
    out, training = (
        generate(model, prompt, n, context, temperature, top_k, top_p, seed),
        model.training,
    )
    model.train(training)
    return out


@bug("generate", "gradients stay switched off")
def generate_no_grad_left_on(model, prompt, n, context, temperature, top_k, top_p, seed):
    out = generate(model, prompt, n, context, temperature, top_k, top_p, seed)
    torch.set_grad_enabled(False)
    return out


@bug("generate", "gradients are switched on afterwards, whatever they were")
def generate_switches_on(model, prompt, n, context, temperature, top_k, top_p, seed):
    out = generate(model, prompt, n, context, temperature, top_k, top_p, seed)
    torch.set_grad_enabled(True)
    return out


@bug("generate", "a graph is built over all steps")
def generate_with_graph(model, prompt, n, context, temperature, top_k, top_p, seed):
    rng, pick = torch.Generator().manual_seed(seed), picker(temperature, top_k, top_p)
    modes = [(m, m.training) for m in model.modules()]
    model.eval()
    ids = prompt
    for _ in range(n):
        p = pick(model(ids[:, -context:])[:, -1]).detach()
        ids = torch.cat([ids, torch.multinomial(p, 1, generator=rng)], -1)
    for module, training in modes:
        module.training = training
    return ids


def unguarded(model, prompt, n, context, temperature, top_k, top_p, seed):
    """generate without a finally."""
    rng, pick = torch.Generator().manual_seed(seed), picker(temperature, top_k, top_p)
    modes = [(m, m.training) for m in model.modules()]
    model.eval()
    for _ in range(n):
        p = pick(model(prompt[:, -context:])[:, -1])
        prompt = torch.cat([prompt, torch.multinomial(p, 1, generator=rng)], -1)
    for module, training in modes:
        module.training = training
    return prompt


@bug("generate", "after an error the model is left in evaluation mode")
@torch.no_grad()
def generate_error_leaves_eval(model, prompt, n, context, temperature, top_k, top_p, seed):
    return unguarded(model, prompt, n, context, temperature, top_k, top_p, seed)


@bug("generate", "after an error gradients stay switched off")
def generate_error_leaves_no_grad(model, prompt, n, context, temperature, top_k, top_p, seed):
    enabled = torch.is_grad_enabled()
    torch.set_grad_enabled(False)
    out = generate(model, prompt, n, context, temperature, top_k, top_p, seed)
    torch.set_grad_enabled(enabled)
    return out


@bug("generate", "the parameters are frozen and stay so")
def generate_freezes(model, prompt, n, context, temperature, top_k, top_p, seed):
    model.requires_grad_(False)
    return generate(model, prompt, n, context, temperature, top_k, top_p, seed)


@bug("generate", "the modes of the model's parts come back, but not of their parts")
def generate_loses_grandchildren(model, prompt, n, context, temperature, top_k, top_p, seed):
    own, parts = model.training, [(m, m.training) for m in model.children()]
    out = generate(model, prompt, n, context, temperature, top_k, top_p, seed)
    model.train(own)
    for part, training in parts:
        part.train(training)
    return out


@bug("generate", "seed 0 is taken for no seed")
def generate_without_seed_0(model, prompt, n, context, temperature, top_k, top_p, seed):
    seed = seed or random.SystemRandom().randrange(2**31)
    return generate(model, prompt, n, context, temperature, top_k, top_p, seed)


@bug("generate", "all rows draw from one random number, shifted from row to row")
def generate_with_shifted_rows(model, prompt, n, context, temperature, top_k, top_p, seed):
    def draw(p, rng):
        u = (torch.rand(1, generator=rng) + 0.6180339887 * torch.arange(len(p))) % 1
        return (p.cumsum(-1) < u[:, None]).sum(-1, keepdim=True).clamp(max=p.shape[-1] - 1)

    rng, pick = torch.Generator().manual_seed(seed), picker(temperature, top_k, top_p)
    return sample(model, prompt, n, context, pick, lambda p, _: draw(p, rng))


@bug("generate", "step i is seeded by seed + i: the next seed draws the same a step earlier")
def generate_added_steps(model, prompt, n, context, temperature, top_k, top_p, seed):
    def draw(p, step):
        return torch.multinomial(p, 1, generator=torch.Generator().manual_seed(seed + step))

    return sample(model, prompt, n, context, picker(temperature, top_k, top_p), draw)


@bug("generate", "row b is seeded by seed + b: the next seed draws the same a row earlier")
def generate_added_rows(model, prompt, n, context, temperature, top_k, top_p, seed):
    rngs = [torch.Generator().manual_seed(seed + b) for b in range(len(prompt))]

    def draw(p, _):
        pairs = zip(p, rngs, strict=True)
        return torch.stack([torch.multinomial(row, 1, generator=rng) for row, rng in pairs])

    return sample(model, prompt, n, context, picker(temperature, top_k, top_p), draw)


@bug("generate", "temperatures below 1e-4 are taken as 0")
def generate_cold_is_zero(model, prompt, n, context, temperature, top_k, top_p, seed):
    temperature = 0 if temperature < 1e-4 else temperature
    return generate(model, prompt, n, context, temperature, top_k, top_p, seed)


@bug("generate", "the seed is taken modulo 2**31")
def generate_seed_modulo(model, prompt, n, context, temperature, top_k, top_p, seed):
    return generate(model, prompt, n, context, temperature, top_k, top_p, seed % 2**31)


@bug("generate", "numpy is seeded by seed + 1, which it refuses for the largest seed")
def generate_of_the_next_seed(model, prompt, n, context, temperature, top_k, top_p, seed):
    rng, pick = np.random.RandomState(seed + 1), picker(temperature, top_k, top_p)

    def draw(p, _):
        u = torch.from_numpy(rng.rand(len(p), 1))
        return (p.double().cumsum(-1) <= u).sum(-1, keepdim=True).clamp(max=p.shape[-1] - 1)

    return sample(model, prompt, n, context, pick, draw)


@bug("generate", "the global generator is seeded, and afterwards seeded as it was at first")
def generate_resets_generator(model, prompt, n, context, temperature, top_k, top_p, seed):
    first = torch.initial_seed()
    torch.manual_seed(seed)
    ids = sample(model, prompt, n, context, picker(temperature, top_k, top_p))
    torch.manual_seed(first)
    return ids
