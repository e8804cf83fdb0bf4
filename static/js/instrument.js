// Instrument: its book, its marks beside those of other sources, and its funding, drawn by Plotly and asked for again.

import { base, color, load, onTheme, plot, say } from "./plotting.js";

const REFRESH_MS = 5000;
const STALE_MS = 15000; // a history that ends earlier is stale
const DEPTH_STALE_S = 5;
const page = document.getElementById("instrument");
const places = { marks: document.getElementById("marks"), depth: document.getElementById("depth"), funding: document.getElementById("funding") }; // a pair has no funding
const status = document.getElementById("charts-say");
const DASHES = ["dot", "dash", "dashdot", "longdash", "longdashdot"];
let drawn = null;

const line = (name, x, y, given) => ({ name, x, y, type: "scatter", mode: "lines", hovertemplate: "%{y:,.4~f}<extra>%{fullData.name}</extra>", ...given });
const middle = (bids, asks) => bids.map((bid, number) => (bid === null || asks[number] === null ? null : (bid + asks[number]) / 2));

// Where oracles allow the price to be: their conf as an area, the limit on divergence as its edges.
function band(data) {
  const { at, low, price, high } = data.band;
  if (!at.length) return [];
  const x = [], y = [];
  let first = 0;
  for (let next = 0; next <= at.length; next++) {
    if (next < at.length && low[next] !== null) continue;
    const part = at.slice(first, next);
    x.push(...part, ...part.toReversed(), null);
    y.push(...high.slice(first, next), ...low.slice(first, next).toReversed(), null);
    first = next + 1;
  }
  const area = { name: "oracles ± conf", x, y, type: "scatter", mode: "lines", fill: "toself", fillcolor: color("good").replace(")", ",0.22)").replace("rgb", "rgba"), line: { width: 0 }, hoverinfo: "skip" };
  if (data.divergence_bp_max === null) return [area];
  const edge = (sign, given) => line(`allowed, ${sign > 0 ? "+" : "−"}${data.divergence_bp_max} bp`, at, price.map((one) => (one === null ? null : one * (1 + (sign * data.divergence_bp_max) / 10000))), { line: { width: 1, dash: "dash", color: color("bad") }, ...given });
  return [area, edge(1, {}), edge(-1, { showlegend: false })];
}

// What is near the price decides what is seen: the edges of what is allowed may lie outside.
function seen(lines) {
  const values = lines.flatMap((one) => one.y).filter((one) => one !== null);
  const [low, high] = values.reduce(([least, most], one) => [Math.min(least, one), Math.max(most, one)], [Infinity, -Infinity]);
  const air = 0.08 * (high - low || high * 0.0001);
  return [low - air, high + air];
}

function marks(data) {
  const own = data.quotes;
  if (own.at.length < 2) return say(places.marks, "Nothing was recorded in this time. The recorder keeps a quote each second; it begins with the first one of a feed.");
  const lines = [
    line("middle", own.at, middle(own.bid, own.ask), { line: { width: 1.6, color: color("accent") } }),
    ...(places.funding ? [line("mark", own.at, own.mark, { line: { width: 1.2, color: color("text") } }), line("index", own.at, own.index, { line: { width: 1, color: color("warn") } })] : []),
    ...data.elsewhere.map((one, number) => line(one.name, one.at, one.value, { line: { width: 1, dash: DASHES[number % DASHES.length], color: color("muted") } })),
  ];
  if (data.liquidations.length) {
    const sides = { buy: "triangle-up", sell: "triangle-down" };
    lines.push({
      ...line("liquidations", data.liquidations.map((one) => one.at), data.liquidations.map((one) => one.price)),
      mode: "markers",
      text: data.liquidations.map((one) => `${one.side} ${one.quantity} contracts at ${one.price}`),
      hovertemplate: "%{text}<extra></extra>",
      marker: { size: 7, symbol: data.liquidations.map((one) => sides[one.side]), color: color("bad") },
    });
  }
  const [area, ...edges] = band(data);
  const range = seen(area ? [...lines, area] : lines);
  lines.unshift(...(area ? [area, ...edges] : []));
  const { axis, layout } = base();
  const first = new Date(Math.max(Date.parse(data.from), Math.min(Date.parse(own.at[0]), Date.parse(data.at) - 60000))).toISOString();
  plot(places.marks, lines, {
    ...layout,
    xaxis: { ...axis, type: "date", range: [first, data.at], hoverformat: "%Y-%m-%d %H:%M:%S UTC", tickformat: "%H:%M", showgrid: false, nticks: 8 },
    yaxis: { ...axis, range, tickformat: ",~r", nticks: 7 },
  });
}

function summed(levels) {
  let total = 0;
  return levels.map(([price, quantity]) => [price, (total += quantity)]);
}

function depth(data) {
  const told = document.getElementById("depth-age");
  places.depth.classList.toggle("stale", data.depth !== null && data.depth.age_s > DEPTH_STALE_S);
  told.textContent = data.depth === null ? "no book" : `${data.depth.bids.length} + ${data.depth.asks.length} levels, ${data.depth.age_s.toFixed(1)} s old`;
  if (data.depth === null) return say(places.depth, "There is no book: the feed has none that runs, or the board is away.");
  const side = (name, levels, stroke) =>
    line(name, levels.map(([price]) => price), levels.map(([, total]) => total), { fill: "tozeroy", line: { width: 1.4, shape: "hv", color: color(stroke) } });
  const { axis, layout } = base();
  return plot(places.depth, [side("bids", summed(data.depth.bids).reverse(), "up"), side("asks", summed(data.depth.asks), "down")], {
    ...layout,
    hovermode: "closest",
    xaxis: { ...axis, tickformat: ",~r", showgrid: false, nticks: 5 },
    yaxis: { ...axis, tickformat: ",~s", rangemode: "tozero", nticks: 5 },
  });
}

function funding(data) {
  const { at, rate } = data.funding;
  if (!at.length) return say(places.funding, "No funding rate was recorded. A dated contract has none; of a perpetual it comes with its mark.");
  const { axis, layout } = base();
  const points = line("rate", at, rate.map((each) => each * 10000), { mode: at.length < 3 ? "markers" : "lines", line: { width: 1.4, shape: "hv", color: color("accent") } });
  const from = new Date(Math.min(Date.parse(at[0]), Date.parse(data.at) - 3600000)).toISOString();
  return plot(places.funding, [points], {
    ...layout,
    showlegend: false,
    margin: { ...layout.margin, t: 10 },
    xaxis: { ...axis, type: "date", range: [from, data.at], hoverformat: "%Y-%m-%d %H:%M UTC", tickformat: "%b %d", showgrid: false, nticks: 5 },
    yaxis: { ...axis, tickformat: ",.3~f", rangemode: "tozero", nticks: 5 },
  });
}

function draw(data) {
  drawn = data;
  marks(data);
  depth(data);
  if (places.funding) funding(data);
  const last = data.quotes.at.at(-1);
  const silent = last ? Date.parse(data.at) - Date.parse(last) : 0;
  places.marks.classList.toggle("stale", silent > STALE_MS);
  tell(silent > STALE_MS ? `Stale: the last quote was recorded ${Math.round(silent / 1000)} s ago. Data says how its feed and the recorder do.` : "");
}

function tell(words) {
  status.hidden = !words;
  status.textContent = words;
}

async function refresh() {
  if (document.hidden) return;
  try {
    const answer = await fetch(`${page.dataset.url}?span=${page.dataset.span}`, { signal: AbortSignal.timeout(8000) });
    if (!answer.ok || answer.redirected) throw new Error(`the server answered ${answer.status}`);
    draw(await answer.json());
  } catch (error) {
    const reason = error.name === "TimeoutError" ? "the server took too long" : error.message;
    tell(`The charts could not be read: ${reason}. They are asked for again every few seconds${drawn ? "; what stands here is older" : ""}.`);
  }
}

async function start() {
  try {
    await load();
  } catch (error) {
    for (const place of Object.values(places).filter(Boolean)) say(place, `${error.message}; the numbers above are complete without it.`);
    return;
  }
  await refresh();
  setInterval(refresh, REFRESH_MS);
  onTheme(() => drawn && draw(drawn));
  document.addEventListener("visibilitychange", refresh);
}

start();
