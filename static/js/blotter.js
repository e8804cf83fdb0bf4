// Blotter: what is under way is not redrawn beneath a finger, changes are spoken, and a cancel that failed is told.

const section = () => document.getElementById("orders-open");
const said = document.getElementById("orders-said");
const refused = document.getElementById("orders-refused");
let isPressed = false;

document.addEventListener("pointerdown", (event) => (isPressed = Boolean(event.target.closest("#orders-open"))));
for (const end of ["pointerup", "pointercancel"]) {
  document.addEventListener(end, () => setTimeout(() => (isPressed = false)), true); // after the click that it makes
}

document.addEventListener("htmx:beforeSwap", (event) => {
  // The page still shows what it asked with, so that the next answer has it again.
  if (isPressed && event.detail.elt.id === "orders-open") event.detail.shouldSwap = false;
});

document.addEventListener("htmx:afterSwap", () => {
  const words = section()?.dataset.said;
  if (words && said && said.textContent !== words) said.textContent = words;
});

function tell(event, because) {
  const name = event.detail.elt?.getAttribute?.("aria-label");
  if (!name || !event.detail.elt.id.startsWith("cancel-")) return;
  refused.textContent = `${name}: ${because}. It is not canceled by this; try again, or on the venue's own screen.`;
  refused.hidden = false;
}

document.addEventListener("htmx:responseError", (event) => tell(event, `the answer was ${event.detail.xhr.status}`));
document.addEventListener("htmx:sendError", (event) => tell(event, "no answer"));
document.addEventListener("htmx:timeout", (event) => tell(event, "no answer in time"));
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful && event.detail.elt.id?.startsWith("cancel-")) refused.hidden = true;
});
