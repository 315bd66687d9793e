"""Intake: whatever a student hands in becomes chapters to grade, or one clear sentence."""

import os
import shutil
import socket
import stat
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit import unpack
from kit.submissions import Submission, find_submissions, safe_id, stage

CHAPTERS = ("ch01_bigram", "ch02_micrograd", "ch03_mlp")
HONEST = "assignments/ch01_bigram/adapters.py"


@pytest.fixture(autouse=True)
def three_chapters(tmp_path, monkeypatch):
    for name in CHAPTERS:
        folder(tmp_path / "kit/assignments", f"{name}/chapter.toml")
    monkeypatch.setenv("STORYTELLER_ROOT", str(tmp_path / "kit"))


@pytest.fixture
def desk(tmp_path):
    (tmp_path / "desk").mkdir()
    return tmp_path / "desk"


def folder(path: Path, *files: str) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    for name in files:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text("x = 1\n")
    return path


def batch(*paths: Path, chapters=None) -> list[Submission]:
    return find_submissions(list(paths), chapters, paths[0].parent.parent / "work")


def take_in(path: Path, *chapters: str) -> Submission:
    [submission] = batch(path, chapters=list(chapters) or None)
    return submission


def refused(found: Submission, *says: str) -> None:
    assert not found.chapters and found.folder is None
    for words in (*says, "; wanted "):
        assert words in found.problem, f"{words!r} is not in: {found.problem}"
    assert found.problem.isprintable()


@pytest.mark.parametrize(
    "inside", ["assignments/ch01_bigram", "ch01_bigram", "kit-main/assignments/ch01_bigram", "a/b/ch01_bigram"]
)  # fmt: skip
@pytest.mark.parametrize("form", ["folder", "zip", "tar", "gztar"])
def test_a_chapter_is_found_in_every_form_and_wrapping(desk, tmp_path, form, inside):
    files = (f"{inside}/adapters.py", f"{inside}/more/adapters.py", "README.md")
    if form == "folder":
        path = folder(desk / "a", *files)
    else:
        path = Path(shutil.make_archive(desk / "a", form, folder(tmp_path / "away", *files)))
    found = take_in(path)
    assert (found.id, found.problem, found.warnings) == ("a", "", ())
    assert stage(found, "ch01_bigram", tmp_path / "room") == ""
    assert (tmp_path / "room/adapters.py").read_text() == "x = 1\n"
    assert (tmp_path / "room/more/adapters.py").exists()
    if form != "folder":
        assert stat.S_IMODE(found.folder.stat().st_mode) == 0o700, "others may read the room"


def test_a_path_may_be_the_chapter_itself(desk, tmp_path):
    path = folder(desk / "ch03_mlp", "adapters.py", "a/x.py", "b/x.py")
    assert take_in(path).chapters == {"ch03_mlp": path}
    packed = Path(shutil.make_archive(tmp_path / "desk/ch02_micrograd", "zip", path))
    assert take_in(packed).chapters.keys() == {"ch02_micrograd"}


def test_assignments_win_over_solutions_and_old_copies(desk):
    places = ("kit/solutions", "kit/assignments", "kit/old/assignments")
    path = folder(desk / "a", *(f"{place}/ch01_bigram/adapters.py" for place in places))
    folder(path, "kit/tests/ch03_mlp/test_public.py")
    found = take_in(path)
    assert found.chapters == {"ch01_bigram": path / "kit/assignments/ch01_bigram"}
    assert found.warnings == (), "the tests of the kit are not a chapter without adapters.py"


def test_two_students_in_one_submission_are_not_mixed(desk):
    both = ("b/alice/ch01_bigram/adapters.py", "b/bob/ch01_bigram/adapters.py")
    refused(take_in(folder(desk / "a", *both)), "ch01_bigram is there 2 times", "'b/alice/ch01_")
    found = take_in(folder(desk / "a", "ch03_mlp/adapters.py"))
    assert found.chapters.keys() == {"ch03_mlp"} and "2 times" in found.warnings[0]


def test_a_bare_adapters_file_needs_one_selected_chapter(desk):
    for path in (folder(desk / "a", "adapters.py"), desk / "a/adapters.py"):
        assert take_in(path, "ch02_micrograd").chapters.keys() == {"ch02_micrograd"}
        refused(take_in(path), "must bear the chapter's name", *CHAPTERS)
        refused(take_in(path, "ch01_bigram", "ch03_mlp"), "ch01_bigram, ch03_mlp")


@pytest.mark.parametrize("name", ["ch1_bigram", "CH01_BIGRAM", "ch01-bigram", "bigram"])
def test_a_misspelt_chapter_is_met_by_its_name(desk, name):
    path = folder(desk / "a", f"{name}/adapters.py", f"{name}/tests/x.py", "ch2_micrograd/x.py")
    refused(take_in(path), f"'{name}'", "did you mean ch01_bigram?")
    assert take_in(path, "ch01_bigram").chapters, "one chapter selected, one adapters.py: no doubt"
    refused(take_in(path, "ch03_mlp"), "did you mean ch01_bigram?")


def test_what_was_found_instead_is_listed(desk):
    refused(take_in(folder(desk / "a")), "it is empty")
    refused(take_in(folder(desk / "b", "essay.pdf", "notes.txt")), "'essay.pdf', 'notes.txt'")
    refused(take_in(folder(desk / "c", "ch01_bigram/adapter.py")), "no adapters.py", "'adapter.py'")
    refused(take_in(folder(desk / "d", HONEST), "ch03_mlp"), "ch01_bigram, not to be graded now")
    nested = zipfile.ZipFile(desk / "e.zip", "w")
    nested.writestr("hand/in.zip", b"PK")
    nested.close()
    refused(take_in(desk / "e.zip"), "archives ('hand/in.zip')")
    zipfile.ZipFile(desk / "f.zip", "w").close()
    refused(take_in(desk / "f.zip"), "it is empty")


def test_paths_that_lead_nowhere(desk):
    folder(desk / "alice", HONEST)
    refused(take_in(desk / "alcie"), "does not exist", "did you mean 'alice'?")
    refused(take_in(desk / "no/such"), "no/such' does not exist")
    refused(take_in(desk / ("n" * 300)), "cannot be read")
    refused(take_in(desk / "nul\0"), "does not exist")
    (desk / "link").symlink_to("alice")
    refused(take_in(desk / "link"), "is a link")
    os.mkfifo(desk / "pipe.zip")
    refused(take_in(desk / "pipe.zip"), "no ordinary file")
    with pytest.raises(ValueError, match=r"no chapter \['ch99_x'\]; choose from ch01_bigram"):
        find_submissions([desk], ["ch99_x"], desk / "work")


def test_hazards_of_a_folder_are_met_where_it_is_read(desk, monkeypatch):
    os.mkfifo(folder(desk / "a", HONEST) / "assignments/ch01_bigram/pipe")
    refused(take_in(desk / "a"), "ch01_bigram: 'pipe' is no ordinary file")
    with socket.socket(socket.AF_UNIX) as server:
        # the name of a socket may not be longer than 107 bytes, so it is bound from within
        monkeypatch.chdir(folder(desk / "b", HONEST) / "assignments/ch01_bigram")
        server.bind("socket")
    refused(take_in(desk / "b"), "'socket' is no ordinary file")
    (folder(desk / "c", HONEST) / "assignments/ch01_bigram/x").symlink_to("/etc/passwd")
    refused(take_in(desk / "c"), "'x' is a link out of the submission")
    (folder(desk / "d/ch01_bigram") / "adapters.py").symlink_to("/etc/passwd")
    refused(take_in(desk / "d"), "links are left out ('ch01_bigram/adapters.py')")
    (folder(desk / "e") / "ch01_bigram").symlink_to(desk / "a/assignments/ch01_bigram")
    refused(take_in(desk / "e"), "links are left out ('ch01_bigram')")
    folder(desk / "f", HONEST, "assignments/ch01_bigram/caf\udce9.py")
    refused(take_in(desk / "f"), "is not UTF-8")
    folder(desk / "g", HONEST, "assignments/ch01_bigram/Adapters.py")
    if sys.platform == "linux":
        refused(take_in(desk / "g"), "differ by more than case")
    (folder(desk / "h", HONEST, "data.txt") / "data").symlink_to("/etc")
    assert take_in(desk / "h").chapters, "a link outside of every chapter does no harm"


def test_an_unreadable_folder_is_a_sentence(desk, monkeypatch):
    def denied(path, scan=os.scandir):
        if path.name == "ch01_bigram":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    folder(desk / "a", HONEST)
    monkeypatch.setattr(os, "scandir", denied)  # root may read everything, so chmod proves nothing
    says = "'assignments/ch01_bigram' cannot be read (Permission denied)"
    refused(take_in(desk / "a"), says, "chmod -R u+rX")


def test_a_folder_of_many_gives_a_row_to_each(desk):
    folder(desk / "class/bob", HONEST)
    folder(desk / "class/dan")
    folder(desk / "class/.git", "x")
    shutil.make_archive(desk / "class/alice", "zip", desk / "class/bob")
    (desk / "class/carol.zip").write_bytes(b"PK\3\4 cut")
    (desk / "class/erin.rar").write_bytes(b"Rar!")
    (desk / "class/fred").symlink_to("/etc")
    found = {s.id: s for s in batch(desk / "class")}
    assert list(found) == ["alice", "bob", "carol", "dan", "erin.rar", "fred"]
    assert [name for name, s in found.items() if s.chapters] == ["alice", "bob"]
    for name in ("carol", "dan", "erin.rar", "fred"):
        refused(found[name], "; wanted ")
    work = [room.name.rsplit("-", 1)[0] for room in (desk.parent / "work").iterdir()]
    assert work == ["alice"], "the remains of a refused archive lie about"


def test_a_repository_with_other_folders_is_one_submission(desk):
    assert take_in(folder(desk / "a", HONEST, "docs/x.md", "src/x.py")).chapters
    assert take_in(folder(desk / "b", "ch03_mlp/adapters.py", "docs/x.md")).chapters


def test_repositories_named_after_a_chapter_are_many_submissions(desk):
    for name in ("ch01-bigram-alice", "ch01-bigram-bob"):
        folder(desk / "class" / name, HONEST)
    assert [s.id for s in batch(desk / "class")] == ["ch01-bigram-alice", "ch01-bigram-bob"]


def test_ids_are_unique_even_where_case_does_not_count(desk):
    paths = [folder(desk / str(i) / name, HONEST) for i, name in enumerate(["a", "A", "a-2", "a"])]
    assert [s.id for s in batch(*paths)] == ["a", "A-2", "a-2-2", "a-3"]


@settings(deadline=None, database=None, max_examples=50)
@given(st.text(st.characters(), max_size=150))
def test_an_id_is_safe_everywhere(text):
    name = safe_id(text)
    assert 0 < len(name.encode()) <= 100 and name.isprintable()
    assert not set(name) & set("/\\<>&\"'`,;:|?* \t\n\0"), "not safe in CSV, HTML or a file name"
    assert name[0] not in ".=+-@_" and name[-1] != ".", "hidden, a formula or an option"
    assert safe_id(name) == name


def test_ids_keep_what_they_can():
    assert safe_id("alice@uni.edu-3") == "alice@uni.edu-3"
    assert safe_id("Jose\u0301 Ni\u00f1o 7") == "Jos\u00e9_Ni\u00f1o_7"
    assert safe_id("\x1b[31m=cmd|'x'!<b>\u202e") == "31m_cmd_x_b"
    assert safe_id("\u6f22" * 99) == "\u6f22" * 33 and safe_id("a" * 99) == "a" * 64
    assert safe_id("../..") == safe_id("") == "submission"


def test_stage_copies_regular_files_only_and_measures_them(desk, tmp_path, monkeypatch):
    path = folder(desk / "a", *(HONEST.replace("adapters.py", name) for name in
                  ("adapters.py", "fast.so", "x.pyc", ".git/x", "__pycache__/x", ".cache/x")))  # fmt: skip
    (path / "assignments/ch01_bigram/near").symlink_to("adapters.py")
    (path / "assignments/ch01_bigram/far").symlink_to("../../README.md")
    found = take_in(path)
    assert stage(found, "ch01_bigram", tmp_path / "one") == ""
    assert sorted(p.name for p in (tmp_path / "one").iterdir()) == ["adapters.py", "fast.so"]
    assert stat.S_IMODE((tmp_path / "one").stat().st_mode) == 0o700
    with monkeypatch.context() as patch:
        patch.setattr(unpack, "MAX_TOTAL", 10)
        assert "unpacks to too much" in stage(found, "ch01_bigram", tmp_path / "two")
    (path / "assignments/ch01_bigram/late").symlink_to("/etc/passwd")  # changed since intake
    assert "link out" in stage(found, "ch01_bigram", tmp_path / "three")
    assert not (tmp_path / "two").exists() and not (tmp_path / "three").exists()
