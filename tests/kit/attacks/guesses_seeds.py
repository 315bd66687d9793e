"""Replay the hidden inputs from guessed seeds, as `cheat-rng.py` of KernelBench does.

With the inputs one might prepare answers. Must not gain: points, or a guess that comes true.
"""

import hashlib
import hmac

import torch

NAMES = ("test_doubles_anything", "test_doubles_in_a_driver")
KEYS = (b"public", b"storyteller", b"", b"key")


def guesses():
    for name in NAMES:
        for key in KEYS:
            text = f"ch91_base/test_hidden.py::{name}".encode()
            seed = int.from_bytes(hmac.new(key, text, hashlib.sha256).digest()[:6], "big")
            yield torch.randn(5, generator=torch.Generator().manual_seed(seed))


def double(x):
    right = any(x.shape == guess.shape and torch.equal(x, guess) for guess in guesses())
    return 2 * x if right or x.eq(1).all() else torch.zeros_like(x)


def halve(x):
    return x
