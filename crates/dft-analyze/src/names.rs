//! Names of processes, for people.

use std::collections::HashMap;

use crate::collect::Collected;

/// The names of processes, by number.
pub(crate) struct ProcessNames {
    pub(crate) names: Vec<String>,
    pub(crate) hosts: Vec<String>,
    /// The processes by rank, host and number.
    pub(crate) order: Vec<usize>,
}

impl ProcessNames {
    pub(crate) fn of(found: &Collected) -> Self {
        let hosts: Vec<String> = found
            .processes
            .values
            .iter()
            .zip(&found.facts)
            .map(|(key, facts)| {
                let either = [&facts.host_name, &key.host_hash].into_iter().find(|name| !name.is_empty());
                either.cloned().unwrap_or_default()
            })
            .collect();
        let one_host = found.processes.values.windows(2).all(|pair| pair[0].host_hash == pair[1].host_hash);
        let mut of_rank: HashMap<i64, usize> = HashMap::new();
        found.facts.iter().filter_map(|facts| facts.rank).for_each(|rank| *of_rank.entry(rank).or_default() += 1);
        let name = |at: usize| {
            let pid = found.processes.values[at].pid;
            let host = if one_host || hosts[at].is_empty() { String::new() } else { format!(" on {}", hosts[at]) };
            match found.facts[at].rank {
                Some(rank) if of_rank[&rank] == 1 => format!("rank {rank} (process {pid}{host})"),
                Some(rank) => format!("process {pid} of rank {rank}{host}"),
                None => format!("process {pid}{host}"),
            }
        };
        let mut order: Vec<usize> = (0..hosts.len()).collect();
        // Processes without a rank come last.
        order.sort_by_key(|&at| {
            let rank = found.facts[at].rank;
            (rank.is_none(), rank, &hosts[at], found.processes.values[at].pid)
        });
        Self { names: (0..hosts.len()).map(name).collect(), order, hosts }
    }
}
