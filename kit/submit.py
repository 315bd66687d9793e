"""Pack a student's work into the archive to hand in: python -m kit.submit [FILE]

The archive holds assignments/ and nothing else. The same work gives the same bytes.
"""

import sys
import zipfile
from pathlib import Path

from kit.chapters import chapter_names, repository

SKIPPED = {"__pycache__", ".git", ".venv", "figures"}
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date of a zip: when files were written does not count


def pack(target: Path) -> list[str]:
    """Write the archive; the names in it. ValueError if there is nothing to hand in."""
    root = repository()
    names = [
        str(path.relative_to(root))
        for chapter in chapter_names()
        for path in sorted((root / "assignments" / chapter).rglob("*"))
        if path.is_file() and not SKIPPED & set(path.parts) and path.suffix != ".pyc"
    ]
    if not names:
        raise ValueError(
            f"{root / 'assignments'} holds no chapter; run this in your copy of the kit"
        )
    draft = target.with_suffix(".tmp")
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, (root / name).read_bytes())
    draft.replace(target)
    return names


def main() -> None:
    """Pack, and say what is inside."""
    if len(sys.argv) > 2 or "--help" in sys.argv:
        raise SystemExit(__doc__)
    target = Path(sys.argv[1] if len(sys.argv) == 2 else "submission.zip")
    try:
        names = pack(target)
    except (OSError, ValueError) as error:
        raise SystemExit(f"nothing was packed: {error}") from None
    print(f"{target}: {len(names)} files, {target.stat().st_size / 1024:.0f} KB; hand this in")


if __name__ == "__main__":
    main()
