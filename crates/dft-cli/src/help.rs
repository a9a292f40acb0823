//! What `--help` says after the options: examples, notes, exit codes.

pub(crate) const INDEX_HELP: &str = "\
Examples:
  dft index traces/
  dft index 'run-*/*.pfw.gz' --index run.dftagg --interval 100ms

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done, but the input has faults.";

pub(crate) const EXPORT_HELP: &str = "\
Examples:
  dft export traces/ --out tables
  dft export run.dftagg --out tables --granularity 5s --time 10s..60s --cat posix
  dft export run.dftagg --out tables --table events --group-by func_name,host_name --format csv

Traces are indexed first. A filter does not apply to telemetry that has no such column.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done, but the input has faults.";

pub(crate) const QUERY_HELP: &str = "\
Examples:
  dft query run.dftagg --group-by func_name --sort dur_total:desc --limit 10
  dft query run.dftagg --group-by epoch,file_dir --stats count,size_total,dur_mean,dur_p99
  dft query traces/ --query 'file_ext == \"h5\"' --group-by host_name --format parquet --out h5.parquet

Traces are indexed first. Counts, sums, extrema, means and deviations are exact. Percentiles (dur_p99) \
and histograms (size_hist, by powers of two) come from sketches: they are within the accuracy that the \
index was built with (dft index --percentiles).

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done, but the input has faults.";

pub(crate) const VALIDATE_HELP: &str = "\
Examples:
  dft validate traces/
  dft validate 'run-*/*.pfw.gz' --json

Exit codes: 0 sound, 1 failed, 2 wrong usage, 3 the traces have faults.";

pub(crate) const SUMMARY_HELP: &str = "\
Examples:
  dft summary traces/
  dft summary run.dftagg --json

Traces are indexed first.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done, but the input has faults.";

pub(crate) const REPORT_HELP: &str = "\
Examples:
  dft report traces/
  dft report run.dftagg --out read.html --query 'io_cat == 1' --time 10s..5m

The page is one file that opens in any browser, without a network. Traces are indexed first. An index \
with sketches (dft index --percentiles) gives it percentiles and complete histograms.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done, but the input has faults.";

pub(crate) const WATCH_HELP: &str = "\
Examples:
  dft watch traces/
  dft watch traces/ --every 10s --idle 5min

On a terminal, one screen shows the rates since the last look and the processes that fall behind; q or \
Ctrl-C ends it with a summary. Elsewhere, each look is a line. Tracers write their logs with a delay, \
so a look shows what they have written.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done, but the input has faults.";

pub(crate) const INFO_HELP: &str = "\
Examples:
  dft info traces/
  dft info run.dftagg --json

Traces are indexed first.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done, but the input has faults.";

pub(crate) const VERIFY_HELP: &str = "\
Example:
  dft verify run.dftagg

Exit codes: 0 sound, 1 damaged or failed, 2 wrong usage.";

pub(crate) const STAGE_HELP: &str = "\
Examples:
  dft stage traces/ --staging /tmp/stage --shared-staging /shared/stage
  srun sh -c 'dft stage t/ --staging /tmp --shared-staging /shared --part $SLURM_PROCID/$SLURM_NTASKS'
  dft ingest run.dftagg --shared-staging /shared/stage

A bundle appears in the shared directory whole or not at all. If a part dies, run the same command \
again: it skips traces that are already in a bundle. Traces are divided into parts by path and size, \
so stage when both are final; `dft index` can add missing traces later. Large traces are cut into \
pieces at line ends or gzip members, and are ingested when all of their pieces are staged.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done, but the input has faults.";

pub(crate) const INGEST_HELP: &str = "\
Example:
  dft ingest run.dftagg --shared-staging /shared/stage

A trace that was staged in pieces is ingested when all of its pieces are staged; missing pieces are \
reported. If the pieces do not make up the trace, stage it whole with `dft stage TRACE …` and ingest \
again.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done, but the input has faults, or bundles were refused, \
are waiting or could not be removed.";

pub(crate) const ANALYZE_HELP: &str = "\
A layer is busy in a process while any of its calls is in progress there. `busy` is the time in which any process is, `per \
process` the mean over processes, `own` that without the layers below it. `hidden` is the share during which compute is \
busy in the same process, `by any` in any process. Busy times are exact: unions of intervals.

Examples:
  dft analyze traces/
  dft analyze run.dftagg --preset dlio --path reader=/my/dataset
  dft analyze run.dftagg --by time --granularity 10s
  dft analyze run.dftagg --by function --cat posix --top 20
  dft analyze run.dftagg --json | jq '.findings.found[].text'
  dft analyze run.dftagg --as dfanalyzer

Traces are indexed first.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done, but the input has faults.";

pub(crate) const COMPARE_HELP: &str = "\
The time of a row is the time in which any process is busy with it; that of the job is from its first call to its last. \
`mean` is the ratio of the mean durations of calls, and `beyond noise` says whether it differs by more than the calls of \
one run do: Welch's test (p below 0.01) and at least a small effect (Cohen's d of 0.2). Hosts and files are matched by \
name, processes by rank.

Examples:
  dft compare before.dftagg after.dftagg
  dft compare before.dftagg after.dftagg --by function --cat posix
  dft compare before.dftagg after.dftagg --report differences.html
  dft compare main/ change/ --fail-if 'time > 1.2x where cat = posix' --fail-if 'job > 1.1x'

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done, but the input has faults, 4 a condition holds.";

pub(crate) const COMPLETIONS_HELP: &str = "\
Examples:
  dft completions bash > ~/.local/share/bash-completion/completions/dft
  dft completions zsh > ~/.zfunc/_dft
  dft completions fish > ~/.config/fish/completions/dft.fish";

pub(crate) const MAN_HELP: &str = "\
Examples:
  dft man | man -l -
  dft man query > ~/.local/share/man/man1/dft-query.1";
