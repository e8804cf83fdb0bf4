// Plotting: what every page with charts shares: Plotly under the policy, the theme's colors, a sentence instead of a chart.

// Series of a chart, apart by hue and by lightness; none has the color of a warning.
export const HUES = ["#4c8dd6", "#e0903a", "#3fa796", "#b06fc9", "#8a9a3b", "#c9657a", "#5b6fb5", "#a58252", "#4fb0c6", "#8c8c8c", "#d0b23f", "#6fae5c", "#7d5ba6", "#b5523b"];

export const script = document.querySelector("script[data-plotly]");

export function load() {
  // Plotly writes style elements; the policy wants a nonce on each.
  const create = document.createElement.bind(document);
  document.createElement = (name, options) => {
    const element = create(name, options);
    if (name.toLowerCase() === "style") element.nonce = script.nonce;
    return element;
  };
  return new Promise((resolve, reject) => {
    const tag = create("script");
    tag.src = script.dataset.plotly;
    tag.onload = resolve;
    tag.onerror = () => reject(new Error("Plotly could not be loaded"));
    document.head.append(tag);
  });
}

export function color(name) {
  // Plotly reads neither oklch() nor light-dark(); a pixel is plain red, green and blue.
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  canvas.fillStyle = getComputedStyle(probe).color;
  probe.remove();
  canvas.fillRect(0, 0, 1, 1);
  return `rgb(${[...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)].join(",")})`;
}

export function base() {
  const line = color("line");
  const text = color("muted");
  const axis = { gridcolor: line, zeroline: false, tickfont: { size: 10 }, automargin: false, fixedrange: true };
  const layout = {
    margin: { l: 56, r: 16, t: 24, b: 20 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: 11, color: text },
    showlegend: true,
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", bgcolor: "rgba(0,0,0,0)", font: { size: 10 } },
    hovermode: "x unified",
    hoverlabel: { bgcolor: color("raised"), bordercolor: line, font: { color: color("text"), size: 11 } },
  };
  return { axis, layout };
}

export function say(chart, words) {
  const paragraph = document.createElement("p");
  paragraph.textContent = words;
  if (chart.dataset.drawn) Plotly.purge(chart);
  delete chart.dataset.drawn;
  chart.replaceChildren(paragraph);
  offer(chart, false);
}

// What is drawn can be had as a picture, by a button in its panel.
function offer(chart, isDrawn) {
  const button = chart.closest(".panel")?.querySelector("[data-png]");
  if (button) button.hidden = !isDrawn;
}

// A picture has a ground of its own: on a page of another color nobody could read the axes.
export function onPicture(tell) {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-png]");
    if (!button) return;
    const chart = button.closest(".panel").querySelector("[data-drawn]");
    if (!chart) return;
    const ground = color("panel");
    const layout = { ...chart.layout, paper_bgcolor: ground, plot_bgcolor: ground };
    const size = { width: chart.clientWidth, height: chart.clientHeight, scale: 2 };
    try {
      await Plotly.downloadImage({ data: chart.data, layout }, { ...size, format: "png", filename: button.dataset.png });
      tell("");
    } catch (error) {
      tell(`The picture could not be made: ${error.message ?? error}.`);
    }
  });
}

export function plot(chart, traces, layout) {
  if (!chart.dataset.drawn) chart.replaceChildren();
  chart.dataset.drawn = "yes";
  offer(chart, true);
  return Plotly.react(chart, traces, layout, { displayModeBar: false, responsive: true });
}

export function onTheme(repaint) {
  document.addEventListener("screen:theme", repaint);
  matchMedia("(prefers-color-scheme: light)").addEventListener("change", repaint);
}
