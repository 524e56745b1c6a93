//! The common engine of all runs: the environment, the journal that writes events, the pace of calls, and what follows a
//! failure. It must not know the purpose of a run.

pub mod backoff;
pub(crate) mod cloud;
pub(crate) mod deletion;
pub mod env;
pub mod failure;
pub(crate) mod journal;
pub(crate) mod ocid_key;
pub(crate) mod outcome;
pub mod pacer;
pub(crate) mod poll;
