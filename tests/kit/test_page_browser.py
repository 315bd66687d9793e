"""report.html in a real browser: its routes work, no script fails, and no stranger's script runs."""

import html
import json
import re
import shutil
import subprocess

import pytest

from kit.course import Course
from kit.page import report_page
from kit.results import SubmissionResult
from kit.roster import Student
from tests.kit.graded import ALICE, BOB, CAROL, DAN, bigram, check

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason=f"needs one of {', '.join(NAMES)}"),
]
ATTACK = "document.title='owned'"
HOSTILE = f"""</script></style></title><script>{ATTACK}</script><img src=x onerror="{ATTACK}">"""
PEOPLE = (Student("a", "Zoë", folder="alice"), Student("b", "Bob", folder="bob"))
CLASS = Course(title="Autumn", students=PEOPLE)
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
FIRST = "<script>errors = []; onerror = (text) => { errors.push(text); };</script>"
# a reader of its own, which only a page without its policy lets in; ACTION is what a visitor does
SPY = """<script>
const all = (selector) => [...document.querySelectorAll(selector)];
setTimeout(() => {
  ACTION;
  setTimeout(() => {
    const seen = (e) => getComputedStyle(e).display !== "none";
    const report = {
      errors,
      title: document.title,
      parts: all("#overview, .student").filter(seen).map((e) => e.id),
      names: all("#class tbody tr").filter((e) => !e.hidden).map((e) => e.cells[0].textContent),
      count: document.querySelector("output").textContent,
      focus: document.activeElement.textContent.slice(0, 20),
      page: getComputedStyle(document.documentElement).backgroundColor,
    };
    document.body.append(Object.assign(document.createElement("xmp"), { textContent: JSON.stringify(report) }));
  }, 100);
}, 100);
</script>"""


def browse(tmp_path, text: str, route: str = "") -> tuple[str, str]:
    """Open a page; the document as it stands after its scripts have run, and the console."""
    path = tmp_path / "report.html"
    path.write_text(text)
    command = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    command += [f"--user-data-dir={tmp_path}/profile", "--virtual-time-budget=3000"]
    command += ["--enable-logging=stderr", f"{path.as_uri()}{route}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert "</html>" in done.stdout, done.stderr[-2000:]
    return done.stdout, "\n".join(re.findall(r"CONSOLE.*", done.stderr))


def page(results, course: Course = CLASS) -> str:
    return report_page(course.apply(results), course)


def visit(tmp_path, route: str = "", action: str = "") -> dict:
    """What a visitor of the class's page sees."""
    text = POLICY.sub("", page([ALICE, BOB, CAROL, DAN])).replace("<head>", f"<head>{FIRST}")
    document, _ = browse(tmp_path, text.replace("</body>", SPY.replace("ACTION", action)), route)
    report = json.loads(html.unescape(re.search(r"<xmp>(.*?)</xmp>", document, re.S)[1]))
    assert report["errors"] == []
    return report


def test_the_page_opens_without_an_error(tmp_path):
    text = page([ALICE, BOB, CAROL, DAN])
    document, console = browse(tmp_path, text, "#student-b")
    assert "<title>Bob – Autumn</title>" in document, "the page's own script did not run"
    assert console == ""
    broken = POLICY.sub("", text).replace('"use strict";', '"use strict"; undefined_name;')
    assert "undefined_name is not defined" in browse(tmp_path, broken)[1], "errors are not seen"


def test_routes_show_one_student_or_the_overview(tmp_path):
    start = visit(tmp_path)
    assert start["parts"] == ["overview"] and start["title"] == "Autumn"
    assert visit(tmp_path, "#student-carol")["parts"] == ["student-carol"]
    assert visit(tmp_path, "#student-nobody")["parts"] == ["overview"]
    assert visit(tmp_path, "#%E0%A4%A")["parts"] == ["overview"], "a broken address"
    clicked = visit(tmp_path, "", "document.querySelector('#class a').click()")
    assert (clicked["parts"], clicked["title"]) == (["student-a"], "Zoë – Autumn")
    assert clicked["focus"] == "Zoë", "a screen reader is not told where it is"


def test_keys_lead_from_student_to_student(tmp_path):
    press = "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'KEY', bubbles: true}))"
    for key, part in (("ArrowRight", "student-carol"), ("ArrowLeft", "student-a")):
        assert visit(tmp_path, "#student-b", press.replace("KEY", key))["parts"] == [part]
    assert visit(tmp_path, "#student-b", press.replace("KEY", "Escape"))["parts"] == ["overview"]


def test_the_table_is_sorted_and_filtered(tmp_path):
    assert visit(tmp_path)["names"] == ["Zoë", "Bob", "carol", "dan"]
    by = "all('#class thead button')[N].click()"
    assert visit(tmp_path, "", by.replace("N", "0"))["names"] == ["Bob", "carol", "dan", "Zoë"]
    total = by.replace("N", "2")
    assert visit(tmp_path, "", total)["names"] == ["Zoë", "carol", "Bob", "dan"]
    assert visit(tmp_path, "", f"{total};{total}")["names"] == ["dan", "Bob", "carol", "Zoë"]
    choose = "const e = all('#filters input, #filters select')[N]; e.value = 'V';"
    choose += "e.dispatchEvent(new Event('input', {bubbles: true}))"
    for field, value, names in (
        ("0", "PEND car", ["carol"]),
        ("1", "invalid", ["dan"]),
        ("2", "0", ["Bob", "dan"]),  # without full points for ch01_bigram / counts
    ):
        found = visit(tmp_path, "", choose.replace("N", field).replace("V", value))
        assert found["names"] == names and found["count"] == f"{len(names)} of 4"


def test_the_theme_can_be_changed(tmp_path):
    before = visit(tmp_path)["page"]
    assert before != visit(tmp_path, "", "document.getElementById('theme').click()")["page"]


def test_what_students_write_does_not_run(tmp_path):
    test = check("counts", "fail", title=HOSTILE, detail=HOSTILE, diagnosis=(HOSTILE,))
    work = SubmissionResult(HOSTILE, (bigram(test, note=HOSTILE),), note="\x1b]0;owned\x07")
    course = Course(students=(Student("javascript:alert(1)", HOSTILE, HOSTILE, HOSTILE),))
    for route in ("", "#student-javascript_alert_1", f"#{HOSTILE}"):
        document, console = browse(tmp_path, page([work], course), route)
        title = re.search(r"<title>(.*?)</title>", document, re.S)[1]
        assert title.endswith("Grading report") and title != "owned"
        assert console == "", "something was let into the page, if only to be stopped there"
        assert "javascript:" not in re.findall(r'(?:href|src)="([^"]*)"', document)
    assert "\x1b" not in document


def test_a_script_that_got_into_the_page_would_be_stopped(tmp_path):
    leaky = page([ALICE]).replace("</main>", f"<script>{ATTACK}</script></main>")
    document, console = browse(tmp_path, leaky)
    assert "<title>Autumn</title>" in document and "Content Security Policy" in console
    document, _ = browse(tmp_path, POLICY.sub("", leaky))
    assert "<title>owned</title>" in document, "the attack is none, so this proves nothing"
