// Functions.

import type { FunctionRow, Report } from "./data";
import { note, section } from "./dom";
import { type Column, table } from "./table";
import { bandwidth, bytes, count, digits, duration, or, perSecond } from "./units";

export function functions({ functions: rows, more_functions }: Report): void {
  if (rows.length === 0) return;
  const place = section("functions", "Functions");
  const quantile = (q: number, title: string): Column<FunctionRow> => {
    const of = (row: FunctionRow): number | null => row.quantiles.find(([known]) => known === q)?.[1] ?? null;
    return { title, text: (row) => or(of(row), duration), value: of };
  };
  const quantiles = rows.some((row) => row.quantiles.length > 0) ? [quantile(0.5, "Median"), quantile(0.99, "99 %")] : [];
  place.append(
    note(
      "Imbalance is the time of the process that spends most in the function, over the mean of the processes that call it: " +
        "1 is even. Deviation is that of the durations of single calls.",
    ),
    table<FunctionRow>(
      rows,
      [
        { title: "Layer", text: (row) => row.category },
        { title: "Function", text: (row) => row.function },
        { title: "Kind", text: (row) => row.kind },
        { title: "Calls", text: (row) => count(row.totals.calls), value: (row) => row.totals.calls },
        { title: "Time", text: (row) => duration(row.totals.time_us), value: (row) => row.totals.time_us, bar: true },
        { title: "Mean", text: (row) => or(row.mean_us, duration), value: (row) => row.mean_us },
        { title: "Deviation", text: (row) => or(row.std_us, duration), value: (row) => row.std_us },
        { title: "Shortest", text: (row) => or(row.min_us, duration), value: (row) => row.min_us },
        ...quantiles,
        { title: "Longest", text: (row) => or(row.max_us, duration), value: (row) => row.max_us },
        { title: "Bytes", text: (row) => or(row.totals.bytes, bytes), value: (row) => row.totals.bytes },
        {
          title: "Bandwidth",
          text: (row) => or(bandwidth(row.totals.bytes, row.totals.time_us), perSecond),
          value: (row) => bandwidth(row.totals.bytes, row.totals.time_us),
        },
        { title: "Processes", text: (row) => count(row.processes), value: (row) => row.processes },
        { title: "Imbalance", text: (row) => or(row.imbalance, digits), value: (row) => row.imbalance },
      ],
      {
        id: "function-table",
        caption: more_functions > 0 ? `The functions with the most time; ${count(more_functions)} more are not listed.` : "Functions.",
        sort: 4,
        filter: "Filter by layer, function or kind",
      },
    ),
  );
}
