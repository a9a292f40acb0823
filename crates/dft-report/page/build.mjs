// Bundles the page's program and style into dist/, which is checked in, so that the crate builds without node. With
// --check, only compares.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { build } from "esbuild";

const options = { bundle: true, minify: true, write: false, charset: "utf8", target: ["es2020"] };

const bundle = async (entry, more) => {
  const { outputFiles } = await build({ ...options, ...more, entryPoints: [entry] });
  return outputFiles[0].text.trim();
};

// The page is distributed, so it has the notices and licences of what is bundled.
const licences = ["echarts/NOTICE", "echarts/LICENSE", "zrender/LICENSE", "tslib/LICENSE.txt"];
const texts = licences.map((path) => `${path}\n\n${readFileSync(`node_modules/${path}`, "utf8").trim()}`);
const banner = { js: `/*!\n${texts.join("\n\n").replaceAll("*/", "* /").replaceAll("\r", "")}\n*/` };
const program = await bundle("src/main.ts", { format: "iife", banner });
const style = await bundle("src/report.css", {});
const hash = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
const policy = [
  "default-src 'none'",
  `script-src ${hash(program)}`,
  `style-src ${hash(style)}`,
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

const files = { "report.js": program, "report.css": style, "policy.txt": policy };
let stale = false;
mkdirSync("dist", { recursive: true });
for (const [name, text] of Object.entries(files)) {
  const path = `dist/${name}`;
  if (!process.argv.includes("--check")) {
    writeFileSync(path, text);
  } else if (readFileSync(path, "utf8") !== text) {
    console.error(`page/${path} is not what its sources give: run \`cargo xtask page\``);
    stale = true;
  }
}
process.exitCode = stale ? 1 : 0;
