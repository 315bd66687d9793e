"""All the memory there is, by every way to ask for it. Must not gain: the machine."""

import mmap

import torch


def double(x):
    hoard = []
    while True:
        hoard.append(torch.ones(64 << 20))
        hoard.append(bytearray(256 << 20))


def halve(x):
    return len(mmap.mmap(-1, 8 << 30))
