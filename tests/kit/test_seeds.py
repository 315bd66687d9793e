"""Seeds that only the course key tells, and oracles that remember."""

import hashlib
import hmac

import pytest
import torch

from kit import seeds
from kit.oracles import oracle
from kit.seeds import FALLBACK_KEY, course_key, seed_of


def test_a_seed_is_the_hmac_of_the_tests_name():
    digest = hmac.digest(b"key", b"ch01/test_a", hashlib.sha256)
    assert seed_of("ch01/test_a", b"key") == int.from_bytes(digest[:6], "big")


def test_seeds_differ_by_test_and_by_key_and_suit_every_generator():
    drawn = {seed_of(f"test_{i}", bytes([key])) for i in range(500) for key in (1, 2)}
    assert len(drawn) == 1000, "two tests share a seed"
    assert all(0 <= seed < 1 << seeds.SEED_BITS for seed in drawn)
    assert max(drawn) > 1 << 46, "high bits are never set"
    torch.Generator().manual_seed(max(drawn))


def test_the_course_key_is_the_file_that_the_variable_names(tmp_path, monkeypatch):
    monkeypatch.delenv("STORYTELLER_COURSE_KEY", raising=False)
    assert course_key() == FALLBACK_KEY
    path = tmp_path / "key"
    monkeypatch.setenv("STORYTELLER_COURSE_KEY", str(path))
    with pytest.raises(FileNotFoundError):
        course_key()
    path.write_bytes(b"0123456789abcdef\n")
    assert course_key() == b"0123456789abcdef"
    path.write_bytes(b"short\n" + b" " * 40)
    with pytest.raises(ValueError, match="holds 5 bytes; a course key needs at least 16"):
        course_key()


def test_an_oracle_is_computed_once_per_arguments():
    calls = []

    @oracle
    def double(x, scale=2):
        """Twice x."""
        calls.append(x)
        return x * scale

    for _ in range(2):
        assert (
            double(3) == 6 and double(3.0) == 6.0 and double(True) == 2 and double(3, scale=3) == 9
        )
        assert double(torch.ones(2)).tolist() == [2, 2] == double(torch.ones(2).double()).tolist()
        assert double(torch.ones(2, 1)).shape == (2, 1) and double("3") == "33"
    assert len(calls) == 8 and double.__doc__ == "Twice x."


def test_no_test_can_spoil_anothers_reference():
    @oracle
    def zeros(n):
        return [torch.zeros(n), {"rows": [0]}]

    first = zeros(2)
    first[0] += 1
    first[1]["rows"].append(1)
    assert zeros(2)[0].tolist() == [0, 0] and zeros(2)[1] == {"rows": [0]}
