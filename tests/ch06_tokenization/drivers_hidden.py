"""Drivers run next to the student's code; see the tests that use them."""

import mmap
import os
import pickle
import sys
import tempfile
from array import array
from itertools import chain

from kit.given.stories import corpus


class TooFar(Exception):
    """More was read than anybody needs."""


def read_ahead(adapters, vocab, merges, specials, line, most):
    """The first id, how much is read for it (gives up after `most`), and another stream's ids."""
    read = 0

    def parts():
        nonlocal read
        while True:
            if read > most:
                raise TooFar
            read += len(line)
            yield line

    tokenizer = adapters.tokenizer(vocab, merges, specials)
    try:
        first = int(next(iter(tokenizer.encode_iterable(parts()))))
        return first, read, [int(i) for i in tokenizer.encode_iterable(["a", "b"])]
    except TooFar:
        return None, read, []


def resident_growth(adapters, vocab, merges, specials, megabytes):
    """By how many bytes a fresh process grows while it encodes a long stream of stories."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(read)
            os.write(write, _peak_in_fork(adapters, vocab, merges, specials, megabytes))
        finally:
            os._exit(0)
    os.close(write)
    with open(read, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(pid, 0)
    return [int(number) for number in answer.split()]


def _peak_in_fork(adapters, vocab, merges, specials, megabytes):
    tokenizer = adapters.tokenizer(vocab, merges, specials)
    text = corpus(1 << 20, seed=1)
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak counts from here
    before = _status("VmRSS")
    parts = (text[i : i + 4096] for _ in range(megabytes) for i in range(0, len(text), 4096))
    count = sum(1 for _ in tokenizer.encode_iterable(parts))
    return f"{count} {_status('VmHWM') - before}".encode()


def _status(field):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith(field))


def saved_whole(adapters, vocab, merges, specials, ids):
    """Decode by a tokenizer that was saved and loaded twice; another one is saved in between."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("first", "second", "other")]
        adapters.tokenizer(vocab, [], []).save(paths[0])  # what is there is written over
        adapters.tokenizer(vocab, merges, specials).save(paths[0])
        adapters.tokenizer({i: bytes([i]) for i in range(256)}, [], []).save(paths[2])
        adapters.load_tokenizer(paths[0]).save(paths[1])
        os.remove(paths[0])
        return adapters.load_tokenizer(paths[1]).decode(ids)


class Bomb:
    """What a pickle runs when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def load_hostile(adapters):
    """Whether loading a file from a stranger ran the code in it."""
    with tempfile.TemporaryDirectory() as folder:
        path, mark = os.path.join(folder, "tokenizer"), os.path.join(folder, "mark")
        adapters.tokenizer({i: bytes([i]) for i in range(256)}, [], []).save(path)
        adapters.load_tokenizer(path)
        with open(path, "wb") as file:
            pickle.dump(Bomb(mark), file)
        try:
            adapters.load_tokenizer(path)
        except Exception:
            return os.path.exists(mark)
        return os.path.exists(mark)


def calls_of_loading(adapters):
    """The functions written in C that loading calls, by module, and the code that it runs.

    The second time, when imports are over. A frame of a module is then one that eval or exec made.
    """
    called = set()

    def watch(frame, event, function):
        if event == "call" and frame.f_code.co_name == "<module>":
            called.add("builtins.eval")
        elif event == "c_call":
            module = function.__module__ or type(function.__self__).__module__
            called.add(f"{module}.{function.__name__}")

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "tokenizer")
        adapters.tokenizer({i: bytes([i]) for i in range(256)}, [], ["<s>"]).save(path)
        adapters.load_tokenizer(path)
        sys.setprofile(watch)
        try:
            adapters.load_tokenizer(path)
        finally:
            sys.setprofile(None)
    return sorted(called)


def mapped_boundaries(adapters, data, chunks, specials):
    """Boundaries of a file that is mapped into memory."""
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            return adapters.chunk_boundaries(mapped, chunks, specials)


def specials_after(adapters, data, vocab_size, specials):
    """The list of special tokens after training has seen it."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        adapters.train_bpe(file.name, vocab_size, specials)
    return specials


def arguments_after(adapters, sequences, frequencies, pair):
    """The sequences after count_pairs and merge have seen them."""
    adapters.count_pairs(sequences, frequencies)
    for sequence in sequences:
        adapters.merge(sequence, pair, 99)
    return sequences


def decode_generator(adapters, vocab, merges, specials, ids):
    """Decode ids that come one by one."""
    return adapters.tokenizer(vocab, merges, specials).decode(i for i in ids)


def two_tokenizers(adapters, vocab, merges, specials, text):
    """Ids by one tokenizer before and after another one was made and used; then its arguments."""
    one = adapters.tokenizer(vocab, merges, specials)
    before = [int(i) for i in one.encode(text)]
    other = adapters.tokenizer({i: bytes([255 - i]) for i in range(256)}, [], [text[:2]])
    other.encode(text)
    return before, [int(i) for i in one.encode(text)], vocab, merges, specials


def train_in_time(adapters, data, vocab_size, specials):
    """The merges of the fast trainer, in a form that costs little: their tokens, and the lengths."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "stories.txt")
        with open(path, "wb") as file:
            file.write(data)
        tokens = [*chain.from_iterable(adapters.train_bpe_fast(path, vocab_size, specials)[1])]
    return b"".join(tokens), array("I", map(len, tokens)).tobytes()


def encode_in_time(adapters, vocab, merges, specials, text):
    """The ids of a long text by the fast tokenizer, four bytes each: that costs little."""
    return array("I", adapters.fast_tokenizer(vocab, merges, specials).encode(text)).tobytes()
