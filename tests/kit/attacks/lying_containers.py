"""Containers whose length, items and iteration disagree. Must not gain: any point."""


class Row(list):
    def __len__(self):
        return 3

    def __iter__(self):
        yield from self.__class__.mro()

    def __getitem__(self, index):
        return 2.0


class Text(str):
    def __eq__(self, other):
        return True

    __hash__ = str.__hash__


def double(x):
    return Row()


def halve(x):
    return Text("1.5")
