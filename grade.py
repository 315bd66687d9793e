"""The instructors' command; see `python grade.py --help`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))  # also from another folder

from kit.cli import app  # noqa: E402

if __name__ == "__main__":
    app()
