// Move: says aloud what became of it, keeps what is signed bound to what is shown, and leads to the approval by "a".

const said = document.getElementById("move-said");

function tell() {
  const live = document.getElementById("move-live");
  if (!live) return;
  const words = `Move ${live.dataset.said}`;
  if (said.textContent !== words) said.textContent = words;
}

// Whoever decides has seen the book as of the latest event that the page was drawn from.
function note() {
  const seq = document.getElementById("move-effects")?.dataset.seq;
  for (const input of document.querySelectorAll("#move-turn input[name=seen], #move-glass input[name=seen]")) {
    if (Number(seq) > Number(input.value)) input.value = seq;
  }
}

function refresh() {
  tell();
  note();
}

document.addEventListener("htmx:afterSwap", refresh);
document.addEventListener("htmx:oobAfterSwap", refresh);
document.addEventListener(
  "submit",
  (event) => {
    const shown = document.getElementById("move-live")?.dataset.hash;
    const bound = event.target.elements.payload_hash?.value;
    if (!bound || bound === shown) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const place = document.querySelector("[data-passkey-said]");
    place.textContent = "The move that stands here is another one than you are about to decide on. Load the page again.";
    place.hidden = false;
  },
  true,
);
document.addEventListener("keydown", (event) => {
  if (event.key !== "a" || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.closest?.("input, select, textarea, dialog[open]")) return;
  const form = document.querySelector("#move-turn form[data-assert]");
  const first = form?.querySelector("input:not([type=hidden]), button");
  if (!first) return;
  event.preventDefault();
  first.focus();
  first.scrollIntoView({ block: "center" });
});
refresh();
