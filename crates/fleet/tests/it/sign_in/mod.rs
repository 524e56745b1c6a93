//! Ways of signing in without an API key, against the simulated region in virtual time.

mod altered;
mod cluster;
mod day;
mod faults;
mod instance;
mod places;
mod policy;
mod session;
mod site;
