//! Everything that a run measured.

use serde::Serialize;

use crate::account::Account;
use crate::analyses::Analyses;
use crate::builds::Builds;
use crate::exports::Exports;
use crate::machine::Machine;
use crate::micro::Step;
use crate::peers::Comparison;
use crate::scaling::Scaling;

/// All results; parts that were not measured are `None`.
#[derive(Serialize)]
pub(crate) struct Results {
    pub(crate) machine: Machine,
    pub(crate) quick: bool,
    pub(crate) micro: Option<Vec<Step>>,
    pub(crate) peers: Option<Vec<Comparison>>,
    pub(crate) builds: Option<Builds>,
    pub(crate) scaling: Option<Scaling>,
    pub(crate) account: Option<Vec<Account>>,
    pub(crate) analyses: Option<Analyses>,
    pub(crate) exports: Option<Exports>,
}

impl Results {
    /// Returns results without measurements.
    pub(crate) fn new(machine: Machine, quick: bool) -> Self {
        Self {
            machine,
            quick,
            micro: None,
            peers: None,
            builds: None,
            scaling: None,
            account: None,
            analyses: None,
            exports: None,
        }
    }
}
