#!/usr/bin/env bash
# aws-lc-rs 1.19.0 with aws-lc-sys 0.47.0, on Linux: the first random number of a process.
# Expected: it takes about as long as asking the operating system for a seed, well below a millisecond.
# Seen: it takes about 30 ms of processor time, because the generator is also seeded from the jitter of the processor. Everything after
# it takes less than a microsecond. Built with AWS_LC_SYS_NO_JITTER_ENTROPY=1, the first one takes less than 0.1 ms. A command that signs one
# request and ends pays for this in each run.
# Compared by ratio, since machines differ. Exits 1 if the behaviour has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "first-random"
version = "0.0.0"
edition = "2024"

[dependencies]
aws-lc-rs = { version = "=1.19.0", default-features = false, features = ["aws-lc-sys"] }
aws-lc-sys = "=0.47.0"
TOML
cat > src/main.rs <<'RUST'
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use std::time::Instant;

fn microseconds() -> f64 {
    let (since, mut bytes) = (Instant::now(), [0; 32]);
    SystemRandom::new().fill(&mut bytes).expect("random numbers are available");
    since.elapsed().as_secs_f64() * 1e6
}

fn main() {
    println!("{:.1} {:.1}", microseconds(), microseconds());
}
RUST
cargo build --quiet --release --target-dir with
AWS_LC_SYS_NO_JITTER_ENTROPY=1 cargo build --quiet --release --target-dir without
# The least of five processes each, so that a busy machine does not decide.
least() { for _ in 1 2 3 4 5; do "$1/release/first-random"; done | sort -n | head -1; }
read -r first second < <(least with)
read -r alone _ < <(least without)
echo "aws-lc-rs 1.19.0: first $first µs, second $second µs; without jitter: first $alone µs"
awk -v first="$first" -v second="$second" -v alone="$alone" \
  'BEGIN { exit !(first > 5000 && first > 1000 * second && first > 50 * alone) }'
