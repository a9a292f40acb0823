// Times of the job: from its start, or of day where the tracer's clock counts from 1970.

import type { Job } from "./data";
import { digits } from "./units";

/** 2001-09-09 in µs: no clock that counts from the start of a machine is past it. */
const EPOCH_CLOCKS = 1e15;

let absolute = false;
let origin = 0;

export function useJob(job: Job): void {
  origin = job.origin_us;
}

export const knowsDate = (job: Job): boolean => job.origin_us > EPOCH_CLOCKS;

export function showAbsolute(wanted: boolean): void {
  absolute = wanted;
}

/** The date of a time from the origin. */
export const date = (us: number): string =>
  `${new Date((origin + us) / 1000).toISOString().replace("T", " ").replace("Z", "")} UTC`;

/** A time from the origin, for a label. */
export function at(us: number): string {
  if (absolute) return new Date((origin + us) / 1000).toISOString().slice(11, us % 1e6 === 0 ? 19 : 23);
  const seconds = us / 1e6;
  if (Math.abs(seconds) < 120) return `${digits(seconds)} s`;
  const whole = Math.floor(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (value: number): string => String(value).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)} h` : `${minutes}:${two(rest)} min`;
}
