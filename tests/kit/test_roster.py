"""The roster: what is in it, and every way in which a spreadsheet spoils it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from kit.roster import Student, read_roster

HEADER = "folder,id,name,email,partners,submitted\n"


@pytest.fixture
def roster(tmp_path):
    def write(content: str | bytes) -> Path:
        path = tmp_path / "roster.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def mistakes(path: Path) -> list[str]:
    with pytest.raises(ValueError) as caught:
        read_roster(path, None)
    return [
        line.replace(f"{path}, ", "").replace(str(path), "")
        for line in str(caught.value).split("\n")
    ]


def test_a_roster_is_read(roster):
    text = (
        "ada lovelace.tar.gz,s1,Ada Lovelace,ada@x.org,s2;s3,2026-10-01T10:00Z\r\n"
        '\r\n,s2,"Babbage, Charles",,,\r\n'
        ",s3\r\n"
    )
    ada, charles, third = read_roster(roster(HEADER + text), None)
    came = datetime(2026, 10, 1, 10, tzinfo=UTC)
    assert ada == Student(
        "s1", "Ada Lovelace", "ada@x.org", "ada_lovelace", ("s2", "s3"), {"": came}
    )
    assert charles == Student("s2", "Babbage, Charles")
    assert third == Student("s3")
    assert ada.submitted_at("ch01_bigram") == came and third.submitted_at("ch01_bigram") is None


def test_columns_may_stand_in_any_order_and_others_are_ignored(roster):
    mark = "\ufeff"  # what Excel writes
    text = f"{mark}ID, Section ,submitted_ch04_attention\ns1,B,2026-10-01T10:00Z\n"
    (student,) = read_roster(roster(text), None)
    assert student.id == "s1" and student.submitted_at("ch01_bigram") is None
    assert student.submitted_at("ch04_attention") == datetime(2026, 10, 1, 10, tzinfo=UTC)


def test_every_mistake_is_told_with_its_line(roster):
    text = (
        "a,s1,A,,,\n"
        'b,S1,"two\nlines",,,\n'  # the same file name on some systems
        "c,,C,,,\n"
        "d,s4,D,no-mail,,\n"
        "a,s5,E,,,\n"
        "f,s6,F,,s5;s44,\n"
        "g,s7,G,,s7,yesterday\n"
        "h,s8,H,h@x.org,,2026-10-01T10:00,more\n"
        "i,s9,I,,,2026-10-01T10:00\n"
    )
    found = mistakes(roster(HEADER + text))
    assert [line.split(",")[0].split(";")[0] for line in found] == [
        "line 5: got no id",
        "line 6: got the email 'no-mail'",
        "line 9: submitted: got 'yesterday'",
        "line 10: got more cells than columns ('more')",
        "line 10: submitted: got 2026-10-01T10:00:00",
        "line 11: submitted: got 2026-10-01T10:00:00",
        "line 4: got the id 'S1' of line 2 again",
        "line 7: got the folder 'a' of line 2 again",
        "line 8: got the partner 's44'",
    ]
    assert all("wanted" in line for line in found)
    assert 'timezone = "Europe/Berlin"' in found[4]


def test_partners_may_name_the_same_folder(roster):
    for rows in ("a,s1,,,,\na,s2,,,s1,\n", "a,s1,,,s2,\na,s2,,,,\n"):
        assert len(read_roster(roster(HEADER + rows), None)) == 2
    assert "as a partner of itself" in mistakes(roster(HEADER + "a,s1,,,s1,\n"))[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "line 1: got the columns (none), wanted folder, id"),
        ("folder,name\na,b\n", "line 1: got the columns folder, name, wanted folder, id"),
        ("folder;id;name\na;s1;A\n", "line 1: got columns separated by semicolons, wanted commas"),
        ("folder\tid\na\ts1\n", "line 1: got columns separated by tabs, wanted commas"),
        ("id,name,id\n", "line 1: got 2 columns 'id', wanted one"),
        ("id,submitted_ch04_atention\n", "line 1: got 'submitted_ch04_atention', wanted a chapter"),
        ((HEADER + "a,s1,Jos\xe9,,,\n").encode("latin-1"), "line 2: got byte 0xe9, wanted UTF-8"),
        ((HEADER + "a,s1,A,,,\n").encode("utf-16"), ": got UTF-16, wanted UTF-8"),
        ((HEADER + "a,s1,A,,,\n").encode("utf-16-le"), "line 1: got a NUL, wanted UTF-8"),
        (HEADER + 'a,s1,"' + "x" * 200_000, "line 2: field larger than field limit"),
    ],
)
def test_a_file_that_is_no_roster_is_refused(roster, content, said):
    assert mistakes(roster(content))[0].startswith(said)


def test_a_roster_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match="No such file.*wanted the class list"):
        read_roster(tmp_path / "nobody.csv", None)
    with pytest.raises(ValueError, match="Is a directory"):
        read_roster(tmp_path, None)
