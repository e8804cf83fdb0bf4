// PnL: the day's change of the net asset value as a waterfall and as stacked bars, drawn by Plotly and asked for again.

import { HUES, base, color, load, onTheme, plot, say } from "./plotting.js";

const REFRESH_MS = 15000;
const NONE = "No minute of this day is attributed yet. The first one ends with the first marks of the next minute.";
const REST = "unexplained rest";
const page = document.getElementById("pnl");
const places = { waterfall: document.getElementById("waterfall"), minutes: document.getElementById("minutes") };
const status = document.getElementById("charts-say");
let drawn = null;

const dollars = "%{y:+,.2f} USD";

function waterfall(data) {
  if (!data.waterfall.length) return say(places.waterfall, NONE);
  const { axis, layout } = base();
  const steps = {
    type: "waterfall",
    x: [...data.waterfall.map((one) => one.name), "change"],
    y: [...data.waterfall.map((one) => one.usd), 0],
    measure: [...data.waterfall.map(() => "relative"), "total"],
    hovertemplate: `%{x}: %{delta:+,.2f} USD<extra></extra>`,
    increasing: { marker: { color: color("accent") } },
    decreasing: { marker: { color: HUES[1] } },
    totals: { marker: { color: color("muted") } },
    connector: { line: { color: color("line"), width: 1 } },
  };
  return plot(places.waterfall, [steps], {
    ...layout,
    showlegend: false,
    hovermode: "closest",
    margin: { ...layout.margin, t: 10, b: 84, l: 70 },
    xaxis: { ...axis, type: "category", tickangle: -40, showgrid: false },
    yaxis: { ...axis, tickformat: ",.2~f", zeroline: true, zerolinecolor: color("muted") },
  });
}

function minutes(data) {
  if (!data.bars.length) return say(places.minutes, NONE);
  const { axis, layout } = base();
  const bars = Object.entries(data.series).map(([name, y], number) => ({
    name,
    x: data.bars,
    y,
    type: "bar",
    marker: { color: name === REST ? color("bad") : HUES[number % HUES.length] },
    hovertemplate: `${dollars}<extra>%{fullData.name}</extra>`,
  }));
  return plot(places.minutes, bars, {
    ...layout,
    barmode: "relative",
    bargap: 0.05,
    margin: { ...layout.margin, l: 70, t: 56 },
    xaxis: { ...axis, type: "date", hoverformat: "%H:%M UTC", tickformat: "%H:%M", showgrid: false, nticks: 6 },
    yaxis: { ...axis, tickformat: ",.2~f", zeroline: true, zerolinecolor: color("muted") },
  });
}

function draw(data) {
  drawn = data;
  waterfall(data);
  minutes(data);
  status.textContent = "";
}

async function refresh() {
  if (document.hidden) return;
  try {
    const answer = await fetch(page.dataset.url, { signal: AbortSignal.timeout(12000) });
    if (!answer.ok || answer.redirected) throw new Error(`the server answered ${answer.status}`);
    draw(await answer.json());
  } catch (error) {
    const reason = error.name === "TimeoutError" ? "the server took too long" : error.message;
    status.textContent = `The charts could not be read: ${reason}. They are asked for again${drawn ? "; what stands here is older" : ""}.`;
  }
}

async function start() {
  try {
    await load();
  } catch (error) {
    for (const place of Object.values(places)) say(place, `${error.message}; the tables below are complete without it.`);
    return;
  }
  await refresh();
  if (!("past" in page.dataset)) setInterval(refresh, REFRESH_MS);
  onTheme(() => drawn && draw(drawn));
  document.addEventListener("visibilitychange", refresh);
}

if (page) start();
