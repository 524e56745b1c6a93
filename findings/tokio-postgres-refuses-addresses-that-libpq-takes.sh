#!/usr/bin/env bash
# tokio-postgres 0.7.18: the address of a database as libpq documents it ("Connection Strings"), with a mode that verifies the
# server's certificate: `sslmode=verify-full`, `verify-ca`, or a file of certificates with `sslrootcert`.
# Expected: the address is read. psql and every driver on libpq take it, and hosted databases print such addresses to be copied.
# Seen: the address is refused as a whole. `sslmode=require`, which does not verify in libpq, is accepted, and verifies or not as the
# TLS connector of the caller does. A program that passes on what its users copy has to take these parameters out first.
# Nothing is connected to. Exits 1 if the behaviour has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "addresses"
version = "0.0.0"
edition = "2024"

[dependencies]
tokio-postgres = "=0.7.18"
TOML
cat > src/main.rs <<'RUST'
use std::error::Error as _;
use tokio_postgres::Config;

fn main() {
    let refused = |options: &str| {
        let read = format!("postgres://ann@db.example.com/fleets?{options}").parse::<Config>();
        let why = read.err().map(|error| error.source().map(ToString::to_string).unwrap_or_else(|| error.to_string()));
        println!("tokio-postgres 0.7.18, {options}: {}", why.as_deref().unwrap_or("accepted"));
        why.is_some()
    };
    let verifying = ["sslmode=verify-full", "sslmode=verify-ca", "sslrootcert=/etc/ssl/ca.pem"].map(refused);
    let other = ["sslmode=require", "connect_timeout=10"].map(refused);
    std::process::exit(i32::from(!(verifying == [true; 3] && other == [false; 2])));
}
RUST
cargo run --quiet
