// Tables that sort and filter.

import { element } from "./dom";

export interface Column<Row> {
  title: string;
  /** What a cell shows. */
  text: (row: Row) => string;
  /** What rows are sorted by: text columns by their text. */
  value?: (row: Row) => number | null;
  /** Draws the share of the highest value behind the cell. */
  bar?: boolean;
  /** Whether the texts are long. */
  long?: boolean;
}

/** The number of rows that a table shows at first. */
const SHOWN = 15;

export interface Options {
  id: string;
  caption: string;
  /** The column that rows are sorted by at first, highest first. */
  sort?: number;
  /** What the filter is about. */
  filter?: string;
}

export function table<Row>(rows: Row[], columns: Column<Row>[], options: Options): HTMLElement {
  let sorted = options.sort ?? -1;
  let descending = true;
  let all = false;
  let wanted = "";
  const highest = columns.map(({ bar, value }) =>
    bar && value ? rows.reduce((most, row) => Math.max(most, value(row) ?? 0), 0) : 0,
  );

  const body = element("tbody");
  const heads = columns.map((column, index) => {
    const button = element("button", { type: "button" }, column.title);
    button.addEventListener("click", () => {
      descending = sorted === index ? !descending : column.value !== undefined;
      sorted = index;
      draw();
    });
    return element("th", { scope: "col", class: column.value ? "number" : "text" }, button);
  });
  const more = element("button", { type: "button" });
  more.addEventListener("click", () => {
    all = !all;
    draw();
  });

  const draw = (): void => {
    let shown = rows;
    if (wanted !== "") {
      shown = rows.filter((row) => columns.some((column) => !column.value && column.text(row).toLowerCase().includes(wanted)));
    }
    const column = columns[sorted];
    if (column !== undefined) {
      const sign = descending ? -1 : 1;
      const { value } = column;
      shown = [...shown].sort((a, b) => {
        if (value === undefined) return sign * column.text(a).localeCompare(column.text(b), "en", { numeric: true });
        const [x, y] = [value(a), value(b)];
        if (x === null || y === null) return Number(x === null) - Number(y === null);
        return sign * (x - y);
      });
    }
    heads.forEach((head, index) => {
      head.setAttribute("aria-sort", index === sorted ? (descending ? "descending" : "ascending") : "none");
    });
    const visible = all ? shown : shown.slice(0, SHOWN);
    body.replaceChildren(
      ...visible.map((row) =>
        element(
          "tr",
          {},
          ...columns.map(({ text, value, long }, index) => {
            const cell = element("td", { class: value ? "number" : long ? "text path" : "text" }, text(row));
            if (highest[index] > 0 && value) {
              cell.classList.add("bar");
              cell.style.backgroundSize = `${(100 * (value(row) ?? 0)) / highest[index]}% 100%`;
            }
            return cell;
          }),
        ),
      ),
    );
    more.textContent = all ? "Show fewer" : `Show all ${shown.length.toLocaleString("en-US")}`;
    more.hidden = shown.length <= SHOWN;
  };

  const made = element(
    "div",
    { id: options.id },
    element(
      "div",
      { class: "scroll" },
      element("table", {}, element("caption", {}, options.caption), element("thead", {}, element("tr", {}, ...heads)), body),
    ),
    more,
  );
  if (options.filter !== undefined && rows.length > SHOWN) {
    const input = element("input", { type: "search", placeholder: options.filter, "aria-label": options.filter });
    input.addEventListener("input", () => {
      wanted = input.value.toLowerCase();
      draw();
    });
    made.prepend(input);
  }
  draw();
  return made;
}
