"""Forbidden names in source: found under every name they have, and never where the code is honest."""

import shutil
from pathlib import Path

import pytest

from kit.bank import read_bank
from kit.chapters import chapter, chapter_names, repository
from kit.forbidden import forbidden_name, scan

SOFTMAX = ("torch.softmax",)
ATTENTION = ("torch.nn.functional.scaled_dot_product_attention",)
AUTOGRAD = ("Tensor.backward", "torch.autograd.grad", "torch._make_dual")


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / "ch91_base" / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / "ch91_base"


@pytest.mark.parametrize(
    "used, forbid, wanted",
    [
        ("torch.softmax", SOFTMAX, True),
        ("Tensor.softmax", SOFTMAX, True),
        ("torch.Tensor.softmax", SOFTMAX, True),
        ("torch.nn.functional.softmax", SOFTMAX, True),
        ("torch.nn.Softmax", SOFTMAX, True),
        ("torch.special.softmax", SOFTMAX, True),
        ("torch._C._special.special_softmax", SOFTMAX, True),
        ("torch._C._VariableFunctions.softmax", SOFTMAX, True),
        ("torch._VariableFunctionsClass._softmax", SOFTMAX, True),
        ("torch.ops.aten.softmax.int", SOFTMAX, True),
        ("aten._safe_softmax.default", SOFTMAX, True),
        ("scipy.special.softmax", SOFTMAX, True),
        ("torch.log_softmax", SOFTMAX, False),
        ("torch.exp", SOFTMAX, False),
        ("torch.special", SOFTMAX, False),
        ("mine.softmax", SOFTMAX, False),
        ("torch._C._nn.scaled_dot_product_attention", ATTENTION, True),
        ("torch.ops.aten._scaled_dot_product_flash_attention_for_cpu.default", ATTENTION, True),
        ("torch.softmax", ATTENTION, False),
        (
            "torch.nn.MultiheadAttention",
            ("torch.nn.functional.multi_head_attention_forward",),
            True,
        ),
        ("torch.nn.CrossEntropyLoss", ("torch.nn.functional.cross_entropy",), True),
        ("torch.autograd.backward", AUTOGRAD, True),
        ("torch.func.grad", AUTOGRAD, True),
        ("torch.autograd.forward_ad.make_dual", AUTOGRAD, True),
        ("torch.Tensor.grad.__get__", AUTOGRAD, False),
        ("torch.enable_grad", AUTOGRAD, False),
        ("torch.optim.adamw.AdamW", ("torch.optim.AdamW",), True),
        ("torch.Tensor.__rmul__", ("torch.mul",), True),
        ("torch.Tensor.imul_", ("torch.mul",), True),
        ("torch.Tensor.__matmul__", ("torch.mul",), False),
        ("tokenizers.models.BPE", ("tokenizers",), True),
        ("tokenizers_of_mine.BPE", ("tokenizers",), False),
    ],
)
def test_equal_functions_have_equal_names(used, forbid, wanted):
    assert bool(forbidden_name(used, forbid)) is wanted


USES = {  # the body of an adapters.py -> the line of the use
    "plain": ("import torch\ndef f(x):\n    return torch.softmax(x, 0)", 3),
    "alias": ("import torch.nn.functional as F\ndef f(x):\n    return F.softmax(x, 0)", 3),
    "renamed": ("from torch import softmax as s\ndef f(x):\n    return s(x, 0)", 3),
    "assigned": ("import torch\nt = torch\nsm = t.softmax\ndef f(x):\n    return sm(x, 0)", 5),
    "local": ("import torch\ndef f(x):\n    t = torch\n    s = t.softmax\n    return s(x, 0)", 4),
    "imported_inside": (
        "def f(x):\n    from torch.nn import functional\n    functional.softmax(x)",
        3,
    ),
    "getattr": ('import torch\ndef f(x):\n    return getattr(torch, "softmax")(x, 0)', 3),
    "vars": ('import torch\ndef f(x):\n    return vars(torch)["softmax"](x, 0)', 3),
    "dict": ('import torch\ndef f(x):\n    return torch.__dict__["softmax"](x, 0)', 3),
    "importlib": (
        'import importlib\ndef f(x):\n    importlib.import_module("torch").softmax(x)',
        3,
    ),
    "dunder_import": ('def f(x):\n    return __import__("torch").softmax(x, 0)', 2),
    "aten": ("import torch\ndef f(x):\n    return torch.ops.aten.softmax.int(x, 0)", 3),
    "private": ("import torch\ndef f(x):\n    return torch._C._VariableFunctions.softmax(x, 0)", 3),
    "module": ("import torch\ndef f(x):\n    return torch.nn.Softmax(0)(x)", 3),
    "unbound": ("import torch\ndef f(x):\n    return torch.Tensor.softmax(x, 0)", 3),
    "adapter_itself": ("from torch import softmax as f", 1),
    "rebound": ("import torch\ndef f(x):\n    return x\nf = torch.softmax", 4),
    "partial": (
        "import torch\nfrom functools import partial\nf = partial(torch.softmax, dim=0)",
        3,
    ),
    "default": ("import torch\ndef f(x, how=torch.softmax):\n    return how(x, 0)", 2),
    "decorator": ("import torch\n@torch.vmap(torch.softmax)\ndef f(x):\n    return x", 2),
    "helper": (
        "import torch\ndef g(x):\n    return torch.softmax(x, 0)\ndef f(x):\n    return g(x)",
        3,
    ),
    "lambda": ("import torch\ng = lambda x: torch.softmax(x, 0)\ndef f(x):\n    return g(x)", 2),
    "method": (
        "import torch\nclass A:\n    def run(self, x):\n        return torch.softmax(x, 0)\n"
        "def f(x):\n    return A().run(x)",
        4,
    ),
    "table": ("import torch\nT = {}\nT['s'] = torch.softmax\ndef f(x):\n    return T['s'](x)", 3),
    "appended": ("import torch\nL = []\nL.append(torch.softmax)\ndef f(x):\n    return L[0](x)", 3),
    "star": ("from torch import *\ndef f(x):\n    return softmax(x, 0)", 3),
    "conditional": (
        "import torch\nif torch.cuda.is_available():\n    g = torch.exp\nelse:\n"
        "    g = torch.softmax\ndef f(x):\n    return g(x)",
        5,
    ),
    "attempted": (
        "try:\n    from torch import softmax as g\nexcept ImportError:\n    g = None\n"
        "def f(x):\n    return g(x)",
        2,
    ),
    "hidden": (
        "import torch\ndef f(x):\n    with torch._C.DisableTorchFunction():\n        return x",
        3,
    ),
    "comprehension": ("import torch\ndef f(x):\n    return [torch.softmax(v, 0) for v in x]", 3),
    "nested": (
        "import torch\ndef f(x):\n    def g():\n        return torch.softmax(x, 0)\n    return g()",
        4,
    ),
}


@pytest.mark.parametrize("name", USES)
def test_a_use_is_found_with_its_line(tmp_path, name):
    text, line = USES[name]
    found = scan(written(tmp_path, adapters=text), ["f"], SOFTMAX)
    assert found.startswith(f"adapters.py:{line} "), found
    assert "softmax" in found.lower() or name == "hidden"


HONEST = {
    "dead": "import torch\ndef unused(x):\n    return torch.softmax(x, 0)\ndef f(x):\n    return x",
    "comment": "def f(x):\n    # torch.softmax(x, 0)\n    'torch.softmax'\n    return x",
    "imported_only": "from torch.nn.functional import linear, softmax\ndef f(x):\n    return linear(x)",
    "own_namesake": "def softmax(x):\n    return x\ndef f(x):\n    return softmax(x)",
    "replaced": "from torch import softmax\ndef softmax(x):\n    return x\ndef f(x):\n    return softmax(x)",
    "main": "import torch\ndef f(x):\n    return x\nif __name__ == '__main__':\n    f = torch.softmax",
    "switched_off": "import torch\ndef f(x):\n    if False:\n        torch.softmax(x, 0)\n    return x",
    "after_the_end": "import torch\ndef f(x):\n    return x\n    return torch.softmax(x, 0)",
    "annotation": "import torch\ndef f(x: torch.nn.Softmax) -> torch.nn.Softmax:\n    return x",
    "self_check": "import torch\ndef f(x):\n    return x\nassert torch.softmax(torch.ones(1), 0) == 1",
    "argument": "import torch\ndef f(torch):\n    return torch.softmax",
    "own_method": "class A:\n    def softmax(self, x):\n        return x\ndef f(x):\n    return A().softmax(x)",
    "unknown_receiver": "def f(x):\n    return x.softmax(0)",
    "loop_variable": "import torch as g\ndef f(x):\n    return [g.softmax for g in x]",
    "syntax_error": "import torch\ndef f(x:\n    return torch.softmax(x)",
    "no_text": "\0",
    "empty": "",
    "other_adapter": "import torch\ndef h(x):\n    return torch.softmax(x, 0)\ndef f(x):\n    return x",
}


@pytest.mark.parametrize("name", HONEST)
def test_what_is_not_used_is_not_found(tmp_path, name):
    assert scan(written(tmp_path, adapters=HONEST[name]), ["f"], SOFTMAX) == ""


IMPORTS = {  # ways to reach more/deep.py, which makes the call in its line 4
    "relative": ("from .more.deep import g\ndef f(x):\n    return g(x)", "more__deep"),
    "module": ("from .more import deep\ndef f(x):\n    return deep.g(x)", "more__deep"),
    "package": ("from . import more\ndef f(x):\n    return more.deep.g(x)", "more__deep"),
    "by_name": ("from assignments.ch91_base.more.deep import g\ndef f(x):\n    g(x)", "more__deep"),
    "dotted": ("import assignments.ch91_base.deep as d\ndef f(x):\n    d.g(x)", "deep"),
    "beside": ("import deep\ndef f(x):\n    return deep.g(x)", "deep"),
    "star": ("from .deep import *\ndef f(x):\n    return g(x)", "deep"),
    "inside": ("def f(x):\n    from .deep import g\n    return g(x)", "deep"),
    "handed_on": ("from .deep import g as f", "deep"),
}


@pytest.mark.parametrize("way", IMPORTS)
def test_names_are_followed_through_the_chapters_files(tmp_path, way):
    text, file = IMPORTS[way]
    deep = "import torch\n\ndef g(x):\n    return torch.softmax(x, 0)\n"
    folder = written(
        tmp_path, adapters=text, **{file: deep, "more____init__": "from . import deep"}
    )
    assert scan(folder, ["f"], SOFTMAX) == f"{file.replace('__', '/')}.py:4 calls torch.softmax"


def test_a_package_is_read_in_place_of_a_file_of_its_name(tmp_path):
    calls = "import torch\ndef f(x):\n    return torch.softmax(x, 0)"
    folder = written(tmp_path, adapters="def f(x):\n    return x")
    (folder / "adapters").mkdir()
    (folder / "adapters" / "__init__.py").write_text(calls)
    assert scan(folder, ["f"], SOFTMAX) == "adapters/__init__.py:3 calls torch.softmax"


@pytest.mark.parametrize("name", ["adapters.abi3.so", "more/fast.pyd", "helper.pyc"])
def test_compiled_files_cannot_be_searched(tmp_path, name):
    """Python would import the first in place of adapters.py, and the last without a source."""
    folder = written(tmp_path, adapters="from . import helper\ndef f(x):\n    return x")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "adapters.cpython-311.pyc").touch()
    assert scan(folder, ["f"], SOFTMAX) == "", "what Python has left there is not the student's"
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).touch()
    assert scan(folder, ["f"], SOFTMAX).startswith(f"{name} is compiled")


def test_a_file_named_like_a_library_is_not_that_library(tmp_path):
    adapters = "import torch\ndef f(x):\n    return torch.exp(x)"
    own = "import numpy\ndef exp(x):\n    return numpy.softmax(x)"
    assert scan(written(tmp_path, adapters=adapters, torch=own), ["f"], SOFTMAX) == ""


@pytest.mark.parametrize(
    "body, found",
    [
        ("torch.ones(3).sum().backward()", False),  # a method's result: nobody knows
        ("torch.ones(3).backward()", True),
        ("x.backward()", True),
        ("y.backward()", False),
        ("z = x.backward()\n    x = y", False),
        ("torch.func.grad(f)(x)", True),
        ("x.grad", False),
    ],
)
def test_methods_count_where_the_receiver_can_only_be_a_tensor(tmp_path, body, found):
    text = f'import torch\ndef f(x: Float[Tensor, "N"], y):\n    {body}'
    assert bool(scan(written(tmp_path, adapters=text), ["f"], AUTOGRAD)) is found


@pytest.mark.parametrize("text", ["f = " + "(" * 150 + "1" + ")" * 150, "f = " + "-" * 5000 + "1"])
def test_source_that_is_nested_absurdly_harms_nobody(tmp_path, text):
    told = scan(written(tmp_path, adapters=text), ["f"], SOFTMAX)
    assert told in ("", "adapters.py is nested too deep to be searched for forbidden calls")


# ---- no false alarms: the references, and the twins that do not use what is forbidden


@pytest.mark.parametrize("name", chapter_names())
def test_references_are_clean(name):
    folder = repository() / "solutions" / name
    for problem in chapter(name).problems:
        assert scan(folder, problem.adapters, problem.forbid) == "", problem.name


@pytest.mark.parametrize("name", chapter_names())
def test_twins_are_clean_but_for_those_that_use_it(name, tmp_path):
    folder = tmp_path / name
    folder.mkdir()
    shutil.copy(repository() / "tests" / name / "twins.py", folder / "adapters.py")
    _, twins = read_bank(name)
    forbid = {twin.name: chapter(name).problem(twin.problem).forbid for twin in twins}
    guilty = {twin for twin, names in forbid.items() if scan(folder, [twin], names)}
    assert guilty == {twin.name for twin in twins if twin.forbidden}
