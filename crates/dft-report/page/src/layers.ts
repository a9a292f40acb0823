// Layers: when they were busy, and what hid behind compute.

import type { AnalyzedLayer, Analysis } from "./data";
import { details, element, note, section } from "./dom";
import { bytes, count, digits, duration, or, perSecond, share } from "./units";

const HEADS: [string, string][] = [
  ["Busy", "the time in which any process has a call of the layer in progress"],
  ["Share of the job", "busy time over the time from the first call to the last"],
  ["Busy per process", "the mean over the processes that have calls of the layer"],
  ["Own", "busy time without that of layers within it, mean over processes"],
  ["Hidden", "the share of the processes' busy time in which the same process computes"],
  ["Exposed", "the time in which the layer is busy and no process computes"],
  ["Imbalance", "the busiest process over the mean; 1 is even"],
  ["Calls", "the number of calls"],
  ["Bytes", "the bytes that were moved"],
  ["Bandwidth", "bytes over busy time"],
];

export function layers(analysis: Analysis): void {
  const { layers, preset, job, overlaps, epochs } = analysis;
  if (layers.length === 0) return;
  const place = section("layers", "Layers");
  const reason = preset.reason === null ? "" : `, because ${preset.reason}`;
  place.append(
    note(
      `Layers are those of the preset ${preset.name} (${preset.title}${reason}). A layer is busy while any of its calls is in progress, ` +
        "however many: busy times are exact unions of the calls' times, and an overlap is their intersection.",
    ),
  );
  const heads = HEADS.map(([head, title]) => element("th", { scope: "col", title }, head));
  const rows = tree(layers).map(([depth, layer]) => row(depth, layer));
  place.append(
    element(
      "div",
      { class: "scroll", id: "layer-table" },
      element("table", {}, element("thead", {}, element("tr", {}, element("th", { scope: "col", class: "text" }, "Layer"), ...heads)), element("tbody", {}, ...rows)),
    ),
  );
  if (job.busy_us !== null) {
    place.append(
      note(`Any call is in progress for ${share(job.busy_us, job.time_us)} of the ${duration(job.time_us)}, without the tracer's own calls.`),
    );
  }
  if (overlaps.length > 0) {
    const titles = new Map(layers.map(({ name, title }) => [name, title]));
    const lines = overlaps.map(({ a, b, same_process_us, any_process_us }) =>
      line([`${titles.get(a) ?? a} and ${titles.get(b) ?? b}`, duration(same_process_us), duration(any_process_us)]),
    );
    place.append(details("Layers that are busy at the same time", "overlaps", () => plain(["Layers", "In one process, summed", "In any process"], lines)));
  }
  if (epochs.length > 0) {
    const lines = epochs.map(({ number, processes, mean_us, max_us, layers: of }) =>
      line([String(number), count(processes), duration(mean_us), duration(max_us), of.map(({ layer, busy_sum_us }) => `${layer} ${duration(busy_sum_us / processes)}`).join(", ")]),
    );
    place.append(details("Epochs", "epochs", () => plain(["Epoch", "Processes", "Mean", "Longest", "Busy per process"], lines)));
  }
}

/** The layers, each followed by those within it, with their depths. */
function tree(layers: AnalyzedLayer[]): [number, AnalyzedLayer][] {
  const known = new Set(layers.map(({ name }) => name));
  const made: [number, AnalyzedLayer][] = [];
  const add = (parent: string | null, depth: number): void => {
    for (const layer of layers) {
      const above = layer.parent !== null && known.has(layer.parent) ? layer.parent : null;
      if (above !== parent) continue;
      made.push([depth, layer]);
      add(layer.name, depth + 1);
    }
  };
  add(null, 0);
  return made;
}

function row(depth: number, { title, calls, bytes: size, busy, processes }: AnalyzedLayer): HTMLTableRowElement {
  const name = element("td", { class: "text name" }, title);
  name.style.paddingLeft = `${0.6 + 1.2 * depth}rem`;
  const texts = [
    or(busy, ({ any_us }) => duration(any_us)),
    or(busy, ({ share_of_job }) => share(share_of_job, 1)),
    or(busy, ({ mean_us }) => duration(mean_us)),
    or(busy, ({ own_us }) => duration(own_us / processes)),
    or(busy?.hidden, ({ same_process_us, exposed_us }) => share(same_process_us, same_process_us + exposed_us)),
    or(busy?.hidden, ({ exposed_any_process_us }) => duration(exposed_any_process_us)),
    or(busy, ({ imbalance }) => (processes > 1 ? digits(imbalance.max_over_mean) : "–")),
    count(calls),
    or(size, bytes),
    or(busy?.bandwidth_bytes_per_s, perSecond),
  ];
  const made = element("tr", {}, name, ...texts.map((text) => element("td", {}, text)));
  const bar = made.cells[2];
  if (busy !== null) {
    bar.classList.add("bar");
    bar.style.backgroundSize = `${100 * Math.min(1, busy.share_of_job)}% 100%`;
  }
  return made;
}

const line = (texts: string[]): HTMLTableRowElement =>
  element("tr", {}, ...texts.map((text, index) => element("td", { class: index === 0 || text.includes(",") ? "text" : "number" }, text)));

function plain(heads: string[], rows: HTMLTableRowElement[]): HTMLElement {
  const head = element("tr", {}, ...heads.map((text, index) => element("th", { scope: "col", class: index === 0 ? "text" : "number" }, text)));
  return element("div", { class: "scroll" }, element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)));
}
