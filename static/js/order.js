// Order: says aloud what became of it, lets "c" cancel it, and takes the button away when there is nothing to cancel.

const said = document.getElementById("order-said");

function tell() {
  const progress = document.getElementById("order-progress");
  if (!progress) return;
  const words = `Order ${progress.dataset.said}`;
  if (said && said.textContent !== words) said.textContent = words;
  if (progress.hasAttribute("data-is-final")) document.getElementById("order-cancel")?.remove();
}

document.addEventListener("htmx:afterSwap", tell);
document.addEventListener("htmx:oobAfterSwap", tell);
document.addEventListener("keydown", (event) => {
  if (event.key !== "c" || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.closest?.("input, select, textarea, dialog[open]")) return;
  document.querySelector("[data-cancel]")?.click();
});
tell();
