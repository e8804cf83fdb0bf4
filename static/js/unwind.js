// Unwind run: the hot balance, the hedge that is left, what each margin has over and what closing costs, hour by hour.

import { HUES, base, load, onPicture, onTheme, plot, say } from "./plotting.js";

const places = document.querySelectorAll("[data-chart]");
const said = document.getElementById("unwind-say");
const told = document.getElementById("unwind-charts");

const CHARTS = {
  balances: [["hot_usd", "hot balance"], ["hedge_left_usd", "hedge left"], ["waiting_usd", "redemptions waiting"]],
  slippage: [["slippage_total_usd", "slippage"]],
};

// A line for each margin, or those that the chart always has.
function lines(chart, data) {
  if (chart === "headrooms") return data.headrooms;
  return CHARTS[chart].map(([name, title]) => ({ name: title, values: data[name] }));
}

function charts() {
  const data = JSON.parse(told.textContent);
  for (const place of places) {
    if (!data.hour.length) {
      say(place, "Nothing is redeemed: there is nothing to draw.");
      continue;
    }
    if (place.dataset.chart === "headrooms" && !data.headrooms.length) {
      say(place, "No margin: there is nothing to draw.");
      continue;
    }
    const { axis, layout } = base();
    const traces = lines(place.dataset.chart, data).map(({ name, values }, number) => ({
      name, x: data.hour, y: values, type: "scatter", mode: "lines",
      line: { width: 1.6, color: HUES[number % HUES.length] }, hovertemplate: "%{y:,.0f}<extra>%{fullData.name}</extra>",
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
