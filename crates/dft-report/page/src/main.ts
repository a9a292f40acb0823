// The page of `dft report`: reads the data in the page and draws it.

import { type Chart, charts, redraw, removePictures, showPictures } from "./charts";
import { knowsDate, showAbsolute, useJob } from "./clock";
import { compared } from "./compare";
import type { Compared, Report } from "./data";
import { byId } from "./dom";
import { files } from "./files";
import { findings } from "./findings";
import { functions } from "./functions";
import { layers } from "./layers";
import { faults, glance, job } from "./overview";
import { processes } from "./processes";
import { requests } from "./requests";
import { timeline } from "./timeline";

const data = JSON.parse(byId("data").textContent ?? "") as Report | Compared;
useJob("runs" in data ? data.runs[0].job : data.job);

const root = document.documentElement;
const button = byId("theme");
function show(theme: string): void {
  root.dataset.theme = theme;
  button.textContent = theme === "dark" ? "Light" : "Dark";
}
const preferred = matchMedia("(prefers-color-scheme: dark)");
show(preferred.matches ? "dark" : "light");
button.addEventListener("click", () => {
  show(root.dataset.theme === "dark" ? "light" : "dark");
  redraw();
});

const clock = byId("clock") as HTMLSelectElement;
if (!("runs" in data) && knowsDate(data.job)) {
  clock.addEventListener("change", () => {
    showAbsolute(clock.value === "absolute");
    redraw();
  });
} else {
  // The tracer's clock counts from the start of a machine, so there is no time of day.
  clock.parentElement?.remove();
}

byId("footer").textContent = `Made by dft ${data.version}. Sums are exact.`;

function one(report: Report): (Chart | undefined)[] {
  faults(report);
  job(report);
  if (report.job.calls > 0) findings(report.analysis);
  layers(report.analysis);
  glance(report);
  const charts = [timeline(report), processes(report), ...requests(report), files(report)];
  functions(report);
  return charts;
}

const made: (Chart | undefined)[] = "runs" in data ? compared(data) : one(data);
for (const chart of made) chart?.draw();
Object.assign(globalThis, { charts });

let width = innerWidth;
addEventListener("resize", () => {
  if (innerWidth !== width) {
    width = innerWidth;
    redraw();
  }
});
let before = "";
addEventListener("beforeprint", () => {
  before = root.dataset.theme ?? "light";
  show("light");
  root.classList.add("printing");
  redraw();
  showPictures();
});
addEventListener("afterprint", () => {
  root.classList.remove("printing");
  removePictures();
  show(before);
  redraw();
});
// What tests wait for.
root.dataset.drawn = String(made.filter((chart) => chart !== undefined).length);
