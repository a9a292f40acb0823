// What `dft report` writes into the page: crates/dft-report/src/data.rs. Times are in µs, sizes in bytes.

export interface Totals {
  calls: number;
  time_us: number;
  bytes: number | null;
}

export interface Shares {
  top: { text: string; processes: number }[];
  more: number;
}

export interface Job {
  origin_us: number;
  first_us: number | null;
  last_us: number | null;
  hosts: number;
  processes: number;
  threads: number;
  ranks: number;
  files: number;
  calls: number;
  traces: number;
  records: number;
  commands: Shares;
  executables: Shares;
  working_directories: Shares;
  tracer_versions: Shares;
  host_names: Shares;
  interval_us: number;
  has_sketches: boolean;
}

export interface Distribution {
  samples: number;
  min: number | null;
  max: number | null;
  mean: number | null;
  std: number | null;
  bins: [number, number][];
  unknown: number;
  sketched: boolean;
  below: [number, number, number][];
  quantiles: [number, number][];
}

export interface Kind {
  kind: string;
  totals: Totals;
  durations: Distribution;
  sizes: Distribution;
}

export interface Layer {
  category: string;
  totals: Totals;
  threads: number;
  processes: number;
  kinds: Kind[];
}

export interface TimeSeries {
  category: string;
  kind: string;
  calls: number[];
  time_us: number[];
  bytes: number[];
}

export interface Timeline {
  start_us: number;
  bin_us: number;
  bins: number;
  series: TimeSeries[];
}

export interface CounterSeries {
  counter: string;
  metric: string;
  hosts: number;
  mean: (number | null)[];
  min: (number | null)[];
  max: (number | null)[];
}

export interface HeatRow {
  name: string;
  host: string;
  processes: number;
}

export interface HeatLayer {
  category: string;
  calls: number[];
  time_us: number[];
  bytes: number[];
}

export interface HeatMap {
  start_us: number;
  bin_us: number;
  bins: number;
  rows: HeatRow[];
  layers: HeatLayer[];
}

export interface ProcessRow {
  host: string;
  pid: number;
  rank: number | null;
  io: Totals;
  all: Totals;
  first_us: number;
  last_us: number;
}

export interface FileRow {
  name: string;
  totals: Totals;
  read_bytes: number;
  written_bytes: number;
  processes: number;
  read_over: number | null;
}

export interface FileGroup {
  name: string;
  files: number;
  totals: Totals;
}

export interface Directory {
  name: string;
  files: number;
  totals: Totals;
  children: Directory[];
}

export interface FunctionRow {
  category: string;
  function: string;
  kind: string;
  totals: Totals;
  mean_us: number | null;
  std_us: number | null;
  min_us: number | null;
  max_us: number | null;
  quantiles: [number, number][];
  processes: number;
  imbalance: number | null;
}

/** What `dft analyze --json` prints: crates/dft-analyze/src/report.rs. */
export interface Analysis {
  preset: { name: string; title: string; reason: string | null };
  job: { time_us: number; busy_us: number | null; unknown_because: string | null };
  layers: AnalyzedLayer[];
  overlaps: { a: string; b: string; same_process_us: number; any_process_us: number }[];
  epochs: { number: number; processes: number; mean_us: number; max_us: number; layers: { layer: string; busy_sum_us: number; hidden_us: number }[] }[];
  findings: {
    found: Finding[];
    unknown: { id: string; title: string; reason: string }[];
    fine: { id: string; title: string }[];
  };
}

export interface Finding {
  id: string;
  title: string;
  text: string;
  place: string | null;
  advice: string;
  source: string;
  condition: string;
  evidence: { name: string; value: number }[];
}

export interface AnalyzedLayer {
  name: string;
  title: string;
  parent: string | null;
  calls: number;
  time_us: number;
  bytes: number | null;
  processes: number;
  busy: {
    any_us: number;
    share_of_job: number;
    sum_us: number;
    mean_us: number;
    own_us: number;
    excess_us: number;
    calls_in_progress: number | null;
    peak_calls_in_progress: number | null;
    peak_is_exact: boolean;
    peak_processes_busy: number;
    bandwidth_bytes_per_s: number | null;
    imbalance: {
      max_over_mean: number;
      coefficient_of_variation: number;
      most: { process: string; time_us: number };
      least: { process: string; time_us: number };
    };
    hidden: { same_process_us: number; exposed_us: number; any_process_us: number; exposed_any_process_us: number } | null;
  } | null;
}

export interface Report {
  title: string;
  analysis: Analysis;
  version: string;
  filter: string | null;
  job: Job;
  faults: string[];
  more_faults: number;
  layers: Layer[];
  io_layer: string | null;
  timeline: Timeline;
  telemetry: CounterSeries[];
  more_telemetry: number;
  heat_map: HeatMap;
  processes: ProcessRow[];
  more_processes: number;
  files: {
    count: number;
    top: FileRow[];
    tree: Directory;
    extensions: FileGroup[];
    patterns: FileGroup[];
    unnamed: Totals;
  };
  functions: FunctionRow[];
  more_functions: number;
}

/** What `dft compare --report` writes: crates/dft-report/src/compare.rs. */
export interface Compared {
  version: string;
  filter: string | null;
  layers: Comparison;
  functions: Comparison;
  more_functions: number;
  runs: Run[];
}

export interface Run {
  name: string;
  job: Job;
  faults: string[];
  layers: Layer[];
  io_layer: string | null;
  timeline: Timeline;
  findings: Analysis["findings"];
}

export interface Comparison {
  runs: string[];
  preset: { name: string; title: string; reason: string | null };
  by: string;
  job: ComparedRow;
  rows: ComparedRow[];
  conditions: { condition: string; holds: boolean; values: number[] }[];
}

export interface ComparedRow {
  name: string;
  runs: (RunNumbers | null)[];
  changes: Change[];
}

export interface RunNumbers {
  calls: number | null;
  time_us: number | null;
  busy_us: number | null;
  bytes: number | null;
  mean_us: number | null;
}

export interface Change {
  time_us: number | null;
  time_ratio: number | null;
  calls: number | null;
  bytes: number | null;
  mean_us: number | null;
  mean_ratio: number | null;
  welch: Welch | null;
}

export interface Welch {
  p: number;
  effect_size: number;
}
