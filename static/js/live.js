// Live: follows the frames that the server pushes, notices a gap, a silence and a lost socket, and says so.
// Other modules hear of each frame by "screen:frame" and of the connection by "screen:connection".

const FRAME_LATE_MS = 1500; // this long without a frame, the page says so
const FRAME_LOST_MS = 10000; // this long, it says so in red
const ASLEEP_MS = 5000; // a timer that is this late was asleep, and the page with it
const ASLEEP_SAID_MS = 4000; // so long the page says that it was
const FLASH_MS = 300; // a number that changed shines for so long, or until the next frame
const QUEUE_MAX = 40; // frames kept while the whole is fetched: ten seconds
const RETRY_MS = [250, 500, 1000, 2000, 4000]; // pauses between two tries to connect
const RECONNECTS = [1000, 1001, 1005, 1014, 1015]; // closed this way, the socket extension would stay away
const HEAD = /data-number="(\d+)" data-previous="(\w+)" data-at="(\d+)"/;

const place = document.getElementById("live");
const pill = document.getElementById("connection");
const banner = document.getElementById("banner");
const draws = place && "draws" in place.dataset; // other pages follow the frames without showing their cells

let number = document.getElementById("frame")?.dataset.number;
let socket = "connecting";
let wrapper = null;
let lostAt = performance.now();
let frameAt = 0; // the server's time of the last frame
let heardAt = 0; // when it came, by this browser's own clock
let arrivals = [];
let queue = null; // frames that came while the whole is fetched
let tickedAt = performance.now();
let calming = 0;
let asleep = { words: "", until: 0 };
const title = document.title;

if (window.htmx) htmx.config.wsReconnectDelay = (tries) => RETRY_MS[Math.min(tries, RETRY_MS.length - 1)];

function swap(html) {
  htmx.swap(document.body, html, { swapStyle: "none", swapDelay: 0, settleDelay: 0 });
}

// A frame is some fifty leaves, now and then all of them, four times a second. Nothing in a leaf is htmx's, which would look through each of them
// and tell the world of every step; so only what is drawn anew as a whole is given to it.
function draw(html, at) {
  calm();
  const parsed = document.createElement("template");
  parsed.innerHTML = html;
  for (const next of [...parsed.content.children]) {
    const old = document.getElementById(next.id);
    if (!old) continue;
    if (next.localName === "patch") {
      patch(old, next, at);
      continue;
    }
    const way = next.getAttribute("hx-swap-oob");
    next.removeAttribute("hx-swap-oob");
    if (way === "innerHTML") {
      old.replaceChildren(...next.childNodes);
    } else {
      old.replaceWith(next);
      if (next.id.startsWith("section-")) htmx.process(next);
    }
  }
  calming = setTimeout(calm, FLASH_MS);
}

// Of a leaf whose number alone changed, its element stays, with all that is said of it; times are told from the frame's.
function patch(leaf, next, at) {
  leaf.dataset.full = next.getAttribute("full");
  for (const name of ["at", "until"]) {
    if (next.hasAttribute(name)) leaf.dataset[name] = at + Number(next.getAttribute(name));
    else delete leaf.dataset[name];
  }
  const age = leaf.querySelector(":scope > .age");
  if (leaf.dataset.said) age.textContent = leaf.dataset.state = leaf.dataset.said; // it had aged while frames were out
  leaf.replaceChildren(...next.childNodes, age);
  leaf.classList.toggle("flash", next.hasAttribute("flash"));
}

// A flash is on, then off: one that faded would paint the page sixty times a second.
function calm() {
  clearTimeout(calming);
  for (const leaf of document.querySelectorAll(".flash")) leaf.classList.remove("flash");
}

function heard(html, at) {
  heardAt = performance.now();
  frameAt = at;
  arrivals = [...arrivals.filter((time) => heardAt - time < 5000), heardAt];
  const touched = draws ? document.getElementById("frame")?.dataset.touched : "";
  const detail = { at, touched, isRedrawn: html.includes('id="section-') };
  document.dispatchEvent(new CustomEvent("screen:frame", { detail }));
}

async function fetchWhole() {
  if (queue) return;
  queue = [];
  try {
    const answer = await fetch(place.dataset.whole, { headers: { "HX-Request": "true" }, signal: AbortSignal.timeout(8000) });
    if (answer.redirected || answer.status === 401 || answer.status === 403) return end();
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    const html = await answer.text();
    const head = HEAD.exec(html);
    if (!head) throw new Error("there is no frame yet");
    swap(html);
    number = head[1];
    heard(html, Number(head[3]));
    for (const message of queue) {
      const [, next, previous, at] = HEAD.exec(message);
      if (previous !== number) continue;
      draw(message, Number(at));
      number = next;
      heard(message, Number(at));
    }
    queue = null;
  } catch {
    queue = null;
    number = "none"; // the next frame asks again
  }
  return undefined;
}

function receive(event) {
  const html = event.detail.message;
  const head = HEAD.exec(html.slice(0, 400));
  if (!head) return;
  const [, next, previous, at] = head;
  event.preventDefault();
  if (!draws) {
    heard("", Number(at));
  } else if (queue) {
    if (queue.length < QUEUE_MAX) queue.push(html);
  } else if (number === undefined) {
    location.reload(); // the page was opened before there was anything to draw
  } else if (previous !== number && previous !== "whole") {
    fetchWhole();
  } else {
    number = next;
    draw(html, Number(at));
    heard(html, Number(at));
  }
}

function end() {
  socket = "ended";
  queue = null;
  tell();
}

function closed(event) {
  const code = event.detail.event.code;
  if (socket === "ended") return;
  if (code === 4401) return end();
  if (socket === "open") lostAt = performance.now();
  socket = "lost";
  if (RECONNECTS.includes(code) && wrapper) setTimeout(() => wrapper.reconnect(), 1000);
  tell();
}

// A part of the page that asks by the clock, not because of anything a person did.
function asksItself(event) {
  return !event.detail.requestConfig.triggeringEvent;
}

function seconds(sinceMs) {
  return `${Math.max(0, Math.round((performance.now() - sinceMs) / 1000))} s`;
}

function utc(at) {
  return new Date(at).toISOString().slice(11, 19);
}

function connection() {
  const silent = performance.now() - heardAt;
  const asOf = frameAt ? `Numbers are as of ${utc(frameAt)} UTC.` : "";
  if (socket === "ended") return ["ended", "session ended", "Your session has ended. Numbers here no longer change."];
  if (socket === "lost") return ["lost", `reconnecting ${seconds(lostAt)}`, `Connection lost. ${asOf}`];
  if (!heardAt) return ["waiting", socket === "open" ? "waiting for a frame" : "connecting", ""];
  if (silent > FRAME_LOST_MS) return ["lost", `no frame for ${seconds(heardAt)}`, `The engine is silent. ${asOf}`];
  if (silent > FRAME_LATE_MS) return ["late", `no frame for ${seconds(heardAt)}`, ""];
  const span = (heardAt - arrivals[0]) / 1000;
  const rate = span > 0 ? Math.round((arrivals.length - 1) / span) : 0;
  return ["live", rate ? `live ${rate} Hz` : "live", ""];
}

function tell() {
  const [state, words, problem] = connection();
  const warning = problem || (performance.now() < asleep.until ? asleep.words : "");
  if (pill && pill.textContent !== words) pill.textContent = words;
  if (pill) pill.dataset.connection = state;
  const isDown = state === "lost" || state === "ended";
  document.documentElement.classList.toggle("disconnected", isDown);
  if (banner.textContent !== warning) {
    banner.textContent = warning;
    if (state === "ended") {
      const link = document.createElement("a");
      link.href = place.dataset.login;
      link.textContent = "Log in again";
      banner.append(" ", link);
    }
  }
  banner.hidden = !warning;
  banner.dataset.kind = problem ? "bad" : "late";
  document.title = isDown ? `⚠ ${title}` : title;
  const detail = { state, isSilent: performance.now() - heardAt > FRAME_LATE_MS, frameAt };
  document.dispatchEvent(new CustomEvent("screen:connection", { detail }));
}

function tick() {
  const slept = performance.now() - tickedAt;
  tickedAt = performance.now();
  if (slept > ASLEEP_MS && heardAt) {
    asleep = { words: `This page was asleep for ${Math.round(slept / 1000)} s and is read again.`, until: tickedAt + ASLEEP_SAID_MS };
    // The socket may have dropped frames while this page did not run.
    if (socket === "open" && draws && number !== undefined) fetchWhole();
  }
  tell();
}

if (place) {
  const drawnAt = document.getElementById("frame")?.dataset.at;
  if (drawnAt) frameAt = Number(drawnAt);
  document.addEventListener("htmx:wsConnecting", () => tell());
  document.addEventListener("htmx:wsOpen", (event) => {
    wrapper = event.detail.socketWrapper;
    socket = "open";
    tell();
  });
  document.addEventListener("htmx:wsClose", closed);
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (socket === "ended" && asksItself(event)) event.preventDefault();
  });
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    if (event.detail.xhr.status !== 401 || !asksItself(event)) return;
    event.preventDefault(); // the log-in page would come in place of what a person is reading
    end();
  });
  document.addEventListener("htmx:wsBeforeMessage", receive);
  document.addEventListener("visibilitychange", tick);
  document.addEventListener("resume", tick);
  window.addEventListener("offline", () => {
    if (socket === "open") lostAt = performance.now();
    if (socket !== "ended") socket = "lost";
    tell();
  });
  window.addEventListener("online", () => wrapper?.reconnect());
  setInterval(tick, 500);
  tell();
}
