// Polled: a part of a page that asks for itself says so when it gets no answer, instead of growing old in silence.

const LOOK_MS = 500;
const heardAt = new Map();

const now = () => performance.now();

document.addEventListener("htmx:afterRequest", (event) => {
  // Of a part that its answer replaced, only who asked still tells the id: the event comes from what was around it.
  const part = event.detail.requestConfig.elt.closest("[data-polled]");
  if (part && event.detail.successful) heardAt.set(part.id, now());
});

function look() {
  for (const place of document.querySelectorAll("[data-polled-says]")) {
    const part = document.getElementById(place.dataset.polledSays);
    if (!part || part.hasAttribute("data-is-settled")) {
      place.hidden = true;
      continue;
    }
    if (!heardAt.has(part.id)) heardAt.set(part.id, now());
    const silent = now() - heardAt.get(part.id);
    const isLost = silent > Number(part.dataset.polled);
    part.classList.toggle("is-lost", isLost);
    place.hidden = !isLost;
    if (isLost) place.textContent = `No answer for ${Math.round(silent / 1000)} s. What stands here is that old.`;
  }
}

setInterval(look, LOOK_MS);
