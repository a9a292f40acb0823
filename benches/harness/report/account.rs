//! The section on the work of each stage, and on what more cores give.

use crate::account::{Account, CORES, Job};
use crate::page::Page;
use crate::words::{number, seconds};

pub(crate) fn write(page: &mut Page, accounts: &[Account]) {
    page.say("\n## Many cores\n");
    page.say(&format!(
        "The work of each stage of `dft index` and `dft export` with {CORES} threads, in CPU seconds of all threads, and"
    ));
    page.say("the longest chain of it: what is done in sequence, whatever the number of threads. The speed-up follows from both:");
    page.say(&format!(
        "stages that run at the same time take as long as their work on {CORES} cores, or as their longest chain. What no"
    ));
    page.say("stage has (other) counts as a chain, and publishing with the time that it waits for the disk.");
    for account in accounts {
        page.say(&format!("\n### {}", account.name));
        page.head(&["", "stage", "work", "longest chain", "elapsed"]);
        for (name, job) in [("index", &account.index), ("export", &account.export)] {
            job_rows(page, name, job);
        }
        let speed_up = |job: &Job| number(job.speed_up);
        page.say(&format!(
            "\n{CORES} cores: index {} ×, export {} × the speed of one.",
            speed_up(&account.index),
            speed_up(&account.export)
        ));
    }
}

fn job_rows(page: &mut Page, name: &str, job: &Job) {
    for stage in &job.stages {
        let chain = |value: f64| if value > 0.0 { seconds(value) } else { String::new() };
        page.row(&[
            name.to_owned(),
            stage.name.clone(),
            seconds(stage.cpu_s),
            chain(stage.chain_cpu_s),
            chain(stage.chain_s),
        ]);
    }
    page.row(&[name.to_owned(), "other".to_owned(), seconds(job.other_s), seconds(job.other_s), String::new()]);
}
