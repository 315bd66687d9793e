"""What a problem forbids, under every name it has, and where a student's source makes use of it.

`forbid` in chapter.toml names functions that a problem asks to build: torch.softmax. One function has
many names, so two of one library are the same if their last parts are, but for case, underscores and
"loss": torch.nn.Softmax, torch.nn.functional.softmax, Tensor.softmax, torch.ops.aten._softmax.int.

`scan` reads source, before any of it is imported: from the adapters of a problem it follows names
through the chapter's own files. What is not reached so (dead code, checks under `__main__`), comments,
strings and annotations do not count. It decides only what names alone decide; what `x.softmax(-1)`
calls depends on x, and shows at run time: see ForbiddenCalls in serve.py.
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from kit.names import find, read_files, uses

LIBRARIES = frozenset({"torch", "Tensor", "aten", "prims", "numpy", "scipy"})
OVERLOADED = ("aten", "prims")  # torch.ops.aten.softmax.int: the name comes before the overload's
OTHER_NAMES = {  # the same again by another name, as `_plain` spells it
    "safesoftmax": "softmax",
    "softmax2d": "softmax",
    "multiheadattention": "multiheadattentionforward",
    "nativemultiheadattention": "multiheadattentionforward",
}
OTHER_NAMES |= {f"{side}{name}": name for side in "ri" for name in ("add", "sub", "mul", "matmul")}
OTHER_NAMES |= {
    "truediv": "div",
    "rtruediv": "div",
    "itruediv": "div",
    "rpow": "pow",
    "ipow": "pow",
}
FUSED_ATTENTION = "scaleddotproduct"  # ..._flash_attention, ..._attention_math and more
HIDING = "torchfunction"  # torch._C.DisableTorchFunction switches the watch at run time off
COMPILED = (".so", ".pyd", ".pyc")  # what Python imports without source, or in place of it
TOO_DEEP = "is nested too deep to be searched for forbidden calls"


@cache
def _plain(name: str) -> str:
    """The last part of a dotted name, spelled so that equal functions have equal names."""
    parts = name.split(".")
    group = next((i for i, part in enumerate(parts) if part in OVERLOADED), None)
    last = parts[group + 1] if group is not None and len(parts) > group + 1 else parts[-1]
    for prefix in ("special_", "linalg_"):
        last = last.removeprefix(prefix)
    last = last.replace("_", "").lower()
    last = last.removesuffix("loss") or last
    last = OTHER_NAMES.get(last, last)
    if last.startswith(FUSED_ATTENTION) and "attention" in last:
        return "scaleddotproductattention"
    return last


def forbidden_name(used: str, forbid: Iterable[str]) -> str:
    """Which of the forbidden names a dotted name stands for; "" if none."""
    library = used.split(".")[0] in LIBRARIES
    for name in forbid:
        if used == name or used.startswith(f"{name}."):
            return name
        if library and name.split(".")[0] in LIBRARIES and _plain(used) == _plain(name):
            return name
    return ""


def scan(folder: Path, adapters: Iterable[str], forbid: Iterable[str]) -> str:
    """A use of a forbidden name that the adapters reach: "adapters.py:37 calls torch.softmax"; or ""."""
    try:
        return _scan(folder, adapters, tuple(forbid))
    except RecursionError:
        return f"adapters.py {TOO_DEEP}"


def _scan(folder: Path, adapters: Iterable[str], forbid: tuple[str, ...]) -> str:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.suffix in COMPILED and "__pycache__" not in inside.parts:
            return (
                f"{inside} is compiled, and cannot be searched for forbidden calls; hand in source"
            )
    files = read_files(folder)
    methods = {_plain(name) for name in forbid if name.startswith("Tensor.")}
    todo, seen = [f".adapters.{name}" for name in adapters], set()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        file, nodes = find(name, files)
        if file is not None and file.tree is None:
            return f"{file.path} {TOO_DEEP}"
        for node in nodes:
            found = uses(name, node, file, files, lambda method: _plain(method) in methods)
            for used, line in sorted(set(found), key=lambda use: use[::-1]):
                if used.startswith("."):
                    todo.append(used)
                elif used.startswith("torch.") and HIDING in _plain(used):
                    return f"{file.path}:{line} hides its calls by {used}"
                elif forbidden_name(used, forbid):
                    return f"{file.path}:{line} calls {used}"
    return ""
