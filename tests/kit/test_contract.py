"""The check of returns: sizes bound from arguments, and one line that says got and wanted."""

import ast

import numpy as np
import pytest
import torch

from kit.bench import contract_path
from kit.chapters import chapter_names
from kit.contract import ARRAY_KINDS, DTYPE_WORDS, ContractError, check_return, read_contract
from tests.kit.test_codec import same


@pytest.fixture
def check(tmp_path):
    """check("x: ..., n: int", "returns", value, *args): the return check of a function written so."""

    def check(parameters: str, returns: str, value: object, *args: object, **kwargs: object):
        path = tmp_path / f"{abs(hash((parameters, returns)))}.py"
        path.write_text(f"def softmax({parameters}) -> {returns}: ...\n")
        return check_return(read_contract(path)["softmax"], args, kwargs, value)

    return check


def zeros(*shape: int) -> torch.Tensor:
    return torch.zeros(shape)


def test_a_wrong_shape_is_told_in_one_line(check):
    with pytest.raises(ContractError) as error:
        check('x: Float[Tensor, "B V"]', 'Float[Tensor, "B V"]', zeros(4, 8), zeros(4, 16))
    assert str(error.value) == "softmax returned (4, 8), expected (4, 16)"
    assert isinstance(error.value, AssertionError), "a wrong shape is a failed test, not an error"


X = 'x: Float[Tensor, "B T C"]'
RIGHT = [
    (X, '"C B"', (4, 2), (2, 3, 4)),
    (X, '"B 7 C"', (2, 7, 4), (2, 3, 4)),
    (X, '"B T+1 C-2"', (2, 4, 2), (2, 3, 4)),
    (X, '"B*T C//2"', (6, 2), (2, 3, 4)),
    (X, '"B _ C"', (2, 99, 4), (2, 3, 4)),
    (X, '"B D"', (2, 99), (2, 3, 4)),
    (X, '"C//B+T-1"', (4,), (2, 3, 4)),
    ('x: Float[Tensor, "... C"]', '"... C+1"', (5, 2, 4), (5, 2, 3)),
    ('x: Float[Tensor, "... C"]', '"..."', (), (3,)),
    ('x: Float[Tensor, "*batch T C"]', '"*batch C T"', (5, 6, 3, 2), (5, 6, 2, 3)),
    ('x: Float[Tensor, "B *rest C"]', '"*rest"', (7, 8), (1, 7, 8, 2)),
    ('x: Float[Tensor, "B"] | None', '"B"', (3,), (3,)),
    ('x: Float[Tensor, " B"]', '"n n"', (9, 9), (3,)),
]
WRONG = [
    (X, '"B T C"', (2, 4, 3), (2, 3, 4), "(2, 4, 3), expected (2, 3, 4)"),
    (X, '"B T C"', (3, 4), (2, 3, 4), "(3, 4), expected (2, 3, 4)"),
    (X, '"B"', (1, 2), (2, 3, 4), "(1, 2), expected (2,)"),
    (X, '""', (1,), (2, 3, 4), "(1,), expected ()"),
    (X, '"T-1"', (3,), (2, 3, 4), "(3,), expected (2,)"),
    (X, '"B*T"', (5,), (2, 3, 4), "(5,), expected (6,)"),
    (X, '"B D"', (3, 9), (2, 3, 4), "(3, 9), expected (2, D)"),
    ('x: Float[Tensor, "... C"]', '"... C"', (3,), (5, 3), "(3,), expected (5, 3)"),
    ('x: Float[Tensor, "..."]', '"..."', (3,), (1, 3), "(3,), expected (1, 3)"),
    ('x: Float[Tensor, " C"]', '"... C"', (3, 4), (3,), "(3, 4), expected (..., 3)"),
    ('x: Float[Tensor, " C"]', '"*new 2 C"', (3,), (3,), "(3,), expected (*new, 2, 3)"),
    ('x: Float[Tensor, "B"] | None', '"B"', (4,), (3,), "(4,), expected (3,)"),
    ('x: Float[Tensor, " B"]', '"n n"', (9, 8), (3,), "(9, 8), expected (n, n)"),
]


@pytest.mark.parametrize(("parameters", "returns", "got", "given"), RIGHT)
def test_the_shape_that_the_signature_names_passes(check, parameters, returns, got, given):
    check(parameters, f"Float[Tensor, {returns}]", zeros(*got), zeros(*given))


@pytest.mark.parametrize(("parameters", "returns", "got", "given", "says"), WRONG)
def test_every_other_shape_is_refused(check, parameters, returns, got, given, says):
    with pytest.raises(ContractError) as error:
        check(parameters, f"Float[Tensor, {returns}]", zeros(*got), zeros(*given))
    assert str(error.value) == f"softmax returned {says}"


def test_int_arguments_and_their_defaults_bind_dimensions(check):
    for args in [(zeros(2), 5), (zeros(2),)]:
        wanted = 5 if len(args) == 2 else 3
        check('x: Float[Tensor, " B"], V: int = 3', 'Float[Tensor, "B V"]', zeros(2, wanted), *args)
        with pytest.raises(ContractError, match=rf"expected \(2, {wanted}\)"):
            check('x: Float[Tensor, " B"], V: int = 3', 'Float[Tensor, "B V"]', zeros(2, 4), *args)


def test_two_arguments_that_broadcast_leave_the_leading_axes_open(check):
    parameters = 'q: Float[Tensor, "... T C"], mask: Bool[Tensor, "... T T"]'
    for shape in ((5, 2, 3), (2, 3)):
        check(parameters, 'Float[Tensor, "... T C"]', zeros(*shape), zeros(5, 2, 3), zeros(2, 2))
    with pytest.raises(ContractError, match="expected"):
        check(parameters, 'Float[Tensor, "... T C"]', zeros(2, 4), zeros(5, 2, 3), zeros(2, 2))


def test_an_argument_that_does_not_fit_teaches_no_sizes(check):
    for given in (zeros(7), zeros(7, 7, 7)):
        check('x: Float[Tensor, "B T"]', 'Float[Tensor, "B T"]', zeros(1, 2), given)
    for returns in ('"T"', '"*batch"'):
        check('x: Float[Tensor, "*batch T C"]', f"Float[Tensor, {returns}]", zeros(2), zeros(7))


@pytest.mark.parametrize(
    ("returns", "value", "wanted"),
    [
        *[("float", torch.tensor(2.0), 2.0), ("float", np.array(2.0), 2.0), ("float", 2, 2.0)],
        *[("int", torch.tensor(3), 3), ("bool", torch.tensor(True), True), ("bool", False, False)],
        *[("list[float]", torch.tensor([1.0, 2.0]), [1.0, 2.0]), ("list[int]", (1, 2), [1, 2])],
        *[("tuple[float, int]", [torch.tensor(1.0), 2], (1.0, 2)), ("tuple[int]", [3], (3,))],
        *[("tuple[float, ...]", [1, torch.tensor(2.0)], (1.0, 2.0)), ("tuple", [1], (1,))],
        *[("dict[str, float]", {"a": torch.tensor(2.0)}, {"a": 2.0}), ("dict", {1: 2}, {1: 2})],
        *[("float | None", None, None), ("None | float", 1, 1.0), ("object", {1}, {1})],
        ("list[tuple[int, str]]", [[1, "a"]], [(1, "a")]),
    ],
)
def test_a_return_comes_in_the_form_that_the_signature_names(check, returns, value, wanted):
    assert same(check("x", returns, value, 0), wanted)


def test_a_numpy_array_becomes_a_tensor_of_the_same_numbers(check):
    got = check("x", 'Float[Tensor, "2 2"]', np.eye(2), 0)
    assert isinstance(got, torch.Tensor) and torch.equal(got, torch.eye(2, dtype=torch.float64))
    pair = check("x", 'tuple[float, Float[Tensor, "2"]]', [np.array(1.0), np.ones(2)], 0)
    assert isinstance(pair, tuple) and isinstance(pair[1], torch.Tensor)


@pytest.mark.parametrize(
    ("returns", "value", "says"),
    [
        ('Float[Tensor, "2"]', [1.0, 2.0], "[1.0, 2.0] (list), expected a Tensor"),
        ('Float[Tensor, "2"]', None, "None (NoneType), expected a Tensor"),
        ('Float[Tensor, "2"]', torch.ones(2).int(), "torch.int32, expected a float dtype"),
        ('Int[Tensor, "2"]', torch.ones(2), "torch.float32, expected an integer dtype"),
        ('Int[Tensor, "2"]', torch.ones(2).bool(), "torch.bool, expected an integer dtype"),
        ('Bool[Tensor, "2"]', torch.ones(2).int(), "torch.int32, expected bool"),
        ('Complex[Tensor, "2"]', torch.ones(2), "torch.float32, expected a complex dtype"),
        ('Num[Tensor, "2"]', torch.ones(2).bool(), "torch.bool, expected a number dtype"),
        ("float", torch.ones(1), "a tensor of shape (1,), expected one float"),
        ("float", "2.0", "'2.0' (str), expected float"),
        ("float", True, "True (bool), expected float"),
        ("float", 1j, "1j (complex), expected float"),
        ("float", 10**5000, "an int too large for a float"),
        ("int", 2.0, "2.0 (float), expected int"),
        ("bool", 1, "1 (int), expected bool"),
        ("str", b"a", "b'a' (bytes), expected str"),
        ("str", 10**5000, "thousands of digits (int), expected str"),
        ("list[int]", "12", "'12' (str), expected list"),
        ("list[int]", torch.ones(2, 2), "a Tensor of shape (2, 2), expected list"),
        ("list[int]", [1, 2.5], "softmax[1] returned 2.5 (float), expected int"),
        ("tuple[int, int]", (1,), "1 values, expected 2: tuple[int, int]"),
        ("tuple[int]", (1, 2), "2 values, expected 1: tuple[int]"),
        ("tuple[int, ...]", (1, "a"), "softmax[1] returned 'a' (str), expected int"),
        ("dict[str, int]", {"a": "b"}, "softmax['a'] returned 'b' (str), expected int"),
        ("dict[str, int]", [("a", 1)], "[('a', 1)] (list), expected dict"),
        ("float | None", "x", "'x' (str), expected float"),
        ("list[int]", {"x": "y" * 99}, "... (dict), expected list"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_what_the_signature_does_not_allow_is_refused_in_one_line(check, returns, value, says):
    with pytest.raises(ContractError) as error:
        check("x", returns, value, 0)
    assert str(error.value).endswith(says) and "\n" not in str(error.value)
    assert len(str(error.value)) < 140


def test_arguments_that_do_not_fit_the_signature_are_a_type_error(check):
    for args, kwargs in [((), {}), ((1, 2), {}), ((1,), {"z": 2})]:
        with pytest.raises(TypeError):
            check("x", "int", 1, *args, **kwargs)
    check("x, /, y=2, *rest: int, z: float = 1.0", "int", 1, 1, 2, 3, z=2.0)


def test_a_contract_holds_the_public_functions_in_order_and_runs_nothing(tmp_path):
    path = tmp_path / "adapters.py"
    path.write_text("def b(): ...\ndef _private(): ...\nclass C: ...\ndef a(x=1): ...\n1 / 0\n")
    assert list(read_contract(path)) == ["b", "a"]


@pytest.mark.parametrize("name", chapter_names())
def test_every_annotation_of_every_chapter_is_one_that_the_check_understands(name):
    functions = ast.parse(contract_path(name).read_text(encoding="utf-8")).body
    functions = [node for node in functions if isinstance(node, ast.FunctionDef)]
    checked = {*ARRAY_KINDS, "list", "tuple", "dict"}
    for places, known in (
        ([f.returns for f in functions], checked),
        ([f.args for f in functions], checked | {"Iterable"}),  # arguments give sizes, no more
    ):
        for node in (node for place in places for node in ast.walk(place)):
            if isinstance(node, ast.Subscript) and "Tensor" in ast.unparse(node.slice):
                kind = ast.unparse(node.value)
                assert kind in known, f"{kind}[...] is not checked"
        if isinstance(node, ast.FunctionDef):
            assert node.returns is not None, f"{node.name}() does not say what it returns"


def test_every_kind_of_array_has_words_for_an_error():
    assert DTYPE_WORDS.keys() == ARRAY_KINDS.keys()
