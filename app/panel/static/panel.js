// What the pages cannot do without a script: moments in the viewer's own zone, and charts.
"use strict";

const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

// The page says UTC; the hover text keeps saying it.
function localise(root) {
  for (const time of root.querySelectorAll("time[datetime]:not([data-local])")) {
    time.dataset.local = "";
    time.textContent = MOMENT.format(new Date(time.dateTime));
  }
}

// <div class="chart" data-chart='{"days": ["2026-11-01", …], "series": [{"name": …, "values": […]}, …]}'>
// The same numbers stand in a table below it, for those who cannot see it.
function draw(place) {
  const { days, series } = JSON.parse(place.dataset.chart);
  if (!days.length) return;
  const style = getComputedStyle(document.documentElement);
  const colours = ["--plus", "--pico-primary", "--minus", "--quiet"].map((name) => style.getPropertyValue(name).trim());
  const ink = style.getPropertyValue("--quiet").trim();
  const axis = { stroke: ink, grid: { stroke: style.getPropertyValue("--badge").trim(), width: 1 } };
  const chart = new uPlot(
    {
      width: place.clientWidth,
      height: 240,
      scales: { x: { time: true } },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      axes: [axis, { ...axis, size: 70, values: (_, ticks) => ticks.map((tick) => tick.toLocaleString()) }],
      series: [
        { value: (_, seconds) => (seconds === null ? "–" : new Date(seconds * 1000).toISOString().slice(0, 10)) },
        ...series.map(({ name }, n) => ({ label: name, stroke: colours[n], width: 2, points: { show: days.length < 40 } })),
      ],
    },
    [days.map((day) => Date.parse(day) / 1000), ...series.map(({ values }) => values)],
    place,
  );
  new ResizeObserver(() => chart.setSize({ width: place.clientWidth, height: 240 })).observe(place);
}

localise(document);
new MutationObserver(() => localise(document)).observe(document.body, { childList: true, subtree: true });
document.querySelectorAll(".chart[data-chart]").forEach(draw);
