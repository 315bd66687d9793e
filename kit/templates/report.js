"use strict";
const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");
const store = {
  // a page opened from disk may be refused a memory
  get() { try { return localStorage.getItem("theme"); } catch { return null; } },
  set(value) { try { localStorage.setItem("theme", value); } catch { /* for this visit only */ } },
};
if (["light", "dark"].includes(store.get())) root.dataset.theme = store.get();
const toggle = document.getElementById("theme");
toggle.hidden = false;
toggle.addEventListener("click", () => {
  const now = root.dataset.theme || (dark.matches ? "dark" : "light");
  root.dataset.theme = now === "dark" ? "light" : "dark";
  store.set(root.dataset.theme);
});

const title = document.title;
let seen = 0; // how far down the overview was left
function current() {
  let id = "";
  try { id = decodeURIComponent(location.hash.slice(1)); } catch { return null; }
  const place = document.getElementById(id);
  return place && place.classList.contains("student") ? place : null;
}
function route() {
  const student = current();
  const heading = student && student.querySelector("h2");
  document.title = heading ? `${heading.textContent} – ${title}` : title;
  if (heading) {
    scrollTo(0, 0);
    heading.focus({ preventScroll: true });
  } else if (!location.hash || location.hash === "#overview") {
    scrollTo(0, seen);
  }
}
addEventListener("scroll", () => { if (!current()) seen = scrollY; }, { passive: true });
addEventListener("hashchange", route);
addEventListener("keydown", (event) => {
  const student = current();
  if (!student || event.altKey || event.ctrlKey || event.metaKey) return;
  if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
  const link = { ArrowLeft: ".previous", ArrowRight: ".next", Escape: ".back" }[event.key];
  const target = link && student.querySelector(link);
  if (target) target.click();
});
addEventListener("beforeprint", () => {
  for (const more of current()?.querySelectorAll("details") ?? []) more.open = true;
});
route();

const table = document.getElementById("class");
if (table) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const value = (row, column) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
  const order = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  for (const button of table.tHead.querySelectorAll("button")) {
    button.addEventListener("click", () => {
      const head = button.parentElement;
      const number = head.classList.contains("number");
      const before = head.getAttribute("aria-sort");
      const down = before ? before === "ascending" : number; // the best first, or A first
      for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const compare = (a, b) => {
        const [x, y] = [value(a, head.cellIndex), value(b, head.cellIndex)];
        return (number ? Number(x) - Number(y) : order.compare(x, y)) * (down ? -1 : 1);
      };
      body.append(...rows.sort(compare));
    });
  }
  const filters = document.getElementById("filters");
  const [text, status, problem] = filters.querySelectorAll("input, select");
  const count = filters.querySelector("output");
  const filter = () => {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const content = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => content.includes(word))
        || (status.value && row.dataset.status !== status.value)
        || (problem.value && row.dataset.full[Number(problem.value)] === "1");
      shown += !row.hidden;
    }
    count.textContent = `${shown} of ${rows.length}`;
  };
  filters.hidden = false;
  filters.addEventListener("input", filter);
  filter();
}
