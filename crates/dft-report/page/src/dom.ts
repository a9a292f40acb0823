// Elements. Names of the job only become text nodes, so they are never markup.

type Child = Node | string;

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no element ${id}`);
  return found;
}

/** A labelled choice. Calls `chosen` with the value of each choice that the reader makes. */
export function choice(
  label: string,
  id: string,
  options: [string, string][],
  chosen: (value: string) => void,
): HTMLLabelElement {
  const select = element("select", { id });
  for (const [value, text] of options) select.append(element("option", { value }, text));
  select.addEventListener("change", () => chosen(select.value));
  return element("label", {}, `${label} `, select);
}

/** A section of the page, with an entry in the navigation. */
export function section(id: string, title: string): HTMLElement {
  const made = element("section", { id, "aria-labelledby": `${id}-title` }, element("h2", { id: `${id}-title` }, title));
  byId("main").append(made);
  byId("nav").append(element("a", { href: `#${id}` }, title));
  return made;
}

/** Text that explains what is shown. */
export const note = (text: string): HTMLParagraphElement => element("p", { class: "note" }, text);

/** A collapsed part whose contents are made when it is opened for the first time. */
export function details(summary: string, id: string, contents: () => Node): HTMLDetailsElement {
  const made = element("details", { id }, element("summary", {}, summary));
  made.addEventListener("toggle", () => made.childElementCount === 1 && made.append(contents()));
  return made;
}
