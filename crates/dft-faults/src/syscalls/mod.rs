//! Lets system calls of every command fail, fall short or kill the process.
//!
//! A first run counts the calls of each class that a command makes. A case is then a class, the number of a call and
//! what happens to it. The name of a case, such as `syscalls/grown/write/17/ENOSPC`, describes it completely.

mod actions;
mod case_runner;

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::campaign::Campaign;
use crate::random::Random;
use crate::scenarios::{SCENARIOS, Scenario};
use crate::tools::Tools;
use crate::workers;

use actions::{ALWAYS, Action, FROM_SOME_TIME_ON, ONCE, actions_of};
use case_runner::CaseRunner;

/// The first word of the names of these cases.
pub(crate) const KIND: &str = "syscalls";

/// The numbers of failures and of deaths to try with each command, per unit of scale.
const FAILURES: usize = 20;
const DEATHS: usize = 8;

/// A case: a command, one of its calls, and what happens to that call.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    scenario: Scenario,
    class: String,
    call: u64,
    onwards: bool,
    action: Action,
}

impl Case {
    fn name(&self) -> String {
        let onwards = if self.onwards { "+" } else { "" };
        format!("{KIND}/{}/{}/{}{onwards}/{}", self.scenario.name, self.class, self.call, self.action.name)
    }

    /// Parses the name of a case.
    fn named(name: &str) -> Result<Self> {
        let words: Vec<_> = name.split('/').collect();
        let [_, scenario, class, call, action] = words[..] else { bail!("{name} is not the name of a case") };
        let scenario = *SCENARIOS.iter().find(|known| known.name == scenario).context("there is no such command")?;
        let action = *actions_of(class).iter().find(|known| known.name == action).context("there is no such action")?;
        let onwards = call.ends_with('+');
        let call = call.trim_end_matches('+').parse()?;
        Ok(Self { scenario, class: class.to_owned(), call, onwards, action })
    }

    /// Returns the rules for `interpose.c`.
    fn rules(&self) -> String {
        let onwards = if self.onwards { "+" } else { "" };
        format!("{}:{}{onwards}:{}", self.class, self.call, self.action.rule())
    }

    /// Whether the command must succeed nevertheless, because it does not need the call. A system either has links,
    /// copies and locks or does not; one that loses them during a run is broken.
    fn must_succeed(&self) -> bool {
        let from_the_start = self.call == 1 && self.onwards;
        self.action.harmless && (from_the_start || !["link", "lock", "copy"].contains(&&*self.class))
    }

    /// Whether the process cannot remove its temporary files: it is dead, or does not know of them.
    fn may_leave_temporaries(&self) -> bool {
        self.kills() || self.class == "unlink" || self.action.name == "lost"
    }

    fn kills(&self) -> bool {
        self.action.kills()
    }
}

/// Tries random cases, or only the one called `only`.
pub(crate) fn run(campaign: &Campaign<'_>) -> Result<()> {
    let &Campaign { tools, jobs, report, .. } = campaign;
    report.begin(KIND);
    let work = campaign.work.join(KIND);
    let cases = match campaign.only {
        Some(name) => vec![Case::named(name)?],
        None => {
            let (cases, of) = cases(tools, &work, &mut campaign.random(KIND), campaign.scale)?;
            report.note(format!("{} of {of} possible cases", cases.len()));
            cases
        }
    };
    workers::each(
        cases,
        jobs,
        &work,
        |folder| CaseRunner::new(tools, folder),
        |runner, case| {
            let fault = runner.fault(&case)?;
            report.case(&case.name(), fault.as_deref());
            Ok(())
        },
    )
}

/// Returns the cases to try, and how many are possible.
fn cases(tools: &Tools, work: &Path, random: &mut Random, scale: usize) -> Result<(Vec<Case>, usize)> {
    let (mut chosen, mut all) = (Vec::new(), 0);
    let mut runner = CaseRunner::new(tools, work.join("worker-0"));
    for scenario in SCENARIOS {
        let counts = runner.counts(&scenario)?;
        let case = |class: &str, call, onwards, action: &Action| Case {
            scenario,
            class: class.to_owned(),
            call,
            onwards,
            action: *action,
        };
        let mut by_class = Vec::new();
        for (class, calls) in counts.calls.iter().filter(|(_, calls)| *calls > 0) {
            let mut of_class: Vec<Case> = Vec::new();
            for action in actions_of(class) {
                of_class.extend((1..=*calls).map(|call| case(class, call, false, action)));
                if action.lasts {
                    of_class.extend((1..=*calls).map(|call| case(class, call, true, action)));
                }
            }
            by_class.push(of_class);
        }
        let deaths: Vec<_> = (1..=counts.all).map(|call| case("any", call, false, &actions::KILL)).collect();
        let always =
            ALWAYS.iter().filter(|(class, _)| counts.calls.iter().any(|(name, calls)| name == class && *calls > 0));
        let always: Vec<_> = always.map(|(class, action)| case(class, 1, true, action)).collect();
        let once =
            ONCE.iter().filter(|(class, _)| counts.calls.iter().any(|(name, calls)| name == class && *calls > 0));
        let mut always: Vec<_> =
            always.into_iter().chain(once.map(|(class, action)| case(class, 1, false, action))).collect();
        for (class, action) in FROM_SOME_TIME_ON {
            let calls = counts.calls.iter().find(|(name, _)| name == class).map_or(0, |(_, calls)| *calls);
            always.extend(
                (1..4)
                    .map(|quarter| calls * quarter / 4)
                    .filter(|call| *call > 0)
                    .map(|call| case(class, call, true, &action)),
            );
        }
        all += always.len() + deaths.len() + by_class.iter().map(Vec::len).sum::<usize>();
        chosen.extend(always);
        chosen.extend(random.sample(deaths, DEATHS * scale));
        // Try equally many of each class, however many calls of it there are.
        let mut left = FAILURES * scale;
        let mut by_class = random.sample(by_class, usize::MAX);
        by_class.sort_by_key(Vec::len);
        for at in 0..by_class.len() {
            let share = left.div_ceil(by_class.len() - at);
            let cases = random.sample(std::mem::take(&mut by_class[at]), share);
            left -= cases.len();
            chosen.extend(cases);
        }
    }
    Ok((chosen, all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_case_describes_it_completely() {
        for name in ["syscalls/grown/write/17/ENOSPC", "syscalls/first/any/3/kill", "syscalls/export/link/1+/EPERM"] {
            assert_eq!(Case::named(name).expect("a case").name(), name);
        }
        assert_eq!(Case::named("syscalls/first/write/4+/short").expect("a case").rules(), "write:4+:short");
        for name in ["syscalls/first/write/4", "syscalls/first/write/x/EIO", "syscalls/none/write/1/EIO"] {
            assert!(Case::named(name).is_err(), "{name}");
        }
    }
}
