// Keys: everything within reach of the keyboard.

const GO_MS = 1200; // the second key of "g o" must come within this
let goneAt = -Infinity;

const isTyping = (target) => target.closest?.("input, select, textarea, dialog[open]") !== null;

function rows() {
  return [...document.querySelectorAll("table[data-grid] tr")].filter((row) => row.offsetParent && row.querySelector("td"));
}

function stops(row) {
  return [...row.querySelectorAll("th, td")].map((cell) => cell.querySelector("button, a") ?? cell);
}

function focus(stop) {
  if (!stop) return;
  if (stop.matches("td, th")) stop.tabIndex = -1;
  stop.focus();
  stop.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function move(down, right) {
  const all = rows();
  const row = document.activeElement?.closest("tr");
  const at = all.indexOf(row);
  if (at < 0) return focus(all[0] && stops(all[0])[0]);
  const column = stops(row).indexOf(document.activeElement);
  const next = all[Math.min(Math.max(at + down, 0), all.length - 1)];
  const cells = stops(next);
  return focus(cells[Math.min(Math.max(column + right, 0), cells.length - 1)]);
}

const ACTIONS = {
  j: () => move(1, 0),
  k: () => move(-1, 0),
  h: () => document.querySelector("[data-hedge]")?.click(),
  t: () => document.querySelector('[data-next="theme"]')?.click(),
  "@": () => {
    const picker = document.getElementById("moment");
    if (!picker) return;
    picker.open = true;
    picker.querySelector("input[name=at]").focus();
  },
  "?": () => document.getElementById("shortcuts")?.showModal(),
  "/": () => document.querySelector("[data-filter]")?.focus(),
};
const ARROWS = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] };

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const isGoing = performance.now() - goneAt < GO_MS;
  goneAt = -Infinity;
  if (isGoing && /^\w$/.test(event.key)) {
    const link = document.querySelector(`[data-go="${event.key}"]`);
    if (link) link.click();
  } else if (event.key === "g") {
    goneAt = performance.now();
  } else if (event.key in ARROWS && document.activeElement?.closest("table[data-grid]")) {
    event.preventDefault();
    move(...ARROWS[event.key]);
  } else if (event.key === "Enter" && document.activeElement?.matches("td")) {
    document.activeElement.closest("tr").querySelector(".unfold")?.click();
  } else if (event.key in ACTIONS) {
    event.preventDefault();
    ACTIONS[event.key]();
  }
});

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  if (opener) document.getElementById(opener.dataset.dialog).showModal();
  for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll(".menu[open]")) {
    if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
    menu.open = false;
  }
});

// A table drawn again, by a frame or by its own poll, loses the focus: put it back on the same row. A row that is gone
// gives it to nobody, for Enter would open another.
const nameOf = (row) => row.id || row.querySelector("a[href]")?.getAttribute("href");
let focused = null;

function note() {
  const row = document.activeElement?.closest("table[data-grid] tr");
  focused = row && { name: nameOf(row), at: rows().indexOf(row), column: stops(row).indexOf(document.activeElement) };
}

function restore() {
  if (!focused || document.activeElement !== document.body) return;
  const all = rows();
  const isIt = (row) => row && nameOf(row) === focused.name;
  const row = isIt(all[focused.at]) ? all[focused.at] : focused.name && all.find(isIt);
  if (row) focus(stops(row)[focused.column]);
}

document.addEventListener("htmx:wsBeforeMessage", note, { capture: true }); // before the frame is drawn
document.addEventListener("screen:frame", (event) => event.detail.isRedrawn && restore());
document.addEventListener("htmx:beforeSwap", note);
document.addEventListener("htmx:afterSwap", restore);
