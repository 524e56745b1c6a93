//! Facts at the end of a launch that its records do not contain, for people: price, expiry, next commands.

use super::text::{left, moment, thousands};
use fleet::RunSummary;
use fleet::addresses::Addresses;
use fleet::price::Per;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Facts at the end of a launch that its records do not contain. All are empty if a past run is shown.
#[derive(Clone, Debug, Default)]
pub struct Ending {
    /// Addresses by slot.
    pub addresses: BTreeMap<u32, Addresses>,
    /// Why some are missing.
    pub warning: Option<String>,
    /// The price of the instances per hour; `None` if unknown.
    pub hour: Option<Per>,
    /// The currency of the price.
    pub currency: String,
    /// When the instances expire, if they do.
    pub expires: Option<Timestamp>,
    /// The command prefix for the same region; `None` if the region no longer exists.
    pub again: Option<String>,
    /// Whether prices were looked up, which does not happen for past runs.
    pub asked: bool,
}

impl Ending {
    /// The price and expiry, for stdout.
    pub fn lines(&self, summary: &RunSummary, now: Timestamp) -> String {
        let mut out = String::new();
        if summary.launched == 0 {
            return out;
        }
        // Writing to a String cannot fail, so the results are ignored.
        let _ = match self.hour {
            Some(Per { hour, days_30 }) => writeln!(
                out,
                "price: {} {} per hour, {} per 30 days (720 hours), including boot volumes",
                thousands(hour, 4),
                self.currency,
                thousands(days_30, 2),
            ),
            None if self.asked => writeln!(out, "price: unknown (set it under `prices:` in the config)"),
            None => Ok(()),
        };
        if let Some(until) = self.expires {
            let _ = writeln!(out, "expires: {} ({})", moment(until), left(until, now));
        }
        out
    }

    /// The next commands, for stderr.
    pub fn next(&self, summary: &RunSummary, now: Timestamp) -> String {
        let mut out = String::new();
        let Some(again) = self.again.as_ref().filter(|_| summary.launched > 0) else { return out };
        let run = summary.run_id;
        let _ = writeln!(out, "log in:    {again} export ssh-config --run {run} > ssh_config");
        if let Some(until) = self.expires {
            // An extension must be later than the present expiry.
            let hours = until.duration_since(now).as_hours().max(0) + 9;
            let _ = writeln!(out, "extend:    {again} instances extend --run {run} --ttl {hours}h");
        }
        let _ = writeln!(out, "terminate: {again} instances terminate --run {run}");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::{RunId, RunState};

    #[test]
    fn the_end_of_a_launch_tells_price_and_next_commands() {
        let of = RunSummary::of(&RunState::new(RunId(uuid::Uuid::nil())), &fleet::Plan::default());
        let summary = RunSummary { launched: 2, ..of };
        let ending = Ending {
            hour: Some(Per::of(1234.5)),
            currency: "USD".to_owned(),
            expires: "2026-11-29T05:12:00Z".parse().ok(),
            again: Some("oci-insta-scale --config sim/config.yaml".to_owned()),
            asked: true,
            ..Ending::default()
        };
        let now = "2026-11-28T21:13:00Z".parse().unwrap();
        insta::assert_snapshot!(ending.lines(&summary, now) + &ending.next(&summary, now), @r"
        price: 1,234.5000 USD per hour, 888,840.00 per 30 days (720 hours), including boot volumes
        expires: 2026-11-29 05:12 UTC (in 7 h 59 min)
        log in:    oci-insta-scale --config sim/config.yaml export ssh-config --run 00000000-0000-0000-0000-000000000000 > ssh_config
        extend:    oci-insta-scale --config sim/config.yaml instances extend --run 00000000-0000-0000-0000-000000000000 --ttl 16h
        terminate: oci-insta-scale --config sim/config.yaml instances terminate --run 00000000-0000-0000-0000-000000000000
        ");
        let nothing = RunSummary { launched: 0, ..summary };
        assert_eq!(ending.lines(&nothing, now) + &ending.next(&nothing, now), "");
    }
}
