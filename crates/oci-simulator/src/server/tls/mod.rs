//! TLS under the host names of the real services, for clients that compute their endpoints and cannot be told another.
//!
//! `names` lists the host names, `authority` issues the certificate, `listen` accepts connections and finds the region of each,
//! and `environment` writes the files that point clients here.

mod authority;
mod environment;
mod listen;
mod names;

pub use environment::Environment;

pub(super) use authority::open;
pub(super) use environment::write_files;
pub(super) use listen::{TlsServed, start};
pub(super) use names::ServiceHosts;

use authority::Credentials;

/// The files of this module in a home.
pub(super) fn files() -> impl Iterator<Item = &'static str> {
    authority::FILES.into_iter().chain(environment::FILES)
}
