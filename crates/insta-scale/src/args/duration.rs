//! Times as people type them: `90s`, `20m`, `1h30m`, or plain seconds.

use std::time::Duration;

/// The longest time that a flag takes: a year.
const MOST: Duration = Duration::from_hours(24 * 365);

/// Reads a time.
pub fn parse(text: &str) -> Result<Duration, String> {
    let help = || "a time such as 90s, 20m or 1h30m is needed".to_owned();
    let time = if let Ok(seconds) = text.parse::<f64>() {
        Duration::try_from_secs_f64(seconds).map_err(|_| help())?
    } else {
        let time: jiff::SignedDuration = text.parse().map_err(|_| help())?;
        time.try_into().map_err(|_| help())?
    };
    if time > MOST { Err("at most a year".to_owned()) } else { Ok(time) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_type_them() {
        let seconds = |text| parse(text).map(|time| time.as_secs_f64()).ok();
        assert_eq!(seconds("90"), Some(90.0));
        assert_eq!(seconds("0.5"), Some(0.5));
        assert_eq!(seconds("90s"), Some(90.0));
        assert_eq!(seconds("20m"), Some(1200.0));
        assert_eq!(seconds("1h30m"), Some(5400.0));
        assert_eq!(seconds("PT5M"), Some(300.0));
        for wrong in ["", "-5s", "-1", "soon", "NaN", "1e99", "5 parsecs", "999999h"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }
}
