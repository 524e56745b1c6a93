//! What every kind of run needs: the environment, the journal that writes its events, the pace of its calls, what follows
//! a failure. Must not know what a run is for.

pub mod backoff;
pub(crate) mod cloud;
pub mod env;
pub mod failure;
pub(crate) mod journal;
pub(crate) mod outcome;
pub mod pacer;
pub(crate) mod poll;
