// Halt: every open page looks by itself whether something is halted, whatever else is away; "!" leads to the button.

const notice = document.getElementById("halts");
let seen = "";

async function look() {
  if (document.hidden) return;
  try {
    const answer = await fetch(`${notice.dataset.from}?seen=${seen}`, { cache: "no-store", signal: AbortSignal.timeout(8000) });
    if (answer.status !== 200) return;
    const known = seen;
    seen = answer.headers.get("X-Seen") ?? "";
    notice.innerHTML = await answer.text();
    if (known) document.dispatchEvent(new CustomEvent("halts:changed"));
  } catch {
    // The server is away: the page says so by itself, and the next look may find it.
  }
}

if (notice) {
  look();
  setInterval(look, Number(notice.dataset.lookMs));
  document.addEventListener("visibilitychange", look);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "!" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.("input, select, textarea, dialog[open]")) return;
    document.querySelector("[data-halt]")?.click();
  });
}
