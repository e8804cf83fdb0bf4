// Ages: the clock, and what happens to a number when nobody renews it.
// While frames come, the server says how fresh each cell is. When they stop, cells grow old here by their own budgets.

const TICK_MS = 500;
const DRIFT_MS = 60000; // the server's clock is measured anew this often

let ahead = 0; // the server's clock minus this browser's
let measuredAt = -Infinity;
let isSilent = false;

const clock = document.getElementById("clock");
if (clock) ahead = Date.parse(clock.dateTime) - Date.now();

const now = () => Date.now() + ahead;

function words(elapsedMs) {
  const s = Math.max(0, Math.floor(elapsedMs / 1000));
  if (s < 100) return `${s} s`;
  if (s < 6000) return `${Math.floor(s / 60)} min`;
  return s < 172800 ? `${Math.floor(s / 3600)} h` : `${Math.floor(s / 86400)} d`;
}

function agedState(cell) {
  const said = cell.dataset.said ?? cell.dataset.state;
  if (!isSilent || said === "unknown" || !cell.dataset.until) return said;
  if (now() > Number(cell.dataset.until)) return "stale";
  return said === "live" ? "late" : said;
}

function grow(cell) {
  const state = agedState(cell);
  if (state !== cell.dataset.state) {
    cell.dataset.said ??= cell.dataset.state;
    cell.dataset.state = state;
  }
  const dated = (state === "late" || state === "stale") && cell.dataset.at;
  const text = dated ? `${state} ${words(now() - Number(cell.dataset.at))}` : state;
  const age = cell.querySelector(".age");
  if (age && age.textContent !== text) age.textContent = text;
}

function tick() {
  if (clock) {
    const at = new Date(now());
    clock.textContent = at.toISOString().slice(11, 19);
    clock.parentElement.title = `${at.toISOString().slice(0, 10)} UTC; here it is ${at.toLocaleTimeString()}`;
  }
  for (const cell of document.querySelectorAll(".f[data-at]")) grow(cell);
}

function renew(touched) {
  for (const group of (touched || "").split(";")) {
    const [times, ...ids] = group.split(" ");
    const [at, until] = times.split("/");
    for (const id of ids) {
      const cell = document.getElementById(id);
      if (!cell) continue;
      cell.dataset.at = at;
      if (until) cell.dataset.until = until;
      else delete cell.dataset.until;
    }
  }
}

document.addEventListener("screen:frame", (event) => {
  const difference = event.detail.at - Date.now();
  const isDue = performance.now() - measuredAt > DRIFT_MS;
  // The message that was fastest on its way knows best; a frame is never from the future.
  if (isDue || difference > ahead) ahead = difference;
  if (isDue) measuredAt = performance.now();
  renew(event.detail.touched);
});

document.addEventListener("screen:connection", (event) => {
  const wasSilent = isSilent;
  isSilent = event.detail.isSilent && event.detail.frameAt > 0;
  if (wasSilent !== isSilent) tick();
});

setInterval(tick, TICK_MS);
