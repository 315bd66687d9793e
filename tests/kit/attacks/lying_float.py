"""A number that claims to equal everything (relate issue 295). Must not gain: any point."""


class Liar(float):
    def __eq__(self, other):
        return True

    __ne__ = __lt__ = __gt__ = lambda self, other: False
    __hash__ = float.__hash__
    __sub__ = __rsub__ = __abs__ = lambda self, *_: 0.0


def double(x):
    return [Liar(v) for v in x]


def halve(x):
    return Liar(0)
