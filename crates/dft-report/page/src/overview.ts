// The job, the faults of its traces, and its I/O at a glance.

import { date, knowsDate } from "./clock";
import type { Layer, Report, Shares, Totals } from "./data";
import { byId, element, note, section } from "./dom";
import { bandwidth, bytes, count, duration, or, perSecond, plural, share } from "./units";

export function faults({ faults, more_faults }: Report): void {
  if (faults.length === 0) return;
  const rest = more_faults > 0 ? [element("li", {}, `and ${count(more_faults)} more: \`dft info\` lists them`)] : [];
  byId("main").append(
    element(
      "div",
      { class: "faults", id: "faults", role: "note" },
      element("strong", {}, "The traces have faults, so numbers may be incomplete"),
      element("ul", {}, ...faults.map((fault) => element("li", {}, fault)), ...rest),
    ),
  );
}

export function job(report: Report): void {
  const { job, title, filter } = report;
  const span = (job.last_us ?? 0) - (job.first_us ?? 0);
  document.title = `${title} – I/O report`;
  byId("subtitle").textContent = title;
  const place = section("job", "The job");
  const io = report.layers.find(({ category }) => category === report.io_layer);
  const tiles: [string, string][] = [
    [duration(span), "from first to last call"],
    [count(job.processes), job.ranks > 0 ? `processes, ${count(job.ranks)} with a rank` : "processes"],
    [count(job.hosts), job.hosts === 1 ? "host" : "hosts"],
    [count(job.threads), "threads"],
    [count(job.calls), "calls"],
  ];
  if (io) tiles.push([or(io.totals.bytes, bytes), `moved by ${io.category}`]);
  if (job.files > 0) tiles.push([count(job.files), job.files === 1 ? "file" : "files"]);
  place.append(
    element("div", { class: "tiles" }, ...tiles.map(([value, what]) => element("div", { class: "tile" }, element("b", {}, value), element("span", {}, what)))),
  );
  const facts = element("dl", { id: "facts" });
  const fact = (name: string, text: string): void => {
    facts.append(element("dt", {}, name), element("dd", {}, text));
  };
  if (filter !== null) fact("Only", filter);
  const shares = (name: string, { top, more }: Shares): void => {
    if (top.length === 0) return;
    const one = top.length === 1 && more === 0;
    const texts = top.map(({ text, processes }) => (one ? text : `${text} (${plural(processes, "process", "processes")})`));
    if (more > 0) texts.push(`and ${count(more)} more`);
    facts.append(element("dt", {}, name), element("dd", {}, ...texts.map((text) => element("div", {}, text))));
  };
  shares("Command", job.commands);
  shares("Executable", job.executables);
  shares("Working directory", job.working_directories);
  shares("Host", job.host_names);
  shares("Tracer", job.tracer_versions);
  if (job.first_us !== null && job.last_us !== null && knowsDate(job)) {
    fact("First call", date(job.first_us));
    fact("Last call", date(job.last_us));
  }
  fact("Traces", `${plural(job.traces, "file")}, ${plural(job.records, "record")}`);
  fact("Interval", `${duration(job.interval_us)}: times below are exact for whole intervals`);
  place.append(facts);
  if (job.calls === 0) place.append(note("The index has no calls that pass the filter."));
}

const TITLES = ["", "Calls", "Time", "Mean", "Share of the category", "Bytes", "Bandwidth", "Processes"];

function cells(name: string, totals: Totals, all: number, processes: string): HTMLTableCellElement[] {
  const { calls, time_us, bytes: size } = totals;
  return [
    element("td", { class: "text" }, name),
    ...[
      count(calls),
      duration(time_us),
      calls > 0 ? duration(time_us / calls) : "–",
      share(time_us, all),
      or(size, bytes),
      or(bandwidth(size, time_us), perSecond),
      processes,
    ].map((text) => element("td", {}, text)),
  ];
}

export function glance({ layers, io_layer }: Report): void {
  if (layers.length === 0) return;
  const place = section("glance", "Categories");
  place.append(
    note(
      "Calls by their category in the trace, and by kind of I/O. Time is the sum of the durations of calls, over all threads, and " +
        "bandwidth is bytes over that time. A call of one category may contain calls of another, so categories are never added up.",
    ),
  );
  const first = (layer: Layer): number => (layer.category === io_layer ? 0 : 1);
  const rows = [...layers].sort((a, b) => first(a) - first(b)).flatMap((layer) => {
    const { category, totals, kinds, threads, processes } = layer;
    const who = `${count(processes)}${threads > processes ? `, ${plural(threads, "thread")}` : ""}`;
    const group = element("tr", { class: "group" }, ...cells(category, totals, totals.time_us, who));
    if (kinds.length === 1) return [group];
    const parts = kinds.map(({ kind, totals: of }) => element("tr", { class: "part" }, ...cells(kind, of, totals.time_us, "")));
    return [group, ...parts];
  });
  const heads = TITLES.map((title, index) => element("th", { scope: "col", class: index === 0 ? "text" : "number" }, title || "Category, kind of I/O"));
  place.append(
    element("div", { class: "scroll", id: "categories" }, element("table", {}, element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...rows))),
  );
}
