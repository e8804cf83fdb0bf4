// Ticket: size and price follow the market until somebody types; what is confirmed is what is sent, once.

const form = document.getElementById("ticket-form");
const dialog = document.getElementById("ticket-confirm");
const AT_ONCE = ["ioc", "fok"];
const field = (name) => form.elements[name];
// Somebody may have typed before this script ran.
const typed = (name) => form && (field(name).hasAttribute("data-typed") || field(name).value !== field(name).defaultValue);
const followed = { quantity: !typed("quantity"), price: !typed("price") };

// A number that is selected whole may still move, and stays selected: what is typed replaces it. With the cursor
// somewhere in it, it waits: else what is typed would land in another number than the one that was seen.
const isHeld = (name) => {
  const box = field(name);
  return box === document.activeElement && box.selectionEnd - box.selectionStart < box.value.length;
};

function suggested(name) {
  const from = document.getElementById("ticket-suggests")?.dataset;
  if (!from) return "";
  if (name === "quantity") return from.quantity;
  return AT_ONCE.includes(field("time_in_force").value) ? from.atOnce : from.touch;
}

const WORDS = {
  quantity: () => "follows what leads to flat",
  price: () =>
    AT_ONCE.includes(field("time_in_force").value) ? "follows the mark, within its collar" : "follows the touch",
};

function say() {
  for (const name of Object.keys(followed)) {
    const says = form.querySelector(`[data-says="${name}"]`);
    const words = !followed[name] ? "as you typed it" : isHeld(name) ? "waits while you are in it" : WORDS[name]();
    if (says.textContent !== words) says.textContent = words;
    form.querySelector(`[data-follow="${name}"]`).hidden = followed[name] || "readOnly" in form.dataset;
  }
}

function follow() {
  if (dialog?.open) return;
  for (const name of Object.keys(followed)) {
    const value = suggested(name);
    if (!followed[name] || !value || field(name).value === value || isHeld(name)) continue;
    field(name).value = value;
    if (field(name) === document.activeElement) field(name).select();
  }
  say();
}

function judge() {
  const said = document.getElementById("ticket-said");
  const verdict = document.getElementById("ticket-verdict");
  if (!said) return;
  if (verdict.textContent !== said.textContent) verdict.textContent = said.textContent;
  verdict.dataset.level = said.dataset.level;
  document.getElementById("ticket-send")?.setAttribute("aria-disabled", String(said.dataset.refused === "yes"));
}

if (form) {
  for (const name of Object.keys(followed)) {
    field(name).addEventListener("focus", (event) => event.target.select());
    if (field(name) === document.activeElement) field(name).select();
  }
  form.addEventListener("input", (event) => {
    const { name } = event.target;
    if (name in followed) followed[name] = false;
    if (name === "time_in_force") follow();
    say();
  });
  form.addEventListener("click", (event) => {
    const button = event.target.closest("[data-follow]");
    if (!button) return;
    followed[button.dataset.follow] = true;
    field(button.dataset.follow).focus();
    follow();
    form.dispatchEvent(new Event("change", { bubbles: true }));
  });
  document.getElementById("ticket-place")?.addEventListener("change", (event) => {
    const { account, instrument } = event.target.selectedOptions[0].dataset;
    const kept = ["time_in_force", "reason", "proposal"].map((name) => [name, field(name).value]).filter(([, value]) => value);
    location.assign(`${event.target.dataset.here}?${new URLSearchParams([["instrument", instrument], ["account", account], ...kept])}`);
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    const isRefused = document.getElementById("ticket-send")?.getAttribute("aria-disabled") === "true";
    if (event.detail.elt === form && (isRefused || dialog.open)) event.preventDefault();
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id === "ticket-live") {
      follow();
      judge();
    } else if (event.detail.target.id === "ticket-confirm-body" && !dialog.open) {
      dialog.showModal();
      document.getElementById("ticket-confirm-title").focus();
    }
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-once]")) return;
    for (const button of event.target.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
    if (event.target.dataset.sent) event.preventDefault();
    event.target.dataset.sent = "yes";
  });
  // A page that comes back from the browser's memory is an old one.
  window.addEventListener("pageshow", (event) => event.persisted && location.reload());
  say();
  judge();
}
