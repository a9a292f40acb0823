// What stands out, with its numbers, and what people do about it.

import type { Analysis, Finding } from "./data";
import { element, note, section } from "./dom";
import { digits, sentence } from "./units";

/** The section of the page that shows what a finding is about. */
const SECTIONS: [RegExp, string, string][] = [
  [/small|stdio/, "requests", "the sizes of requests"],
  [/open|metadata|file|again|fail/, "files", "the files"],
  [/rank|process|balance/, "processes", "the processes"],
  [/hidden|compute|comm|checkpoint/, "layers", "the layers"],
  [/slow|outlier|sync/, "functions", "the functions"],
];

export function findings({ findings: { found, unknown, fine }, job }: Analysis): void {
  const place = section("findings", "What stands out");
  if (job.unknown_because !== null) place.append(note(sentence(job.unknown_because)));
  if (found.length === 0) place.append(element("p", {}, "Nothing of what was looked at."));
  const list = element("ol", { class: "findings", id: "found" }, ...found.map(one));
  if (found.length > 0) place.append(list);
  if (fine.length > 0) {
    place.append(element("p", { id: "fine" }, element("strong", {}, "Looked at and fine: "), `${fine.map(({ title }) => title).join("; ")}.`));
  }
  if (unknown.length > 0) {
    const reasons = [...new Set(unknown.map(({ reason }) => reason))].map(
      (reason) => `${unknown.filter((one) => one.reason === reason).map(({ title }) => title).join("; ")} (${reason})`,
    );
    place.append(element("p", { id: "unknown" }, element("strong", {}, "Not known: "), `${reasons.join("; ")}.`));
  }
}

function one(finding: Finding): HTMLLIElement {
  const { id, title, text, place, advice, source, condition, evidence } = finding;
  const made = element("li", { "data-finding": id }, element("h3", {}, title), element("p", {}, sentence(text)));
  const facts = element("dl");
  const fact = (name: string, of: Node | string): void => facts.append(element("dt", {}, name), element("dd", {}, of));
  if (place !== null) fact("Where", place);
  fact("What people do", advice);
  const shown = SECTIONS.find(([pattern]) => pattern.test(id) || pattern.test(title.toLowerCase()));
  if (shown !== undefined) fact("See", element("a", { href: `#${shown[1]}` }, shown[2]));
  const why = evidence.map(({ name, value }) => `${name} = ${digits(value)}`).join(", ");
  const rule = element("details", {}, element("summary", {}, "Rule"), element("p", {}, `${condition}: ${why}. Threshold: ${source}.`));
  made.append(facts, rule);
  return made;
}
