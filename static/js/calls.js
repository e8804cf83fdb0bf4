// Calls: every open page counts the alerts and moves that wait; whoever asked for it is called by the browser, and by a
// sound.
// Both are off until somebody switches them on in the menu, in this browser.

const LOOK_MS = 3000;
const TONE_HZ = 660;
const TONE_S = 0.25;
const KNOWN_MAX = 500; // calls that a page remembers

const place = document.getElementById("alert-badge");
let seen = "";
let known = null; // the calls that were there before: none of them is news

function kept(name) {
  try {
    return localStorage.getItem(`calls-${name}`) === "on";
  } catch {
    return false;
  }
}

function keep(name, isOn) {
  try {
    localStorage.setItem(`calls-${name}`, isOn ? "on" : "off");
  } catch {
    // A browser without storage asks again on the next page.
  }
}

const mayNotify = () => "Notification" in window && Notification.permission === "granted";

function show() {
  const words = { sound: kept("sound") ? "on" : "off", notify: kept("notify") && mayNotify() ? "on" : "off" };
  if (!("Notification" in window)) words.notify = "not in this browser";
  else if (Notification.permission === "denied") words.notify = "refused by the browser";
  for (const [name, word] of Object.entries(words)) {
    for (const shown of document.querySelectorAll(`[data-shows="calls-${name}"]`)) shown.textContent = word;
  }
}

function sound() {
  const audio = new AudioContext();
  const tone = audio.createOscillator();
  const volume = audio.createGain();
  volume.gain.setValueAtTime(0.15, audio.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + TONE_S);
  tone.frequency.value = TONE_HZ;
  tone.connect(volume).connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + TONE_S);
  tone.onended = () => audio.close();
}

async function toggle(name) {
  const isOn = !kept(name);
  if (name === "notify" && isOn && "Notification" in window) await Notification.requestPermission();
  keep(name, isOn);
  if (name === "sound" && isOn) sound();
  show();
}

function note(title, options, address) {
  new Notification(title, options).onclick = () => {
    window.focus();
    location.href = address;
  };
}

const call = (one) =>
  note(`${one.dataset.severity} alert`, { body: one.textContent, tag: one.dataset.call }, one.dataset.evidence);

// The badge of moves asks for itself; one more of them than before is news.
const movesBadge = () => document.getElementById("moves-badge");
let awaited = Number(movesBadge()?.dataset.count ?? 0);

function tellMoves() {
  const badge = movesBadge();
  if (!badge) return;
  const before = awaited;
  awaited = Number(badge.dataset.count);
  if (awaited <= before) return;
  if (kept("notify") && mayNotify()) note("Approval", { body: badge.getAttribute("aria-label"), tag: "moves" }, badge.href);
  if (kept("sound")) sound();
}

function tell() {
  const calls = [...place.querySelectorAll("[data-call]")];
  const fresh = known ? calls.filter((one) => !known.has(one.dataset.call) && one.dataset.severity !== "notice") : [];
  known = new Set([...calls.map((one) => one.dataset.call), ...(known ?? [])].slice(0, KNOWN_MAX));
  if (!fresh.length) return;
  if (kept("notify") && mayNotify()) fresh.forEach(call);
  if (kept("sound")) sound();
}

async function look() {
  try {
    const answer = await fetch(`${place.dataset.from}?seen=${seen}`, { cache: "no-store", signal: AbortSignal.timeout(8000) });
    if (answer.status !== 200) return;
    seen = answer.headers.get("X-Seen") ?? "";
    place.innerHTML = await answer.text();
    tell();
  } catch {
    // The server is away: the page says so by itself, and the next look may find it.
  }
}

if (place) {
  show();
  tell();
  setInterval(look, LOOK_MS);
  document.addEventListener("htmx:afterSwap", tellMoves);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-calls]");
    if (button) toggle(button.dataset.calls);
  });
}
