//! Whole-system tests of a program that dies, or that the system refuses, at the failpoints that a test names.

#[path = "../common/mod.rs"]
mod common;

mod a_killed_export_leaves_no_mixed_tables;
mod a_process_killed_at_any_failpoint_leaves_a_whole_index;
mod a_process_killed_while_copies_are_found_counts_none_twice;

#[test]
fn every_scenario_is_compiled() {
    common::check_modules("failpoints", include_str!("main.rs"));
}
