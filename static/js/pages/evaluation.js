// The page of an evaluation: its dialogs, and the frames by uncertainty as a chart, coloured as the viewer colours points.

import { showChart } from "../charts/echart.js";
import "../explorer/dialogs.js";
import { cssColour, uncertaintyColour } from "../viewer/colours.js";

const short = (value) => Number(value.toPrecision(3)).toString();

function histogram(host) {
  const { edges, counts, mean, p95, frames } = JSON.parse(document.getElementById(host.dataset.histogram).textContent);
  const [low, high] = [edges[0], edges.at(-1)];
  const names = counts.map((_, place) => `${short(edges[place])}–${short(edges[place + 1])}`);
  const colour = (bucket) => cssColour(uncertaintyColour((bucket + 0.5) / counts.length));
  const option = (_, ink) => ({
    grid: { left: 12, right: 16, top: 34, bottom: 12, containLabel: true },
    tooltip: {
      trigger: "axis",
      axisPointer: { type: "shadow" },
      formatter: ([bar]) => `${bar.name}\n${bar.value.toLocaleString("en")} frames, ${short((100 * bar.value) / frames)} %`,
    },
    xAxis: { type: "category", data: names, name: "uncertainty of a frame", nameLocation: "middle", nameGap: 30 },
    yAxis: { type: "value", name: "frames", minInterval: 1 },
    series: [
      {
        type: "bar",
        barCategoryGap: "8%",
        data: counts.map((value, bucket) => ({ value, itemStyle: { color: colour(bucket), borderRadius: [3, 3, 0, 0] } })),
      },
      {
        // A line of values between buckets: a second, hidden axis carries it.
        type: "scatter",
        xAxisIndex: 1,
        data: [],
        markLine: {
          silent: true,
          symbol: "none",
          lineStyle: { color: ink.text, type: "dashed" },
          label: { color: ink.text, formatter: ({ name, value }) => `${name} ${short(value)}` },
          data: [
            { name: "mean", xAxis: mean },
            { name: "p95", xAxis: p95 },
          ],
        },
      },
    ],
  });
  const both = (colours, ink) => {
    const found = option(colours, ink);
    return { ...found, xAxis: [found.xAxis, { type: "value", min: low, max: high, show: false }] };
  };
  const rows = [["from", "to", "frames"], ...counts.map((count, bucket) => [edges[bucket], edges[bucket + 1], count])];
  showChart(host, both, { title: host.dataset.title, csv: rows });
}

for (const host of document.querySelectorAll("[data-histogram]")) histogram(host);
