// Numbers as people read them.

/** Three significant digits, without an exponent where that is short. */
export function digits(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e9 || size < 1e-3) return value.toExponential(2);
  if (size >= 1000) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(3)));
}

export const count = (value: number): string => value.toLocaleString("en-US");

function scaled(value: number, steps: [number, string][]): string {
  const size = Math.abs(value);
  const [unit, name] = steps.find(([unit]) => size >= unit) ?? steps[steps.length - 1];
  return `${digits(value / unit)} ${name}`;
}

const TIMES: [number, string][] = [
  [3_600e6, "h"],
  [60e6, "min"],
  [1e6, "s"],
  [1e3, "ms"],
  [1, "µs"],
];

/** A duration in µs. */
export const duration = (us: number): string => (us === 0 ? "0 s" : scaled(us, TIMES));

const SIZES: [number, string][] = [
  [2 ** 50, "PiB"],
  [2 ** 40, "TiB"],
  [2 ** 30, "GiB"],
  [2 ** 20, "MiB"],
  [2 ** 10, "KiB"],
  [1, "B"],
];

export const bytes = (size: number): string => scaled(size, SIZES);

export const perSecond = (rate: number): string => `${bytes(rate)}/s`;

/** Bytes per second of the calls' time. */
export function bandwidth(size: number | null, us: number): number | null {
  return size === null || us <= 0 ? null : size / (us / 1e6);
}

export const share = (part: number, of: number): string => (of > 0 ? `${digits((100 * part) / of)} %` : "–");

export const or = <T>(value: T | null | undefined, text: (value: T) => string): string =>
  value === null || value === undefined ? "–" : text(value);

export const plural = (number: number, one: string, many = `${one}s`): string =>
  `${count(number)} ${number === 1 ? one : many}`;

/** The range of values of a bin by power of two. */
export function binName(power: number, unit: (value: number) => string): string {
  return power < 0 ? "0" : unit(2 ** power);
}

/** A text that begins with a capital and ends with a full stop. */
export const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
