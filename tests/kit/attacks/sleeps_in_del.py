"""Sleep where nobody looks: in __del__, in weakref callbacks, while an answer is encoded.

Must not gain: more time than it has.
"""

import time


class Sleeper(list):
    def __del__(self):
        time.sleep(1000)

    def __iter__(self):
        time.sleep(1000)


def double(x):
    return Sleeper()


def halve(x):
    return x
