// Charts by ECharts, on canvas: the policy of the page allows no style in markup, and names stay pixels.

import { BarChart, HeatmapChart, LineChart, TreemapChart } from "echarts/charts";
import {
  AriaComponent,
  DataZoomComponent,
  GridComponent,
  LegendComponent,
  TitleComponent,
  TooltipComponent,
  VisualMapComponent,
} from "echarts/components";
import { type ECharts, type EChartsCoreOption, init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { element } from "./dom";

use([
  AriaComponent,
  BarChart,
  CanvasRenderer,
  DataZoomComponent,
  GridComponent,
  HeatmapChart,
  LegendComponent,
  LineChart,
  TitleComponent,
  TooltipComponent,
  TreemapChart,
  VisualMapComponent,
]);

/** Colours that people with colour blindness tell apart: those of Okabe and Ito. */
export const KIND_COLORS: Record<string, string> = {
  read: "#0072b2",
  write: "#d55e00",
  metadata: "#009e73",
  sync: "#cc79a7",
  "process control": "#56b4e9",
  ipc: "#e69f00",
  other: "#8c8c8c",
};

interface Theme {
  text: string;
  quiet: string;
  line: string;
  page: string;
}

/** The colours of the page as it is now. */
export function theme(): Theme {
  const style = getComputedStyle(document.documentElement);
  const of = (name: string): string => style.getPropertyValue(name).trim();
  return { text: of("--text"), quiet: of("--quiet"), line: of("--line"), page: of("--page") };
}

interface Drawn {
  chart: ECharts;
  option: (theme: Theme) => EChartsCoreOption;
}

const drawn: Drawn[] = [];

/** The charts by the id of their element: for tests, and for readers who open the console. */
export const charts: Record<string, ECharts> = {};

/** A chart in an element that is already on the page. `option` is asked again when the theme or the times change. */
export class Chart {
  readonly place: HTMLDivElement;
  private entry: Drawn | undefined;

  constructor(
    id: string,
    private readonly label: string,
    private readonly option: (theme: Theme) => EChartsCoreOption,
    tall = false,
  ) {
    this.place = element("div", { id, class: tall ? "chart tall" : "chart", role: "img", "aria-label": label });
  }

  draw(): ECharts {
    this.entry ??= { chart: init(this.place, null, { renderer: "canvas" }), option: (theme) => this.complete(theme) };
    if (!drawn.includes(this.entry)) drawn.push(this.entry);
    charts[this.place.id] = this.entry.chart;
    this.entry.chart.setOption(this.entry.option(theme()), { notMerge: true });
    return this.entry.chart;
  }

  get chart(): ECharts | undefined {
    return this.entry?.chart;
  }

  private complete(theme: Theme): EChartsCoreOption {
    return {
      animation: false,
      backgroundColor: "transparent",
      textStyle: { color: theme.text, fontFamily: "system-ui, 'Liberation Sans', sans-serif" },
      aria: { enabled: true, label: { description: this.label } },
      ...this.option(theme),
    };
  }
}

/** Draws all charts again, in the page's colours and width. */
export function redraw(): void {
  for (const { chart, option } of drawn) {
    const zoom = (chart.getOption() as { dataZoom?: { start: number; end: number }[] }).dataZoom;
    chart.resize();
    chart.setOption(option(theme()), { notMerge: true });
    if (zoom?.length) chart.dispatchAction({ type: "dataZoom", start: zoom[0].start, end: zoom[0].end });
  }
}

/** Puts pictures of the charts in their place: a page that is about to be printed has no next frame to draw canvases in. */
export function showPictures(): void {
  for (const { chart } of drawn) {
    const src = chart.getDataURL({ type: "png", pixelRatio: 2, backgroundColor: "#fff" });
    chart.getDom().after(element("img", { class: "picture", src, alt: chart.getDom().getAttribute("aria-label") ?? "" }));
  }
}

export function removePictures(): void {
  for (const picture of document.querySelectorAll("img.picture")) picture.remove();
}

/** A tooltip that is drawn on the canvas. */
export const tooltip = (theme: Theme, more: object): object => ({
  renderMode: "richText",
  confine: true,
  backgroundColor: theme.page,
  borderColor: theme.line,
  textStyle: { color: theme.text, fontSize: 12 },
  ...more,
});

export const axis = (theme: Theme): object => ({
  axisLine: { lineStyle: { color: theme.line } },
  axisLabel: { color: theme.quiet, hideOverlap: true },
  splitLine: { lineStyle: { color: theme.line, opacity: 0.6 } },
  nameTextStyle: { color: theme.quiet, align: "left" },
});

/** Names for a text that is drawn: control characters and line ends are shown as one symbol. */
export const drawnText = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "\uFFFD").replace(/[{}|]/g, (sign) => ({ "{": "(", "}": ")", "|": "¦" })[sign] ?? sign);
