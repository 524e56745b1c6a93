//! The services with which somebody without an API key signs in: the metadata service of an instance, and the auth host, which
//! exchanges certificates for tokens and renews session tokens.
//!
//! All are served at the region's own address. Must not know about operations of the API.

mod certificates;
pub(super) mod desk;
mod exchange;
mod metadata;
mod replies;
mod services;
mod tokens;

pub(super) use services::{answer, is_for, token_of_resource};
