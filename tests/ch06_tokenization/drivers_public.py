"""Drivers run next to the student's code; see the tests that use them."""

import os
import sys
import tempfile


def in_file(data, use):
    """Hand `use` the path of a file with these bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "text.txt")
        with open(path, "wb") as file:
            file.write(data)
        return use(path)


def with_calls(adapters, name, *arguments):
    """An adapter's output, and the names of the functions written in C that it calls."""
    called = []

    def watch(frame, event, function):
        if event == "c_call":
            called.append(function.__name__)

    sys.setprofile(watch)
    try:
        return getattr(adapters, name)(*arguments), called
    finally:
        sys.setprofile(None)


def plain(ids):
    """Ids as a list of Python's ints, whatever they came in."""
    return [int(i) for i in ids]


def train(adapters, data, vocab_size, specials, workers=1, adapter="train_bpe"):
    """Train on a file with these bytes."""
    trainer = getattr(adapters, adapter)
    if workers == 1:
        return in_file(data, lambda path: trainer(path, vocab_size, specials))
    return in_file(data, lambda path: trainer(path, vocab_size, specials, workers))


def encode(adapters, vocab, merges, specials, texts, adapter="tokenizer"):
    """The ids of several texts by one tokenizer."""
    tokenizer = getattr(adapters, adapter)(vocab, merges, specials)
    return [plain(tokenizer.encode(text)) for text in texts]


def decode(adapters, vocab, merges, specials, sequences, adapter="tokenizer"):
    """The texts of several sequences of ids by one tokenizer."""
    tokenizer = getattr(adapters, adapter)(vocab, merges, specials)
    return [tokenizer.decode(ids) for ids in sequences]


def round_trip(adapters, vocab, merges, specials, texts):
    """Encode and decode."""
    tokenizer = adapters.tokenizer(vocab, merges, specials)
    return [tokenizer.decode(tokenizer.encode(text)) for text in texts]


def stream(adapters, vocab, merges, specials, parts, adapter="tokenizer"):
    """The ids of a text that comes in parts."""
    tokenizer = getattr(adapters, adapter)(vocab, merges, specials)
    return plain(tokenizer.encode_iterable(iter(parts)))


def saved(adapters, vocab, merges, specials, texts, adapter="tokenizer"):
    """What a tokenizer does after it was saved and loaded."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "tokenizer")
        getattr(adapters, adapter)(vocab, merges, specials).save(path)
        tokenizer = adapters.load_tokenizer(path)
    ids = [plain(tokenizer.encode(text)) for text in texts]
    return ids, [tokenizer.decode(i) for i in ids]
