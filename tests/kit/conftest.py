"""Fixtures of the kit's own tests."""

from pathlib import Path

import pytest

from tests.kit.toy import make_kit


@pytest.fixture(scope="session")
def toy_kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kit with two toy chapters."""
    root = tmp_path_factory.mktemp("toy") / "kit"
    for folder in (root.parent, root.parent.parent):
        folder.chmod(0o755)  # pytest's own are 0700, and a student's process has another user
    return make_kit(root)
