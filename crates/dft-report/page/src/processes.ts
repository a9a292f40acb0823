// Processes × time, and processes one by one.

import { Chart, axis, drawnText, tooltip } from "./charts";
import { at } from "./clock";
import type { HeatLayer, ProcessRow, Report } from "./data";
import { choice, element, note, section } from "./dom";
import { type Column, table } from "./table";
import { bandwidth, bytes, count, duration, or, perSecond } from "./units";

type Measure = "bytes" | "time_us" | "calls";

const MEASURES: [Measure, string, (value: number) => string][] = [
  ["time_us", "time", duration],
  ["bytes", "bytes", bytes],
  ["calls", "calls", count],
];

const SCALE = ["#f7fbff", "#c6dbef", "#6baed6", "#2171b5", "#08306b"];
const DARK_SCALE = ["#10151c", "#0b3d63", "#1f78b4", "#7fc4ff", "#e8f4ff"];

export function processes(report: Report): Chart | undefined {
  const { heat_map: heat, job, more_processes } = report;
  if (heat.rows.length === 0 || heat.bins === 0) return undefined;
  const place = section("processes", "Processes");
  let layer: HeatLayer = heat.layers[0];
  let measure: Measure = layer.bytes.some((value) => value > 0) ? "bytes" : "time_us";
  let order = "rank";

  const unit = (): ((value: number) => string) => MEASURES.find(([name]) => name === measure)?.[2] ?? count;
  const totals = (): number[] => heat.rows.map((_, row) => sum(layer[measure], row * heat.bins, heat.bins));
  const sorted = (): number[] => {
    const rows = heat.rows.map((_, row) => row);
    if (order === "total") {
      const of = totals();
      rows.sort((a, b) => of[b] - of[a]);
    } else if (order === "host") {
      rows.sort((a, b) => heat.rows[a].host.localeCompare(heat.rows[b].host, "en", { numeric: true }) || a - b);
    }
    return rows;
  };

  const chart = new Chart(
    "heat-chart",
    "Processes by time: darker cells have more",
    (theme) => {
      const rows = sorted();
      const of = totals();
      const values = layer[measure];
      const dark = document.documentElement.dataset.theme === "dark";
      const cells: [number, number, number][] = [];
      rows.forEach((row, y) => {
        for (let bin = 0; bin < heat.bins; bin++) {
          const value = values[row * heat.bins + bin];
          if (value > 0) cells.push([bin, y, value]);
        }
      });
      const highest = cells.reduce((most, [, , value]) => Math.max(most, value), 1);
      const name = (row: number): string => {
        const { name, processes } = heat.rows[row];
        return drawnText(processes > 1 ? `${name} (${count(processes)})` : name);
      };
      return {
        grid: { left: 170, right: 110, top: 8, bottom: 56 },
        xAxis: {
          ...axis(theme),
          type: "category",
          data: Array.from({ length: heat.bins }, (_, bin) => at(heat.start_us + bin * heat.bin_us)),
        },
        yAxis: {
          ...axis(theme),
          type: "category",
          inverse: true,
          data: rows.map(name),
          axisLabel: { color: theme.quiet, width: 155, overflow: "truncate", hideOverlap: true },
        },
        visualMap: {
          min: 0,
          max: highest,
          calculable: false,
          text: [unit()(highest), "0"],
          textGap: 6,
          orient: "vertical",
          right: 0,
          top: "center",
          itemHeight: 180,
          inRange: { color: dark ? DARK_SCALE : SCALE },
          textStyle: { color: theme.quiet },
        },
        tooltip: tooltip(theme, {
          formatter: ({ value }: { value: [number, number, number] }) =>
            [
              name(rows[value[1]]),
              `${at(heat.start_us + value[0] * heat.bin_us)}, ${duration(heat.bin_us)} long`,
              `${unit()(value[2])} of ${unit()(of[rows[value[1]]])} in all`,
            ].join("\n"),
        }),
        series: [{ type: "heatmap", data: cells, progressive: 0 }],
      };
    },
    heat.rows.length > 24,
  );

  const controls = element("div", { class: "controls" });
  if (heat.layers.length > 1) {
    const options = heat.layers.map(({ category }, index): [string, string] => [String(index), category]);
    controls.append(choice("Layer", "heat-layer", options, (value) => ((layer = heat.layers[Number(value)]), chart.draw())));
  }
  controls.append(
    choice("Show", "heat-measure", MEASURES.map(([name, text]): [string, string] => [name, text]), (value) => ((measure = value as Measure), chart.draw())),
    choice("Order", "heat-order", [["rank", "rank, host, process"], ["host", "host"], ["total", "total"]], (value) => ((order = value), chart.draw())),
  );
  (controls.querySelector("#heat-measure") as HTMLSelectElement).value = measure;
  const groups = heat.rows.some((row) => row.processes > 1);
  place.append(
    note(
      `A cell is one ${groups ? "group of neighbouring processes" : "process"} for ${duration(heat.bin_us)}. Time above the length of a cell ` +
        "comes from several threads, or from calls that are longer than the cell and count where their middle is.",
    ),
    controls,
    chart.place,
    list(report.processes, job.ranks > 0, report.io_layer, more_processes),
  );
  return chart;
}

function sum(values: number[], start: number, length: number): number {
  let total = 0;
  for (let at = start; at < start + length; at++) total += values[at];
  return total;
}

function list(rows: ProcessRow[], ranks: boolean, layer: string | null, more: number): HTMLElement {
  const left = more > 0 ? ` The ${count(rows.length)} with the most time; ${count(more)} more are not listed.` : "";
  const io: Column<ProcessRow>[] =
    layer === null
      ? []
      : [
          { title: `${layer} calls`, text: (row) => count(row.io.calls), value: (row) => row.io.calls },
          { title: `${layer} time`, text: (row) => duration(row.io.time_us), value: (row) => row.io.time_us, bar: true },
          { title: `${layer} bytes`, text: (row) => or(row.io.bytes, bytes), value: (row) => row.io.bytes, bar: true },
          {
            title: "Bandwidth",
            text: (row) => or(bandwidth(row.io.bytes, row.io.time_us), perSecond),
            value: (row) => bandwidth(row.io.bytes, row.io.time_us),
          },
        ];
  const rank: Column<ProcessRow> = { title: "Rank", text: (row) => or(row.rank, String), value: (row) => row.rank };
  return table(
    rows,
    [
      ...(ranks ? [rank] : []),
      { title: "Host", text: (row) => row.host },
      { title: "Process", text: (row) => String(row.pid), value: (row) => row.pid },
      ...io,
      { title: "All calls", text: (row) => count(row.all.calls), value: (row) => row.all.calls },
      { title: "First call", text: (row) => at(row.first_us), value: (row) => row.first_us },
      { title: "Last call", text: (row) => at(row.last_us), value: (row) => row.last_us },
    ],
    { id: "process-table", caption: `Processes.${left}`, filter: "Filter by host" },
  );
}
