//! Tests of the commands' public interface.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod alternatives;
mod bad_config;
mod bad_credentials;
mod bad_details;
mod bad_settings;
mod before_a_run;
mod capacity_history;
mod command_line;
mod compute_cluster;
mod consent;
#[cfg(target_os = "linux")]
mod doctor;
#[cfg(target_os = "linux")]
mod doctor_heals;
mod engines;
mod first_boot;
mod fleets;
mod formats;
mod good_config;
mod hunt;
mod init;
mod init_again;
mod instances;
mod keeping;
mod launch;
mod layers;
mod lifetimes;
mod limits;
mod live;
mod metrics;
mod names;
mod naming;
mod notify;
mod official_tools;
mod output_formats;
mod own_network;
mod placeholders;
mod planning;
#[cfg(target_os = "linux")]
mod policies;
mod prices;
mod program;
mod properties;
mod published;
mod region_clock;
#[cfg(target_os = "linux")]
mod region_fleets;
mod regions;
mod reliability;
mod report;
mod reservations;
#[cfg(unix)]
mod schema;
mod selection;
#[cfg(target_os = "linux")]
mod shared_ledger;
mod siblings;
mod sim_serve;
mod spread;
mod ssh;
mod strict;
mod traces;
#[cfg(unix)]
mod unfinished_runs;
mod variables;
mod want;
mod why;
