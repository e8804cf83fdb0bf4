// Chart: net delta with its band, fills and the index price in the last hour, drawn by Plotly when the page has settled.

import { base, color, load, onTheme, plot, say as sayIn } from "./plotting.js";

const REFRESH_MS = 5000;
const MINUTES_MIN = 5; // the shortest span that is drawn
const chart = document.getElementById("chart");
let currency = document.querySelector("[data-currency]")?.dataset.currency;
let drawn = null;

function traces(data) {
  const common = { x: data.at, type: "scatter", mode: "lines", hovertemplate: "%{y:,.3f}<extra>%{fullData.name}</extra>" };
  const price = { ...common, name: "index price", y: data.price, yaxis: "y2", line: { width: 1, color: color("muted") } };
  const delta = { ...common, name: `net delta ${data.currency}`, y: data.net_delta, line: { width: 1.6, color: color("accent") } };
  const colors = { buy: color("up"), sell: color("down") };
  const near = (at) => data.net_delta[data.at.findLastIndex((point) => Date.parse(point) <= Date.parse(at))] ?? null;
  const fills = {
    ...common,
    x: data.fills.map((fill) => fill.at),
    y: data.fills.map((fill) => near(fill.at)),
    text: data.fills.map((fill) => fill.said),
    name: "fills",
    mode: "markers",
    hovertemplate: "%{text}<extra></extra>",
    marker: {
      size: 7,
      symbol: data.fills.map((fill) => (fill.side === "buy" ? "triangle-up" : "triangle-down")),
      color: data.fills.map((fill) => colors[fill.side]),
    },
  };
  return data.fills.length ? [price, delta, fills] : [price, delta];
}

function usual(deltas) {
  // One outlier, like a start before all collateral is read, must not flatten the hour; what goes on is shown whole.
  const sizes = deltas.filter((delta) => delta !== null).map(Math.abs);
  const last = sizes.at(-1) ?? 0;
  const ordered = sizes.sort((a, b) => a - b);
  return Math.max(last, ordered[Math.floor(ordered.length * 0.9)] ?? 0);
}

function beginning(data) {
  // A system that began a moment ago shows its minutes, not an hour of nothing.
  const earliest = Math.max(Date.parse(data.from), Date.parse(data.at[0]));
  return new Date(Math.min(earliest, Date.parse(data.until) - MINUTES_MIN * 60000)).toISOString();
}

function layout(data) {
  const { axis, layout: common } = base();
  const limits = data.band === null ? [] : [data.band, -data.band];
  const reach = Math.max(1.25 * (data.band ?? 0), 1.15 * usual(data.net_delta)) || 1;
  const rule = (y, dash, stroke) => ({ type: "line", xref: "paper", x0: 0, x1: 1, y0: y, y1: y, line: { width: 1, dash, color: stroke } });
  return {
    ...common,
    margin: { l: 40, r: 56, t: 24, b: 20 },
    xaxis: { ...axis, type: "date", range: [beginning(data), data.until], hoverformat: "%H:%M:%S UTC", tickformat: "%H:%M", showgrid: false },
    yaxis: { ...axis, range: [-reach, reach], tickformat: ",~r", nticks: 6 },
    yaxis2: { ...axis, overlaying: "y", side: "right", showgrid: false, tickformat: ",.1f", nticks: 5 },
    shapes: [rule(0, "solid", color("muted")), ...limits.map((limit) => rule(limit, "dash", color("warn")))],
  };
}

function say(words) {
  sayIn(chart, words);
  drawn = null;
}

function draw(data) {
  if (data.at.length < 2) return say("Two seconds of history are needed; the chart draws itself then.");
  drawn = data;
  return plot(chart, traces(data), layout(data));
}

async function refresh() {
  if (document.hidden || !currency) return;
  const asked = currency;
  try {
    const answer = await fetch(`${chart.dataset.url}?currency=${encodeURIComponent(asked)}${chart.dataset.moment ?? ""}`, { signal: AbortSignal.timeout(8000) });
    if (!answer.ok || answer.redirected) throw new Error(`the server answered ${answer.status}`);
    const data = await answer.json();
    if (asked === currency) await draw(data);
  } catch (error) {
    const isSlow = error.name === "TimeoutError" || error.name === "AbortError";
    const reason = isSlow ? "the server took too long" : error.message;
    if (!drawn) say(`The last hour could not be read: ${reason}. It is asked for again every few seconds.`);
  }
}

async function start() {
  try {
    await load();
  } catch (error) {
    say(`${error.message}; the numbers beside are complete without it.`);
    return;
  }
  await refresh();
  if (!chart.dataset.moment) setInterval(refresh, REFRESH_MS);
  onTheme(() => drawn && draw(drawn));
  document.addEventListener("visibilitychange", refresh);
  for (const button of document.querySelectorAll("[data-currency]")) {
    button.addEventListener("click", () => {
      currency = button.dataset.currency;
      for (const each of document.querySelectorAll("[data-currency]")) each.setAttribute("aria-pressed", String(each === button));
      refresh();
    });
  }
}

if (chart) start();
