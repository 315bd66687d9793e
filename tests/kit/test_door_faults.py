"""When the other side breaks off, or lies: faults, the circuit breaker, forged answers."""

import pytest
import torch

from kit import codec
from kit.contract import ContractError, read_contract
from kit.door import MAX_FAULTS, Allowance, Door
from kit.faults import Crash, Fault, Infra, OutOfMemory, StudentError, Timeout, Todo

REPORT = {"kind": "ValueError", "name": "ValueError", "args": ["no"], "message": "no"}
REPORT |= {"todo": "", "where": "", "trace": ""}


class Scripted:
    """A transport that answers every call with the next line of a script."""

    def __init__(self, *script: object):
        self.script, self.seen, self.closed = list(script), [], 0

    def request(self, data: bytes, allowance: Allowance) -> bytes:
        message = codec.loads(data)
        self.seen.append(message["op"])
        if message["op"] in ("load", "driver"):
            return codec.dumps(("ok", None))
        answer = self.script.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer if isinstance(answer, bytes) else codec.dumps(answer)

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def door(tmp_path):
    """door(answer, ...): a door with adapters f and g, behind which a script answers."""

    def make(*script: object) -> Door:
        contract, file = tmp_path / "contract.py", tmp_path / "drivers.py"
        contract.write_text("def f() -> int: ...\ndef g(): ...\n")
        file.write_text("\ndef drive(adapters): ...\n")
        made = Door("ch01", Scripted(*script), read_contract(contract), {"drivers": file})
        made.begin(1, Allowance())
        return made

    return make


@pytest.mark.parametrize("kind", [Crash, Timeout, OutOfMemory])
def test_a_fault_reaches_the_test_and_the_next_call_opens_a_new_process(door, kind):
    made = door(kind("it broke"), ("ok", 3))
    with pytest.raises(kind, match="it broke"):
        made.call("f")
    assert made.fault.verdict == kind.verdict
    assert made.call("f") == 3 and made.transport.seen == ["load", "call", "load", "call"]
    assert made.fault is not None, "a fault is not forgotten because a later call went well"
    made.begin(2, Allowance())
    assert made.fault is None


def test_after_two_faults_an_adapter_is_not_called_again_but_others_are(door):
    made = door(*[Timeout("too slow")] * MAX_FAULTS, ("ok", "g"))
    for _ in range(MAX_FAULTS):
        with pytest.raises(Timeout):
            made.call("f")
    asked = len(made.transport.seen)
    for seed in (2, 3):
        made.begin(seed, Allowance())
        with pytest.raises(Timeout, match="f is not called again after 2 faults: too slow"):
            made.call("f")
        assert made.fault.verdict == "timeout"
    assert made.transport.seen.count("call") == MAX_FAULTS and len(made.transport.seen) <= asked + 1
    assert made.call("g") == "g"


def test_drivers_have_a_circuit_breaker_of_their_own_and_are_shipped_again(door):
    made = door(Crash("gone"), ("ok", 1), Crash("gone"), ("ok", 2))
    for answer in (None, 1, None):
        if answer is None:
            with pytest.raises(Crash):
                made.run("drive")
        else:
            assert made.run("drive") == answer
    assert made.transport.seen == [*["load", "driver", "run"] * 2, "run"]
    with pytest.raises(Crash, match="drive is not called again"):
        made.run("drive")
    assert made.call("f") == 2


def test_the_graders_own_failure_is_not_counted_against_the_student(door):
    made = door(*[Infra("no sandbox")] * 3, ("ok", 1))
    for _ in range(3):
        with pytest.raises(Infra):
            made.call("f")
    assert made.faults == {} and made.call("f") == 1


def test_faults_are_no_exceptions_that_a_test_or_hypothesis_could_swallow(door):
    with pytest.raises(Crash):
        try:
            door(Crash("gone")).call("f")
        except Exception:
            pytest.fail("an `except Exception` caught a fault")


def without(key: str) -> dict:
    return {k: v for k, v in REPORT.items() if k != key}


FORGED = [
    *[None, 1, "ok", b"", [], (), {}, {"ok": 1}, ("ok",), ("ok", 1, 2), ("OK", 1), (b"ok", 1)],
    *[("bad",), ("bad", 1), ("bad", None), ("bad", ["x"]), ("raised",), ("raised", None)],
    *[("raised", "ValueError"), ("raised", {}), ("raised", list(REPORT.items()))],
    *[("raised", without(key)) for key in REPORT],
    *[("raised", REPORT | {key: 3}) for key in REPORT],
    *[("raised", REPORT | {key: torch.ones(2)}) for key in REPORT],
    *[("raised", REPORT | {"message": 10**5000}), ("raised", REPORT | {"trace": "x" * 100_000})],
    *[torch.ones(2), {"raised": REPORT}, {1: "ok", 0: "raised"}],
]


@pytest.mark.parametrize("answer", FORGED, ids=lambda answer: ascii(type(answer)))
def test_a_forged_answer_of_any_malformed_shape_is_a_crash(door, answer):
    made = door(answer)
    with pytest.raises(Crash, match="f sent an answer that cannot be read"):
        made.call("f")
    assert made.transport.closed == 1 and len(made.faults["f"]) == 1


@pytest.mark.parametrize(
    "data", [b"", b"\0", b"\xff" * 9, b"\x80\x04N.", codec.dumps(1)[:-1] + b"}"]
)
def test_bytes_that_are_no_message_are_a_crash(door, data):
    with pytest.raises(Crash, match="cannot be read"):
        door(data).call("f")


@pytest.mark.parametrize(
    ("changes", "kind", "says"),
    [
        ({"kind": "SystemExit"}, StudentError, "ValueError: no"),
        ({"kind": "__import__", "name": "x"}, StudentError, "x: no"),
        ({"kind": "AssertionError"}, StudentError, "no"),
        ({"kind": "Todo", "name": "Todo"}, StudentError, "Todo: no"),
        ({"kind": "UnicodeDecodeError", "args": [1, 2]}, StudentError, "no"),
        ({"kind": "UnicodeDecodeError", "args": ["a", b"", -9, 1 << 62, "r"]}, Exception, ""),
        ({"args": [10**5000]}, ValueError, "no"),
        ({"args": [torch.ones(3)] * 3}, ValueError, "no"),
        ({"args": [{}], "message": "other"}, ValueError, "other"),
        ({"kind": "KeyError", "args": ["no"], "message": "'no'"}, KeyError, "'no'"),
        ({"kind": "OSError", "args": [2, "no"], "message": "[Errno 2] no"}, OSError, "no"),
        ({"todo": "f"}, Todo, "f is not implemented yet"),
        ({"message": "", "args": []}, ValueError, ""),
    ],
)
def test_a_forged_report_can_only_raise_what_the_code_itself_could(door, changes, kind, says):
    with pytest.raises(kind) as caught:
        door(("raised", REPORT | changes)).call("f")
    assert says in str(caught.value)
    assert isinstance(caught.value, Exception | Fault)
    assert not isinstance(caught.value, AssertionError), "it would read as a failed assertion"


@pytest.mark.parametrize("value", [None, "3", 3.5, [3], torch.ones(2), 1j, {}])
def test_a_forged_value_is_held_to_the_contract_all_the_same(door, value):
    with pytest.raises(ContractError, match="expected"):
        door(("ok", value)).call("f")


def test_a_value_that_says_what_it_could_not_be_encoded_is_a_failed_test(door):
    with pytest.raises(ContractError, match="f: a generator cannot cross"):
        door(("bad", "f: a generator cannot cross")).call("f")
