"""Raise what ends loops and runs: KeyboardInterrupt, GeneratorExit, StopIteration.

Must not gain: any point, or an end of the batch.
"""


def double(x):
    raise KeyboardInterrupt


def halve(x):
    raise GeneratorExit if x < 0 else StopIteration
