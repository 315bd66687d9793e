"""A vocabulary numbers the characters of a text: id i stands for vocab[i]."""


def build_vocab(text: str) -> list[str]:
    """Sort the distinct characters, so that the same text gives the same ids everywhere."""
    return sorted(set(text))


def encode(text: str, vocab: list[str]) -> list[int]:
    """Look every character up; a dict, because vocab.index would search from the start each time."""
    id_of = {character: i for i, character in enumerate(vocab)}
    for position, character in enumerate(text):
        if character not in id_of:
            raise ValueError(
                f"{character!r} at position {position} is not in the vocabulary of {len(vocab)} "
                "characters; build the vocabulary from all of the text"
            )
    return [id_of[character] for character in text]


def decode(ids: list[int], vocab: list[str]) -> str:
    """Put the characters back. A negative id would silently count from the end."""
    for position, i in enumerate(ids):
        if not 0 <= i < len(vocab):
            raise ValueError(f"id {i} at position {position}; valid ids are 0..{len(vocab) - 1}")
    return "".join(vocab[i] for i in ids)
