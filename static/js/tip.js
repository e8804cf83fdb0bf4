// Tip: all digits, age and reason of the number under the pointer or the focus.

const tip = document.getElementById("tip");
let shownId = null;

function line(list, name, value) {
  if (!value) return;
  const term = document.createElement("dt");
  const said = document.createElement("dd");
  term.textContent = name;
  said.textContent = value;
  list.append(term, said);
}

function time(milliseconds) {
  return milliseconds ? `${new Date(Number(milliseconds)).toISOString().replace("T", " ").slice(0, 23)} UTC` : "";
}

function put(cell) {
  const box = cell.getBoundingClientRect();
  const own = tip.getBoundingClientRect();
  const left = Math.min(Math.max(8, box.right - own.width), window.innerWidth - own.width - 8);
  const isAbove = box.bottom + own.height + 8 > window.innerHeight;
  tip.style.left = `${left}px`;
  tip.style.top = `${isAbove ? box.top - own.height - 6 : box.bottom + 6}px`;
}

function show(cell) {
  const { full, state, at, until, because } = cell.dataset;
  const head = document.createElement("p");
  head.className = "full";
  head.textContent = full || cell.querySelector("b").textContent;
  const list = document.createElement("dl");
  line(list, "state", cell.querySelector(".age")?.textContent || state);
  line(list, "as of", time(at));
  line(list, "good until", time(until));
  line(list, "because", because);
  tip.replaceChildren(head, list);
  tip.hidden = false;
  shownId = cell.id;
  cell.closest("td, dd, p, .cell")?.setAttribute("aria-describedby", "tip");
  put(cell);
}

function hide() {
  if (!shownId) return;
  document.querySelector('[aria-describedby="tip"]')?.removeAttribute("aria-describedby");
  shownId = null;
  tip.hidden = true;
}

const cellAt = (target) => target.closest?.(".f[data-because]") ?? target.closest?.("td")?.querySelector(".f[data-because]");

document.addEventListener("pointerover", (event) => {
  const cell = cellAt(event.target);
  if (!cell) hide();
  else if (cell.id !== shownId) show(cell);
});
document.addEventListener("focusin", (event) => {
  const cell = event.target.matches("td, .cell") ? event.target.querySelector(".f[data-because]") : null;
  if (cell) show(cell);
  else hide();
});
document.addEventListener(
  "scroll",
  () => {
    const cell = shownId && document.getElementById(shownId);
    if (cell) put(cell);
  },
  { capture: true, passive: true },
);
document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
document.addEventListener("screen:frame", () => {
  const cell = shownId && document.getElementById(shownId);
  if (cell) show(cell);
});
