// Move ticket: another way has other assets, so the page is asked for again with what was typed; it is proposed once.

const form = document.getElementById("move-form");
const way = form?.elements.way;

way?.addEventListener("change", () => {
  const url = new URL(way.dataset.here, location.href);
  for (const name of ["way", "amount", "reason", "nonce"]) {
    if (form.elements[name].value) url.searchParams.set(name, form.elements[name].value);
  }
  location.assign(url);
});

form?.addEventListener("submit", (event) => {
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "yes";
  form.querySelector("button.primary")?.setAttribute("aria-disabled", "true");
});
// A page that comes back from the history may be sent again: the server knows its nonce.
window.addEventListener("pageshow", () => {
  if (!form) return;
  delete form.dataset.sent;
  form.querySelector("button.primary")?.removeAttribute("aria-disabled");
});
