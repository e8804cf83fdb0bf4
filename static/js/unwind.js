// Unwind run: the hot balance, the hedge that is left and what closing it has cost, hour by hour.

import { HUES, base, load, onPicture, onTheme, plot, say } from "./plotting.js";

const places = document.querySelectorAll("[data-chart]");
const said = document.getElementById("unwind-say");
const told = document.getElementById("unwind-charts");

const CHARTS = {
  balances: [["hot_usd", "hot balance"], ["hedge_left_usd", "hedge left"], ["waiting_usd", "redemptions waiting"]],
  slippage: [["slippage_total_usd", "slippage"]],
};

function charts() {
  const data = JSON.parse(told.textContent);
  for (const place of places) {
    if (!data.hour.length) {
      say(place, "Nothing is redeemed: there is nothing to draw.");
      continue;
    }
    const { axis, layout } = base();
    const traces = CHARTS[place.dataset.chart].map(([name, title], number) => ({
      name: title, x: data.hour, y: data[name], type: "scatter", mode: "lines",
      line: { width: 1.6, color: HUES[number] }, hovertemplate: "%{y:,.0f}<extra>%{fullData.name}</extra>",
    }));
    plot(place, traces, {
      ...layout,
      margin: { ...layout.margin, b: 28 },
      xaxis: { ...axis, ticksuffix: " h", showgrid: false, hoverformat: ".0f" },
      yaxis: { ...axis, tickformat: ",~s", nticks: 7, rangemode: "tozero" },
    });
  }
}

async function start() {
  if (!told) return;
  try {
    await load();
  } catch (error) {
    for (const place of places) say(place, `${error.message}; the tables are complete without it.`);
    return;
  }
  charts();
  onTheme(charts);
  onPicture((words) => {
    said.hidden = !words;
    said.textContent = words;
  });
}

start();
