// The sizes and durations of requests.

import { Chart, KIND_COLORS, axis, tooltip } from "./charts";
import type { Distribution, Kind, Report } from "./data";
import { element, note, section } from "./dom";
import { binName, bytes, count, digits, duration, or, share } from "./units";

/** The calls of each bin from the first to the last that has any, by kind. */
function bars(kinds: { kind: string; of: Distribution }[], unit: (value: number) => string): { names: string[]; series: { kind: string; values: number[] }[] } {
  const powers = kinds.flatMap(({ of }) => of.bins.map(([power]) => power));
  if (powers.length === 0) return { names: [], series: [] };
  const [low, high] = [Math.min(...powers), Math.max(...powers)];
  const all = Array.from({ length: high - low + 1 }, (_, index) => low + index);
  return {
    names: all.map((power) => binName(power, unit)),
    series: kinds.map(({ kind, of }) => {
      const known = new Map(of.bins.map(([power, calls]) => [power, calls]));
      return { kind, values: all.map((power) => known.get(power) ?? 0) };
    }),
  };
}

function histogram(id: string, label: string, kinds: { kind: string; of: Distribution }[], unit: (value: number) => string): Chart {
  const { names, series } = bars(kinds, unit);
  return new Chart(id, label, (theme) => ({
    legend: { top: 0, right: 0, textStyle: { color: theme.text } },
    grid: { left: 70, right: 12, top: 34, bottom: 44 },
    xAxis: { ...axis(theme), type: "category", data: names, name: "from", nameLocation: "middle", nameGap: 28 },
    yAxis: { ...axis(theme), type: "value", axisLabel: { color: theme.quiet, formatter: digits } },
    tooltip: tooltip(theme, { trigger: "axis", valueFormatter: (value: number) => `${count(value)} calls` }),
    series: series.map(({ kind, values }) => ({
      type: "bar",
      name: kind,
      stack: "calls",
      data: values,
      itemStyle: { color: KIND_COLORS[kind] },
    })),
  }));
}

/** How far the calls of a distribution are known. */
function unknown(kinds: { of: Distribution }[], sketches: boolean): string {
  const all = kinds.reduce((sum, { of }) => sum + of.samples, 0);
  const missing = kinds.reduce((sum, { of }) => sum + of.unknown, 0);
  const texts = [];
  if (kinds.some(({ of }) => of.sketched)) texts.push("Counts are within the accuracy of the index's sketches.");
  if (missing > 0) {
    texts.push(
      `${share(missing, all)} of the calls are not in the chart: the index knows only the sum and the extremes of theirs` +
        (sketches ? ", as the tracer aggregated them." : ". An index with sketches (dft index --percentiles) knows all."),
    );
  }
  return texts.join(" ");
}

export function requests(report: Report): Chart[] {
  const io = report.layers.find(({ category }) => category === report.io_layer);
  if (io === undefined) return [];
  const place = section("requests", "Requests");
  place.append(note(`Calls of ${io.category}, by powers of two: the bar at 4 KiB has requests from 4 KiB to less than 8 KiB.`));
  const charts: Chart[] = [];
  const pair = element("div", { class: "pair" });
  const sized = io.kinds.filter(({ sizes }) => sizes.samples > 0).map(({ kind, sizes }) => ({ kind, of: sizes }));
  const timed = io.kinds.filter(({ durations }) => durations.samples > 0).map(({ kind, durations }) => ({ kind, of: durations }));
  const add = (id: string, title: string, kinds: typeof sized, unit: (value: number) => string): void => {
    if (kinds.length === 0) return;
    const chart = histogram(id, `${title}: calls by power of two`, kinds, unit);
    charts.push(chart);
    pair.append(element("div", {}, element("h3", {}, title), chart.place, note(unknown(kinds, report.job.has_sketches))));
  };
  add("size-chart", "Sizes", sized, bytes);
  add("duration-chart", "Durations", timed, duration);
  place.append(pair, numbers(io.kinds));
  return charts;
}

/** A share of calls that is between two numbers. */
function between(least: number, most: number, all: number): string {
  return least === most ? share(least, all) : `${share(least, all)} to ${share(most, all)}`;
}

function numbers(kinds: Kind[]): HTMLElement {
  const quantiles = kinds.some(({ durations }) => durations.quantiles.length > 0);
  const names = quantiles ? ["5 %", "median", "95 %", "99 %"] : [];
  const heads = ["Kind", "Sizes: calls", "lowest", "mean", "highest", "below 4 KiB", "below 1 MiB", ...names, "Durations: shortest", "mean", "longest", ...names];
  const of = ({ quantiles }: Distribution, unit: (value: number) => string): string[] =>
    names.length === 0 ? [] : [0.05, 0.5, 0.95, 0.99].map((q) => or(quantiles.find(([of]) => of === q)?.[1], unit));
  const rows = kinds.map(({ kind, sizes, durations }) => {
    const below = sizes.below.map(([, least, most]) => (sizes.samples > 0 ? between(least, most, sizes.samples) : "–"));
    const texts = [
      sizes.samples > 0 ? count(sizes.samples) : "–",
      or(sizes.min, bytes),
      or(sizes.mean, bytes),
      or(sizes.max, bytes),
      ...below,
      ...of(sizes, bytes),
      or(durations.min, duration),
      or(durations.mean, duration),
      or(durations.max, duration),
      ...of(durations, duration),
    ];
    return element("tr", {}, element("td", { class: "text" }, kind), ...texts.map((text) => element("td", {}, text)));
  });
  return element(
    "div",
    { class: "scroll", id: "request-table" },
    element(
      "table",
      {},
      element("caption", {}, "Sizes are those of calls that returned one. A range is what the index can tell."),
      element("thead", {}, element("tr", {}, ...heads.map((head, index) => element("th", { scope: "col", class: index === 0 ? "text" : "number" }, head)))),
      element("tbody", {}, ...rows),
    ),
  );
}
