// Scenarios: what the form says is asked for as soon as it is said, drawn, and kept in the page's link.

import { HUES, base, color, load, onPicture, onTheme, plot, say } from "./plotting.js";

const WAIT_MS = 120; // after the last touch of a slider
const form = document.getElementById("scenario");
const drawn = document.getElementById("drawn");
const said = document.getElementById("scenario-say");
const AREA = "59"; // a third of a color, as two digits behind its six
let timer = 0;
let asked = 0;
let canPlot = false;

function query() {
  const kept = new URLSearchParams();
  for (const field of form.elements) {
    if (!field.name || (field.type === "radio" && !field.checked)) continue;
    const value = field.value.trim();
    if (value !== (field.dataset.default ?? "")) kept.set(field.name, value);
  }
  return kept.toString();
}

function axes(data) {
  const { axis, layout } = base();
  const rule = (x, stroke, dash) => ({ type: "line", yref: "paper", y0: 0, y1: 1, x0: x, x1: x, line: { width: 1, dash, color: stroke } });
  return {
    axis,
    rule,
    layout: {
      ...layout,
      margin: { ...layout.margin, b: 28 },
      xaxis: { ...axis, range: [-100, 400], ticksuffix: " %", showgrid: false, hoverformat: "+.1f", fixedrange: false },
      shapes: [rule(data.x, color("accent"), "dot")],
    },
  };
}

const line = (one, data, number) => ({ name: one.name, x: data.moves, y: one.values, type: "scatter", mode: "lines", line: { width: 1.6, color: HUES[number % HUES.length] }, hovertemplate: "%{y:,.1f}<extra>%{fullData.name}</extra>" });

// What is owed lies below zero: each side is stacked by itself.
function composition(place, data) {
  const { axis, layout } = axes(data);
  const traces = data.composition.flatMap((one, number) =>
    [["held", (value) => Math.max(0, value)], ["owed", (value) => Math.min(0, value)]].map(([group, part]) => ({
      ...line(one, data, number),
      y: one.values.map((value) => (value === null ? null : part(value))),
      stackgroup: group,
      legendgroup: one.name,
      showlegend: group === "held",
      hoverinfo: "skip",
      hovertemplate: undefined,
      fillcolor: HUES[number % HUES.length] + AREA,
    })).filter((trace) => trace.stackgroup === "held" || trace.y.some((value) => value < 0)),
  );
  const shares = data.composition.map((one, number) => ({ ...line(one, data, number), line: { width: 0 }, showlegend: false, hovertemplate: "%{y:,.1f} %<extra>%{fullData.name}</extra>" }));
  return plot(place, [...traces, ...shares], { ...layout, yaxis: { ...axis, ticksuffix: " %", nticks: 7 } });
}

function unrealized(place, data) {
  if (!data.unrealized.length) return say(place, "No position, no profit.");
  const { axis, layout } = axes(data);
  return plot(place, data.unrealized.map((one, number) => line(one, data, number)), { ...layout, yaxis: { ...axis, tickformat: ",~s", nticks: 7 } });
}

function ratios(place, data) {
  if (!data.ratios.length) return say(place, "No position, no margin.");
  const { axis, layout, rule } = axes(data);
  const limit = { type: "line", xref: "paper", x0: 0, x1: 1, y0: 100, y1: 100, line: { width: 1, dash: "dash", color: color("bad") } };
  const ends = data.liquidations.filter((one) => one.move <= 400).map((one) => rule(one.move, color("bad"), "dot"));
  return plot(place, data.ratios.map((one, number) => line(one, data, number)), { ...layout, shapes: [...layout.shapes, limit, ...ends], yaxis: { ...axis, ticksuffix: " %", range: [0, 120], nticks: 7 } });
}

function heat(place, data) {
  const { second, moves, others, change, ratio } = data.heat;
  if (!change.length) return say(place, "The whole is worth nothing: there is no change of it.");
  const { axis, layout } = base();
  const reach = Math.max(0.01, ...change.flat().map((value) => Math.abs(value ?? 0)));
  const scale = [[0, color("down")], [0.5, color("panel")], [1, color("up")]];
  const trace = {
    type: "heatmap", x: moves, y: others, z: change, customdata: ratio, zmin: -reach, zmax: reach, colorscale: scale,
    showscale: false, // the color bar and cells without gaps write style attributes, which the policy refuses
    xgap: 1,
    ygap: 1,
    hovertemplate: `price %{x:+.0f} %, ${second} %{y:+.1f} %<br>whole %{z:+.2f} %<br>worst margin ratio %{customdata:.1f} %<extra></extra>`,
  };
  const told = { text: `orange −${reach.toPrecision(3)} % · blue +${reach.toPrecision(3)} %`, showarrow: false, xref: "paper", yref: "paper", x: 1, y: 1.02, xanchor: "right", yanchor: "bottom", font: { size: 10 } };
  return plot(place, [trace], { ...layout, annotations: [told], hovermode: "closest", margin: { ...layout.margin, b: 28 }, xaxis: { ...axis, ticksuffix: " %" }, yaxis: { ...axis, ticksuffix: " %", title: { text: second, font: { size: 10 } } } });
}

const CHARTS = { composition, unrealized, ratios, heat };

function charts() {
  const told = document.getElementById("scenario-charts");
  if (!told || !canPlot) return;
  const data = JSON.parse(told.textContent);
  for (const place of drawn.querySelectorAll("[data-chart]")) CHARTS[place.dataset.chart](place, data);
}

function tell(words) {
  said.hidden = !words;
  said.textContent = words;
  drawn.classList.toggle("stale", Boolean(words));
}

function picture(words) {
  said.hidden = !words;
  said.textContent = words;
}

async function ask() {
  const link = query();
  const turn = ++asked;
  try {
    const answer = await fetch(`${form.dataset.drawn}?${link}`, { signal: AbortSignal.timeout(20000) });
    if (answer.redirected || answer.status >= 500) throw new Error(`the server answered ${answer.status}`);
    const words = await answer.text();
    if (turn !== asked) return;
    tell("");
    for (const place of drawn.querySelectorAll("[data-drawn]")) Plotly.purge(place);
    drawn.innerHTML = words;
    history.replaceState(null, "", link ? `?${link}` : location.pathname);
    document.getElementById("share").href = `?${link}`;
    for (const each of document.querySelectorAll("[data-asked]")) each.value = link;
    charts();
  } catch (error) {
    if (turn !== asked) return;
    const reason = error.name === "TimeoutError" ? "the server took too long" : error.message;
    tell(`This scenario could not be computed: ${reason}. What stands below is the one before.`);
  }
}

function outputs() {
  for (const each of form.querySelectorAll("[data-of]")) each.textContent = form.elements[each.dataset.of].value;
}

form.addEventListener("input", (event) => {
  outputs();
  if (event.target.name === "book") return void location.assign(`?${query()}`);
  clearTimeout(timer);
  timer = setTimeout(ask, WAIT_MS);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
for (const button of form.querySelectorAll("[data-x]")) {
  button.addEventListener("click", () => {
    form.elements.x.value = (100 * Number(button.dataset.x)).toFixed(1);
    form.elements.moves.value = ""; // in history no asset moved by what was typed before
    outputs();
    ask();
  });
}

async function start() {
  outputs();
  try {
    await load();
    canPlot = true;
  } catch (error) {
    for (const place of drawn.querySelectorAll("[data-chart]")) say(place, `${error.message}; the tables are complete without it.`);
    return;
  }
  charts();
  onTheme(charts);
  onPicture(picture);
}

start();
