// Files and directories.

import { Chart, drawnText, tooltip } from "./charts";
import type { Directory, FileGroup, FileRow, Report } from "./data";
import { choice, details, element, note, section } from "./dom";
import { type Column, table } from "./table";
import { bandwidth, bytes, count, digits, duration, or, perSecond, plural } from "./units";

type Measure = "time_us" | "bytes" | "calls";

const of = (directory: Directory, measure: Measure): number => directory.totals[measure] ?? 0;

export function files(report: Report): Chart | undefined {
  const { files, io_layer } = report;
  if (files.count === 0) return undefined;
  const place = section("files", "Files");
  let measure: Measure = (files.tree.totals.bytes ?? 0) > 0 ? "bytes" : "time_us";
  const unit = (value: number): string => ({ time_us: duration, bytes, calls: count })[measure](value);
  const named = (name: string): string => name || "(no directory)";

  const node = (directory: Directory): object => {
    const children = directory.children.filter((child) => of(child, measure) > 0).map(node);
    return { name: drawnText(named(directory.name)), value: of(directory, measure), files: directory.files, children };
  };
  const chart = new Chart("file-chart", "Directories and files by size of their share", (theme) => ({
    tooltip: tooltip(theme, {
      formatter: ({ treePathInfo, value, data }: { treePathInfo: { name: string }[]; value: number; data: { files?: number } }) =>
        [treePathInfo.map(({ name }) => name).join(""), unit(value), plural(data.files ?? 0, "file")].join("\n"),
    }),
    series: [
      {
        type: "treemap",
        left: 0,
        right: 0,
        top: 4,
        bottom: 30,
        roam: false,
        nodeClick: "zoomToNode",
        visibleMin: 60,
        breadcrumb: { bottom: 0, itemStyle: { color: theme.line, textStyle: { color: theme.text } } },
        label: { formatter: "{b}", overflow: "truncate" },
        upperLabel: { show: true, height: 18, color: "#fff", overflow: "truncate" },
        itemStyle: { borderColor: "#3d5a80", borderWidth: 1, gapWidth: 1 },
        color: ["#0072b2", "#009e73", "#b35900", "#9c5a8a", "#4a6fa5", "#6b6b6b"],
        levels: [{ upperLabel: { show: false }, itemStyle: { borderWidth: 0, gapWidth: 2 } }],
        data: files.tree.children.filter((child) => of(child, measure) > 0).map(node),
      },
    ],
  }));

  const total = (row: { totals: FileRow["totals"] }): FileRow["totals"] => row.totals;
  const columns: Column<{ totals: FileRow["totals"] }>[] = [
    { title: "Calls", text: (row) => count(total(row).calls), value: (row) => total(row).calls },
    { title: "Time", text: (row) => duration(total(row).time_us), value: (row) => total(row).time_us, bar: true },
    { title: "Bytes", text: (row) => or(total(row).bytes, bytes), value: (row) => total(row).bytes, bar: true },
    {
      title: "Bandwidth",
      text: (row) => or(bandwidth(total(row).bytes, total(row).time_us), perSecond),
      value: (row) => bandwidth(total(row).bytes, total(row).time_us),
    },
  ];
  const more = files.count - files.top.length;
  const top = table<FileRow>(
    files.top,
    [
      { title: "File", text: (row) => row.name, long: true },
      ...columns,
      { title: "Read", text: (row) => bytes(row.read_bytes), value: (row) => row.read_bytes },
      { title: "Written", text: (row) => bytes(row.written_bytes), value: (row) => row.written_bytes },
      { title: "Processes", text: (row) => count(row.processes), value: (row) => row.processes },
      { title: "Read over", text: (row) => or(row.read_over, (times) => `${digits(times)}×`), value: (row) => row.read_over },
    ],
    {
      id: "file-table",
      caption: more > 0 ? `Files with the most bytes, time or calls; ${count(more)} more are not listed.` : "Files.",
      filter: "Filter by name",
      sort: 3,
    },
  );
  const groups = (id: string, title: string, caption: string, rows: FileGroup[], empty: string): HTMLElement =>
    table<FileGroup>(
      rows,
      [
        { title, text: (row) => row.name || empty },
        { title: "Files", text: (row) => count(row.files), value: (row) => row.files },
        ...columns,
      ],
      { id, caption },
    );
  place.append(
    note(
      `Calls of ${io_layer ?? "I/O"} that name a file. ` +
        (files.unnamed.calls > 0 ? `${plural(files.unnamed.calls, "call")} with ${duration(files.unnamed.time_us)} name none. ` : "") +
        "Click a directory to enter it.",
    ),
    element(
      "div",
      { class: "controls" },
      choice("Area", "file-measure", [["bytes", "bytes"], ["time_us", "time"], ["calls", "calls"]], (value) => ((measure = value as Measure), chart.draw())),
    ),
    chart.place,
    details("The directories as a list", "directories", () => element("ul", { class: "tree" }, list(files.tree, true))),
    top,
    element(
      "div",
      { class: "pair" },
      groups("extension-table", "Extension", "By extension.", files.extensions, "(none)"),
      groups("pattern-table", "Pattern", "By name, where each run of digits is [0-9].", files.patterns, "(none)"),
    ),
  );
  (place.querySelector("#file-measure") as HTMLSelectElement).value = measure;
  return chart;
}

function list(directory: Directory, open: boolean): HTMLLIElement {
  const { totals, files, children } = directory;
  const text = `${directory.name || "all files"}: ${plural(files, "file")}, ${or(totals.bytes, bytes)}, ${duration(totals.time_us)}, ${plural(totals.calls, "call")}`;
  if (children.length === 0) return element("li", {}, text);
  const inner = element("ul", {}, ...children.map((child) => list(child, false)));
  const made = element("details", {}, element("summary", {}, text), inner);
  made.open = open;
  return element("li", {}, made);
}
