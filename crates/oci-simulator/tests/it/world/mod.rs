//! Promises of the simulated world, tested with the same requests that a server would pass to it.

mod addresses;
mod backups;
mod block_volumes;
mod capacity;
mod captured;
mod history;
mod identity;
mod instances;
mod launch_errors;
mod limit_requests;
mod lists;
mod network_abuse;
mod networks;
mod operations;
mod pools;
mod preemption;
mod random_addresses;
mod random_networks;
mod random_operations;
mod region;
mod registered;
mod reservations;
mod resize;
mod saved;
mod search;
mod volumes;
