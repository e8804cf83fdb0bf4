// Unfold: rows that open into what they are made of. What is open stays open through frames and reloads, by the URL.

const opened = new Set(new URLSearchParams(location.search).getAll("open"));

function draw() {
  for (const button of document.querySelectorAll(".unfold")) {
    const id = button.getAttribute("aria-controls");
    const lines = document.getElementById(id);
    const isOpen = opened.has(id);
    button.setAttribute("aria-expanded", String(isOpen));
    if (lines) lines.hidden = !isOpen;
  }
}

function toggle(button) {
  const id = button.getAttribute("aria-controls");
  if (!opened.delete(id)) opened.add(id);
  const url = new URL(location.href);
  url.searchParams.delete("open");
  for (const open of opened) url.searchParams.append("open", open);
  history.replaceState(history.state, "", url);
  draw();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest(".unfold");
  if (button) toggle(button);
});
document.addEventListener("screen:frame", (event) => event.detail.isRedrawn && draw());
draw();
