// The page of several runs: side by side, differences first.

import { Chart, axis, drawnText, tooltip } from "./charts";
import { at } from "./clock";
import type { Change, Compared, ComparedRow, Comparison, Distribution, Run, RunNumbers, Welch } from "./data";
import { byId, element, note, section } from "./dom";
import { type Column, table } from "./table";
import { binName, bytes, count, digits, duration, or, perSecond, plural, sentence, share } from "./units";

const COLORS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];

/** The letter of a run. */
const letter = (run: number): string => String.fromCharCode(65 + run);

const color = (run: number): string => COLORS[run % COLORS.length];

/** The busy time of a row in a run, or the sum of its durations where busy times are not known. */
const time = (numbers: RunNumbers | null): number | null => numbers?.busy_us ?? numbers?.time_us ?? null;

function signed(change: number, unit: (value: number) => string): string {
  return change === 0 ? "0" : `${change > 0 ? "+" : "−"}${unit(Math.abs(change))}`;
}

/** As crates/dft-analyze/src/compare/welch.rs has it. */
const isBeyondNoise = ({ p, effect_size }: Welch): boolean => p < 0.01 && Math.abs(effect_size) >= 0.2;

const ratio = (value: number): string => `${digits(value)}×`;

export function compared(report: Compared): Chart[] {
  byId("subtitle").textContent = report.runs.map(({ name }, run) => `${letter(run)}: ${name}`).join("   ");
  document.title = `${report.runs.map(({ name }) => name).join(", ")} – I/O report`;
  faults(report.runs);
  differences(report);
  const charts = [layers(report.layers), timelines(report.runs)];
  charts.push(...requests(report.runs));
  functions(report);
  findings(report.runs);
  return charts.filter((chart) => chart !== undefined);
}

function faults(runs: Run[]): void {
  const lines = runs.flatMap(({ faults }, run) => faults.map((fault) => element("li", {}, `${letter(run)}: ${fault}`)));
  if (lines.length === 0) return;
  byId("main").append(
    element("div", { class: "faults", id: "faults", role: "note" }, element("strong", {}, "The traces have faults, so numbers may be incomplete"), element("ul", {}, ...lines)),
  );
}

/** The columns of a row: the numbers of each run, and the changes from the first. */
function columns(what: string, comparison: Comparison): Column<ComparedRow>[] {
  const of = (title: string, run: number, value: (numbers: RunNumbers | null) => number | null, unit: (value: number) => string): Column<ComparedRow> => ({
    title: `${letter(run)} ${title}`,
    text: (row) => or(value(row.runs[run]), unit),
    value: (row) => value(row.runs[run]),
  });
  const changes = (run: number): Column<ComparedRow>[] => {
    const change = (row: ComparedRow): Change | undefined => row.changes[run - 1];
    const name = comparison.runs.length > 2 ? `${letter(run)} ` : "";
    return [
      { title: `${name}change`, text: (row) => or(change(row)?.time_us, (us) => signed(us, duration)), value: (row) => Math.abs(change(row)?.time_us ?? 0) },
      { title: `${name}ratio`, text: (row) => or(change(row)?.time_ratio, ratio), value: (row) => change(row)?.time_ratio ?? null },
      { title: `${name}mean of a call`, text: (row) => or(change(row)?.mean_ratio, ratio), value: (row) => change(row)?.mean_ratio ?? null },
      {
        title: `${name}beyond noise`,
        text: (row) => or(change(row)?.welch, (welch) => `${isBeyondNoise(welch) ? "yes" : "no"} (p ${welch.p < 1e-4 ? "< 0.0001" : `= ${digits(welch.p)}`})`),
        value: (row) => {
          const welch = change(row)?.welch;
          return welch ? Number(isBeyondNoise(welch)) : null;
        },
      },
    ];
  };
  const runs = comparison.runs.map((_, run) => run);
  return [
    { title: what, text: (row) => row.name },
    ...runs.map((run) => of("time", run, time, duration)),
    ...runs.slice(1).flatMap(changes),
    ...runs.map((run) => of("calls", run, (numbers) => numbers?.calls ?? null, count)),
    ...runs.map((run) => of("bytes", run, (numbers) => numbers?.bytes ?? null, bytes)),
  ];
}

function differences({ layers, filter, runs }: Compared): void {
  const place = section("differences", "What changed");
  const { preset, job, conditions } = layers;
  const tiles = job.runs.map((numbers, run) =>
    element("div", { class: "tile" }, element("b", {}, or(time(numbers), duration)), element("span", {}, `${letter(run)}: ${plural(runs[run].job.calls, "call")}, ${plural(runs[run].job.processes, "process", "processes")}`)),
  );
  for (const [index, change] of job.changes.entries()) {
    tiles.push(element("div", { class: "tile" }, element("b", {}, or(change.time_ratio, ratio)), element("span", {}, `time of ${letter(index + 1)} over that of A`)));
  }
  place.append(element("div", { class: "tiles" }, ...tiles));
  if (filter !== null) place.append(note(`Only: ${filter}.`));
  place.append(
    note(
      `Layers of the preset ${preset.name} (${preset.title}). The time of a layer is that in which any process is busy with it. A change is ` +
        "beyond noise if the mean durations of calls differ by more than the calls of one run do: Welch's test, p below 0.01, and at least a small effect.",
    ),
    table<ComparedRow>([job, ...layers.rows], columns("Layer", layers), { id: "layer-changes", caption: "The job and its layers, the greatest change of time first." }),
  );
  for (const { condition, holds, values } of conditions) {
    place.append(element("p", { class: "condition" }, `${condition}: ${holds ? "holds" : "does not hold"} (${values.map(digits).join(", ")})`));
  }
}

function layers({ rows }: Comparison): Chart | undefined {
  const known = rows.filter(({ runs }) => runs.some((numbers) => time(numbers) !== null));
  if (known.length === 0) return undefined;
  const chart: Chart = new Chart("layers-chart", "The time of each layer in each run", (theme) => ({
    legend: { top: 0, right: 0, textStyle: { color: theme.text } },
    grid: { left: 170, right: 30, top: 30, bottom: 30 },
    xAxis: { ...axis(theme), type: "value", axisLabel: { color: theme.quiet, formatter: duration } },
    yAxis: {
      ...axis(theme),
      type: "category",
      inverse: true,
      data: known.map(({ name }) => drawnText(name)),
      axisLabel: { color: theme.text, width: 155, overflow: "truncate" },
    },
    tooltip: tooltip(theme, { trigger: "axis", valueFormatter: duration }),
    series: known[0].runs.map((_, run) => ({
      type: "bar",
      name: letter(run),
      itemStyle: { color: color(run) },
      data: known.map(({ runs }) => time(runs[run]) ?? 0),
    })),
  }), known.length > 8);
  byId("differences").append(chart.place);
  return chart;
}

/** The bandwidth of each run's I/O, or its calls, from its own start. */
function timelines(runs: Run[]): Chart | undefined {
  const drawn = runs.filter(({ timeline }) => timeline.series.length > 0);
  if (drawn.length === 0) return undefined;
  const place = section("time", "Over time");
  const of = ({ timeline, io_layer }: Run): { unit: (value: number) => string; what: string; points: [number, number][] } => {
    const category = io_layer ?? timeline.series[0].category;
    const series = timeline.series.filter((one) => one.category === category);
    const moves = series.some(({ bytes: moved }) => moved.some((value) => value > 0));
    const seconds = timeline.bin_us / 1e6;
    const points = Array.from({ length: timeline.bins }, (_, bin): [number, number] => {
      const sum = series.reduce((sum, one) => sum + (moves ? one.bytes[bin] : one.calls[bin]), 0);
      return [(bin * timeline.bin_us) / 1e6, sum / seconds];
    });
    return { unit: moves ? perSecond : digits, what: `${category}: ${moves ? "bandwidth" : "calls per second"}`, points };
  };
  const panels = runs.map(of);
  const last = Math.max(...panels.flatMap(({ points }) => points.map(([x]) => x)), 1);
  const highest = roundedUp(Math.max(...panels.flatMap(({ points }) => points.map(([, y]) => y))));
  const chart: Chart = new Chart("times-chart", "Bandwidth of each run over time", (theme) => {
    const height = (chart.place.clientHeight - 40) / panels.length;
    return {
      title: panels.map(({ what }, run) => ({ text: drawnText(`${letter(run)}  ${what}`), left: 8, top: run * height, textStyle: { fontSize: 13, color: theme.text } })),
      grid: panels.map((_, run) => ({ left: 90, right: 24, top: run * height + 24, height: height - 44 })),
      // All runs have the same axes, so that they can be compared.
      xAxis: panels.map((_, run) => ({ ...axis(theme), type: "value", gridIndex: run, min: 0, max: last, axisLabel: { color: theme.quiet, formatter: (s: number) => `${digits(s)} s` } })),
      yAxis: panels.map(({ unit }, run) => ({ ...axis(theme), type: "value", gridIndex: run, max: highest, interval: highest / 2, axisLabel: { color: theme.quiet, formatter: unit } })),
      tooltip: tooltip(theme, { trigger: "axis", formatter: (points: { value: [number, number]; seriesIndex: number }[]) =>
        points.map(({ value, seriesIndex }) => `${letter(seriesIndex)}  ${digits(value[0])} s  ${panels[seriesIndex].unit(value[1])}`).join("\n") }),
      series: panels.map(({ points }, run) => ({
        type: "line",
        name: letter(run),
        xAxisIndex: run,
        yAxisIndex: run,
        data: points,
        step: "end",
        showSymbol: points.length === 1,
        lineStyle: { width: 0 },
        itemStyle: { color: color(run) },
        areaStyle: { opacity: 0.85 },
      })),
    };
  }, panels.length > 2);
  place.append(note(`Each run counts from its own first interval; ${runs.map(({ timeline }, run) => `a point of ${letter(run)} is ${duration(timeline.bin_us)}`).join(", ")}.`), chart.place);
  return chart;
}

/** The next number with one digit that is not 0. */
function roundedUp(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return Math.ceil(value / power) * power;
}

function requests(runs: Run[]): Chart[] {
  const io = runs.map(({ layers, io_layer }) => layers.find(({ category }) => category === io_layer));
  const of = (what: "sizes" | "durations"): Map<number, number>[] =>
    io.map((layer) => {
      const all = new Map<number, number>();
      for (const kind of layer?.kinds ?? []) {
        const values: Distribution = kind[what];
        for (const [power, calls] of values.bins) all.set(power, (all.get(power) ?? 0) + calls);
      }
      return all;
    });
  const chart = (id: string, label: string, values: Map<number, number>[], unit: (value: number) => string): Chart | undefined => {
    const powers = values.flatMap((of) => [...of.keys()]);
    if (powers.length === 0) return undefined;
    const [low, high] = [Math.min(...powers), Math.max(...powers)];
    const all = Array.from({ length: high - low + 1 }, (_, index) => low + index);
    const totals = values.map((of) => [...of.values()].reduce((sum, calls) => sum + calls, 0));
    return new Chart(id, label, (theme) => ({
      legend: { top: 0, right: 0, textStyle: { color: theme.text } },
      grid: { left: 60, right: 12, top: 34, bottom: 44 },
      xAxis: { ...axis(theme), type: "category", data: all.map((power) => binName(power, unit)), name: "from", nameLocation: "middle", nameGap: 28 },
      yAxis: { ...axis(theme), type: "value", axisLabel: { color: theme.quiet, formatter: (part: number) => share(part, 1) } },
      tooltip: tooltip(theme, { trigger: "axis", valueFormatter: (part: number) => `${share(part, 1)} of the calls` }),
      series: values.map((of, run) => ({
        type: "bar",
        name: letter(run),
        itemStyle: { color: color(run) },
        data: all.map((power) => (totals[run] > 0 ? (of.get(power) ?? 0) / totals[run] : 0)),
      })),
    }));
  };
  const charts = [chart("size-chart", "Sizes of requests: share of the calls", of("sizes"), bytes), chart("duration-chart", "Durations of requests: share of the calls", of("durations"), duration)];
  const made = charts.filter((one) => one !== undefined);
  if (made.length > 0) {
    const place = section("requests", "Requests");
    place.append(
      note("Sizes and durations of I/O calls by powers of two, as shares of the calls of each run whose value is known one by one."),
      element("div", { class: "pair" }, ...made.map((one) => element("div", {}, element("h3", {}, one.place.id === "size-chart" ? "Sizes" : "Durations"), one.place))),
    );
  }
  return made;
}

function functions({ functions, more_functions }: Compared): void {
  if (functions.rows.length === 0) return;
  const place = section("functions", "Functions");
  const caption = `Functions, the greatest change of time first.${more_functions > 0 ? ` ${count(more_functions)} more are not listed.` : ""}`;
  place.append(table<ComparedRow>(functions.rows, columns("Function", functions), { id: "function-changes", caption, filter: "Filter by name" }));
}

/** What stands out in each run: what is new first. */
function findings(runs: Run[]): void {
  const place = section("findings", "What stands out");
  const ids = [...new Set(runs.flatMap(({ findings }) => findings.found.map(({ id }) => id)))];
  if (ids.length === 0) {
    place.append(element("p", {}, "Nothing of what was looked at, in any run."));
    return;
  }
  const rows = ids.map((id) => ({ id, found: runs.map(({ findings }) => findings.found.find((one) => one.id === id)) }));
  rows.sort((a, b) => Number(a.found.every(Boolean)) - Number(b.found.every(Boolean)));
  const line = ({ found }: (typeof rows)[number]): HTMLTableRowElement => {
    const title = found.find(Boolean)?.title ?? "";
    return element("tr", {}, element("td", { class: "text" }, title), ...found.map((one) => element("td", { class: "text" }, one ? sentence(one.text) : "not found")));
  };
  const heads = ["", ...runs.map((_, run) => letter(run))].map((head) => element("th", { scope: "col", class: "text" }, head));
  place.append(
    element("div", { class: "scroll", id: "found" }, element("table", {}, element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...rows.map(line)))),
    note(`${runs.map(({ name, job }, run) => `${letter(run)} is ${name}, first call at ${or(job.first_us, at)}`).join("; ")}.`),
  );
}
