"""An object whose pickle runs code at the reader (submitit's pickle_load, OK's dill.load).

Must not gain: a run of that code by the judge.
"""

import os
import pickle


class Bomb:
    def __reduce__(self):
        return os.system, ("touch /tmp/storyteller-loot-pickle",)


def double(x):
    return Bomb()


def halve(x):
    return pickle.dumps(Bomb())
