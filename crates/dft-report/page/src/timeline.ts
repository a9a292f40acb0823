// Calls and telemetry over time, on one axis.

import { Chart, KIND_COLORS, axis, drawnText, tooltip } from "./charts";
import { at } from "./clock";
import type { CounterSeries, Report, TimeSeries } from "./data";
import { choice, details, element, note, section } from "./dom";
import { bytes, count, digits, duration, perSecond } from "./units";

interface Panel {
  title: string;
  /** Lines: name, colour, values for each bin. */
  lines: { name: string; color?: string; values: (number | null)[] }[];
  unit: (value: number) => string;
  stacked: boolean;
}

const PALETTE = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];

/** The counters that a reader looks for first. */
const FIRST = ["cpu", "mem", "net", "disk"];

export function timeline(report: Report): Chart | undefined {
  const { timeline: time, telemetry, io_layer } = report;
  if (time.bins === 0 || (time.series.length === 0 && telemetry.length === 0)) return undefined;
  const place = section("time", "Over time");
  const seconds = time.bin_us / 1e6;
  const categories = [...new Set(time.series.map(({ category }) => category))];
  let category = io_layer ?? categories[0];
  const counters = [...new Set(telemetry.map(({ counter }) => counter))];
  let counter = FIRST.find((name) => counters.includes(name)) ?? counters[0];

  const line = (series: TimeSeries, values: number[]): Panel["lines"][number] => ({
    name: series.kind,
    color: KIND_COLORS[series.kind],
    values,
  });
  const panels = (): Panel[] => {
    const shown = time.series.filter((series) => series.category === category);
    const moved = shown.filter((series) => series.bytes.some((value) => value > 0));
    const made: Panel[] = [];
    if (moved.length > 0) {
      const lines = moved.map((series) => line(series, series.bytes.map((value) => value / seconds)));
      made.push({ title: `${category}: bandwidth`, lines, unit: perSecond, stacked: true });
    }
    if (shown.length > 0) {
      const calls = shown.map((series) => line(series, series.calls.map((value) => value / seconds)));
      made.push({ title: `${category}: calls per second`, lines: calls, unit: digits, stacked: true });
      const flight = shown.map((series) => line(series, series.time_us.map((value) => value / time.bin_us)));
      made.push({ title: `${category}: calls in flight (mean)`, lines: flight, unit: digits, stacked: true });
    }
    const metrics = telemetry.filter((series) => series.counter === counter).slice(0, PALETTE.length);
    if (metrics.length > 0) {
      const lines = metrics.map((series, index) => ({ name: series.metric, color: PALETTE[index], values: series.mean }));
      made.push({ title: `${counter}: mean of the readings of ${hosts(metrics)}`, lines, unit: digits, stacked: false });
    }
    return made;
  };

  const starts = Array.from({ length: time.bins }, (_, bin) => time.start_us + bin * time.bin_us);
  const chart: Chart = new Chart(
    "timeline-chart",
    "Bandwidth, calls per second, calls in flight and telemetry over time",
    (theme) => {
      const shown = panels();
      const narrow = chart.place.clientWidth < 640;
      const height = (chart.place.clientHeight - 60) / Math.max(1, shown.length);
      const head = narrow ? 44 : 24;
      return {
        title: shown.map(({ title }, index) => ({
          text: drawnText(title),
          left: 8,
          top: index * height,
          textStyle: { fontSize: 13, fontWeight: 600, color: theme.text },
        })),
        grid: shown.map((_, index) => ({
          left: 90,
          right: 24,
          top: index * height + head + 4,
          height: height - head - (index === shown.length - 1 ? 20 : 14),
        })),
        xAxis: shown.map((_, index) => ({
          ...axis(theme),
          type: "category",
          gridIndex: index,
          data: starts.map(at),
          axisPointer: { show: true, label: { show: index === shown.length - 1 } },
          axisLabel: { color: theme.quiet, show: index === shown.length - 1, hideOverlap: true },
        })),
        yAxis: shown.map(({ unit }, index) => ({
          ...axis(theme),
          type: "value",
          gridIndex: index,
          splitNumber: 3,
          axisLabel: { color: theme.quiet, formatter: unit },
        })),
        legend: shown.map(({ lines }, index) => ({
          data: lines.map(({ name }) => drawnText(name)),
          ...(narrow ? { left: 4, top: index * height + 18 } : { right: 24, top: index * height }),
          itemWidth: 14,
          itemHeight: 10,
          textStyle: { color: theme.text, fontSize: 12 },
        })),
        axisPointer: { link: [{ xAxisIndex: "all" }] },
        tooltip: tooltip(theme, {
          trigger: "axis",
          formatter: (points: { dataIndex: number }[]) => text(points[0]?.dataIndex ?? 0, shown),
        }),
        dataZoom: [
          { type: "inside", xAxisIndex: "all", filterMode: "none" },
          { type: "slider", xAxisIndex: "all", filterMode: "none", bottom: 4, height: 22, labelFormatter: "" },
        ],
        series: shown.flatMap(({ lines, stacked }, index) =>
          lines.map(({ name, color, values }) => ({
            type: "line",
            name: drawnText(name),
            xAxisIndex: index,
            yAxisIndex: index,
            data: values,
            step: "middle",
            showSymbol: values.length === 1,
            symbol: "circle",
            connectNulls: false,
            itemStyle: { color },
            ...(stacked
              ? { stack: `panel-${index}`, lineStyle: { width: 0 }, areaStyle: { opacity: 0.85 } }
              : { lineStyle: { width: 1.5 } }),
          })),
        ),
      };
    },
    true,
  );

  /** What the pointer is at. */
  const text = (bin: number, shown: Panel[]): string => {
    const lines = [`${at(starts[bin])}, ${duration(time.bin_us)} long`];
    for (const { title, lines: of, unit } of shown) {
      lines.push(drawnText(title));
      for (const { name, values } of of) {
        const value = values[bin];
        if (value !== null && value !== undefined) lines.push(`   ${drawnText(name)}  ${unit(value)}`);
      }
    }
    return lines.join("\n");
  };

  const controls = element("div", { class: "controls" });
  if (categories.length > 1) {
    const options = categories.map((name): [string, string] => [name, name]);
    controls.append(choice("Layer", "time-layer", options, (value) => ((category = value), chart.draw())));
    (controls.querySelector("#time-layer") as HTMLSelectElement).value = category;
  }
  if (counters.length > 1) {
    const options = counters.map((name): [string, string] => [name, name]);
    controls.append(choice("Telemetry", "time-counter", options, (value) => ((counter = value), chart.draw())));
    (controls.querySelector("#time-counter") as HTMLSelectElement).value = counter;
  }
  for (const [name, act] of Object.entries(MOVES)) {
    const button = element("button", { type: "button", "data-move": name }, name);
    button.addEventListener("click", () => move(chart, act));
    controls.append(button);
  }
  chart.place.tabIndex = 0;
  chart.place.addEventListener("keydown", (event) => {
    const act = KEYS[event.key];
    if (act === undefined) return;
    event.preventDefault();
    move(chart, MOVES[act]);
  });
  place.append(
    note(
      `Each point is ${duration(time.bin_us)}. A call counts where its middle is. Drag the slider, turn the wheel, or use ` +
        "the buttons, or the keys +, −, ←, → and 0 on the chart.",
    ),
    controls,
    chart.place,
    details("The same as a table", "time-table", () => numbers(time.series.filter((series) => series.category === category), starts)),
  );
  return chart;
}

const hosts = (series: CounterSeries[]): string => {
  const most = Math.max(...series.map((one) => one.hosts));
  return most === 1 ? "1 host" : `${count(most)} hosts`;
};

type Act = (start: number, end: number) => [number, number];

const MOVES: Record<string, Act> = {
  "Zoom in": (start, end) => [start + (end - start) / 4, end - (end - start) / 4],
  "Zoom out": (start, end) => [start - (end - start) / 2, end + (end - start) / 2],
  Earlier: (start, end) => [start - (end - start) / 4, end - (end - start) / 4],
  Later: (start, end) => [start + (end - start) / 4, end + (end - start) / 4],
  All: () => [0, 100],
};

const KEYS: Record<string, string> = {
  "+": "Zoom in",
  "=": "Zoom in",
  "-": "Zoom out",
  ArrowLeft: "Earlier",
  ArrowRight: "Later",
  "0": "All",
};

function move(chart: Chart, act: Act): void {
  const drawn = chart.chart;
  if (drawn === undefined) return;
  const [{ start, end }] = (drawn.getOption() as { dataZoom: { start: number; end: number }[] }).dataZoom;
  let [from, to] = act(start, end);
  const length = Math.min(100, to - from);
  from = Math.max(0, Math.min(from, 100 - length));
  to = from + length;
  drawn.dispatchAction({ type: "dataZoom", start: from, end: to });
}

/** The bins of a layer with any call, as a table. */
function numbers(series: TimeSeries[], starts: number[]): HTMLElement {
  const heads = ["Time", ...series.flatMap(({ kind }) => [`${kind}: calls`, "time", "bytes"])];
  const rows = starts
    .map((start, bin) => ({ start, bin }))
    .filter(({ bin }) => series.some(({ calls }) => calls[bin] > 0))
    .map(({ start, bin }) =>
      element(
        "tr",
        {},
        element("th", { scope: "row" }, at(start)),
        ...series.flatMap(({ calls, time_us, bytes: size }) =>
          [count(calls[bin]), duration(time_us[bin]), bytes(size[bin])].map((text) => element("td", {}, text)),
        ),
      ),
    );
  return element(
    "div",
    { class: "scroll" },
    element(
      "table",
      {},
      element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", { scope: "col" }, head)))),
      element("tbody", {}, ...rows),
    ),
  );
}
