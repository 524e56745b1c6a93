//! Durations as people type them: `90s`, `20m`, `1h30m`, `8d`. A number without a unit is refused, because `--ttl 8` means
//! hours as often as seconds.

use crate::tuning::DURATION_MAX;
use jiff::{Span, SpanRelativeTo};
use std::time::Duration;

/// Parses a duration. A day has 24 hours.
pub fn parse(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>()
        && number.is_finite()
        && number >= 0.0
    {
        return Err(format!("a time needs a unit: write {text}s, {text}m, {text}h or {text}d"));
    }
    let help = || "expected a time such as 90s, 20m, 1h30m or 8d".to_owned();
    let span: Span = text.parse().map_err(|_| help())?;
    let time = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| help())?;
    let time: Duration = time.try_into().map_err(|_| help())?;
    if time > DURATION_MAX { Err("the longest time is a year (365d)".to_owned()) } else { Ok(time) }
}

/// Parses a duration of at least this many seconds.
pub fn at_least(text: &str, seconds: u64) -> Result<Duration, String> {
    let time = parse(text)?;
    if time < Duration::from_secs(seconds) {
        Err(format!("at least {seconds}s is required"))
    } else {
        Ok(time)
    }
}

/// Parses the time between two refreshes, or between two requests that a command repeats.
pub fn refresh(text: &str) -> Result<Duration, String> {
    at_least(text, 1)
}

/// Parses the time after which another machine may take over a run. Shorter ones would end with a slow commit.
pub fn takeover(text: &str) -> Result<Duration, String> {
    at_least(text, 10)
}

/// Parses the age of what is removed, so that a typing error does not remove what is recent.
pub fn prune(text: &str) -> Result<Duration, String> {
    at_least(text, 3600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_between_looks_has_a_least_value() {
        assert_eq!(refresh("1s"), Ok(Duration::from_secs(1)));
        assert_eq!(refresh("999ms").unwrap_err(), "at least 1s is required");
        assert!(at_least("9s", 10).unwrap_err().contains("10s"));
    }

    #[test]
    fn times_are_read_as_people_type_them() {
        let seconds = |text| parse(text).map(|time| time.as_secs_f64()).ok();
        assert_eq!(seconds("90s"), Some(90.0));
        assert_eq!(seconds("0s"), Some(0.0));
        assert_eq!(seconds("0.5s"), Some(0.5));
        assert_eq!(seconds("20m"), Some(1200.0));
        assert_eq!(seconds("1h30m"), Some(5400.0));
        assert_eq!(seconds("1.5h"), Some(5400.0));
        assert_eq!(seconds("8d"), Some(8.0 * 86_400.0));
        assert_eq!(seconds("1d12h"), Some(36.0 * 3600.0));
        assert_eq!(seconds("PT5M"), Some(300.0));
        for wrong in
            ["", "-5s", "-1", "soon", "NaN", "inf", "1e99", "5 parsecs", "999999h", "366d", "1mo", "1h30"]
        {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_time_without_a_unit_is_refused() {
        for (text, said) in
            [("8", "write 8s, 8m, 8h or 8d"), ("0", "write 0s, 0m"), (" 0.5", "write 0.5s, 0.5m")]
        {
            let error = parse(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
