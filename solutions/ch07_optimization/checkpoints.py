"""Checkpoints: all that a run needs to go on as if nothing had happened.

    write to a temporary file  →  flush, fsync  →  os.replace

A rename within a folder either has happened or has not: whoever is killed at any moment leaves the
old checkpoint or the new one, and no half of either.
"""

import os
from pathlib import Path
from typing import IO

import torch
from torch import nn
from torch.optim import Optimizer

Place = str | os.PathLike | IO[bytes]
PARTS = {"model": dict, "optimizer": dict, "step": int, "extra": dict | None}


def save_checkpoint(
    model: nn.Module, optimizer: Optimizer, step: int, out: Place, extra: dict | None = None
) -> None:
    """A file object is only written to: whether it is a file, and whose, we do not know."""
    parts = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
    parts |= {"step": step, "extra": extra}
    if hasattr(out, "write"):
        torch.save(parts, out)
    else:
        _replace(Path(out), parts)


def _replace(path: Path, parts: dict) -> None:
    temporary = path.with_name(f"{path.name}.tmp")  # of the same file system, or no rename
    try:
        with open(temporary, "wb") as file:
            torch.save(parts, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read_checkpoint(src: Place) -> dict:
    """The parts of a checkpoint, on the CPU; ValueError for anything else. Runs no code in it."""
    if not hasattr(src, "read"):
        with open(src, "rb") as file:  # that there is no file is another error than a bad one
            return read_checkpoint(file)
    try:
        parts = torch.load(src, map_location="cpu", weights_only=True)
    except Exception as error:  # of pickle, zip or torch, as the damage will have it
        raise ValueError(f"{_name(src)} cannot be read as a checkpoint: {error}") from error
    if not isinstance(parts, dict) or any(
        not isinstance(parts.get(name), kind) for name, kind in PARTS.items()
    ):
        found = sorted(map(str, parts)) if isinstance(parts, dict) else type(parts).__name__
        raise ValueError(f"{_name(src)} is no checkpoint: got {found}, wanted {sorted(PARTS)}")
    return parts


def _name(src: IO[bytes]) -> str:
    return str(getattr(src, "name", "what was read"))


def restore(parts: dict, model: nn.Module, optimizer: Optimizer) -> int:
    """Look at everything first: load_state_dict copies what fits before it says what does not."""
    _check_model(parts["model"], model.state_dict())
    try:
        optimizer.load_state_dict(parts["optimizer"])
    except Exception as error:  # torch compares the groups before it changes anything
        raise ValueError(f"the optimizer's state does not fit: {error}") from error
    model.load_state_dict(parts["model"])
    return parts["step"]


def _check_model(saved: dict, own: dict) -> None:
    wrong = [f"{name} is missing" for name in own.keys() - saved.keys()]
    wrong += [f"{name} is unexpected" for name in saved.keys() - own.keys()]
    for name in own.keys() & saved.keys():
        got, wanted = (getattr(state[name], "shape", None) for state in (saved, own))
        if got != wanted:
            wrong.append(f"{name} has shape {got}, the model wants {wanted}")
    if wrong:
        raise ValueError(f"the checkpoint is of another model: {'; '.join(sorted(wrong))}")


def load_checkpoint(src: Place, model: nn.Module, optimizer: Optimizer) -> int:
    """Read all, check all, then change model and optimizer."""
    return restore(read_checkpoint(src), model, optimizer)
