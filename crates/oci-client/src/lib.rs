//! A client of the OCI REST API: credentials, request signing, transport, retries, pages and typed calls.
//!
//! It must not know about fleets, runs or the configuration files of other programs. Time ([`Clock`]), chance (a seed),
//! waiting (tokio's time) and the transport ([`transport::Transport`]) are passed in, so a whole client can run in virtual
//! time.
//!
//! ```no_run
//! # async fn example(signer: std::sync::Arc<dyn oci_client::credentials::Signer>) -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! let client = oci_client::Client::builder(
//!     oci_client::Endpoints::for_region("us-phoenix-1")?,
//!     Arc::new(oci_client::transport::Https::new()?),
//! )
//! .signer(signer)
//! .build();
//! let instance = client.get_instance("ocid1.instance.oc1.phx.abc").await?;
//! println!("{}", instance.value.lifecycle_state);
//! # Ok(()) }
//! ```

#![warn(missing_docs)]

mod attempt;
mod call;
pub mod classify;
mod client;
mod clock;
pub mod credentials;
mod endpoint;
mod error_body;
mod failure;
mod further;
mod observer;
mod pages;
mod regional;
pub mod regions;
pub mod retry;
pub mod services;
mod shared;
pub mod signing;
mod text;
pub mod transport;
mod tuning;

pub use attempt::Answered;
pub use call::Call;
pub use client::{Client, ClientBuilder};
pub use clock::{Clock, SystemClock};
pub use endpoint::{Base, EndpointError, Endpoints, find_region, is_loopback};
pub use failure::{Failure, FailureClass, GaveUp, is_foreign};
pub use further::region_of;
pub use observer::{Counts, Observer, Outcome, RequestCounts, Retrying, Tried};
pub use pages::MAX_PAGES;
pub use retry::{QuestionLimits, RetryPolicy};
pub use text::plain as plain_text;
