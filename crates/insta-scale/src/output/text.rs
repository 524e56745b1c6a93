//! Text from outside, made fit for a terminal; and words that agree with their numbers.

/// One line without control characters and escape sequences. Nothing is cut but what no message of ours reaches.
pub fn clean(text: &str) -> String {
    oci_client::plain_text(text, 4_000)
}

/// The same for a text of several lines.
pub fn clean_lines(text: &str) -> String {
    text.lines().map(clean).collect::<Vec<_>>().join("\n")
}

/// Lines as one text, a line break after each.
pub fn lines(lines: impl Iterator<Item = impl AsRef<str>>) -> String {
    lines.fold(String::new(), |mut out, line| {
        out.push_str(line.as_ref());
        out.push('\n');
        out
    })
}

/// `1 instance`, `2 instances`.
pub fn count(number: impl Into<u64>, noun: &str) -> String {
    match number.into() {
        1 => format!("1 {noun}"),
        number => format!("{number} {noun}s"),
    }
}

/// Seconds as people say them: `8.3 s`, `4 min 10 s`.
pub fn seconds(seconds: f64) -> String {
    if seconds < 120.0 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    if whole < 2 * 3600 {
        format!("{} min {} s", whole / 60, whole % 60)
    } else {
        format!("{} h {} min", whole / 3600, whole % 3600 / 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_say_them() {
        assert_eq!([count(1_u32, "slot"), count(0_u32, "slot")], ["1 slot", "0 slots"]);
        assert_eq!([seconds(8.34), seconds(250.0), seconds(9000.0)], ["8.3 s", "4 min 10 s", "2 h 30 min"]);
    }
}
