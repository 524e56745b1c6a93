//! Makes text from outside safe for a terminal, and makes words agree with their numbers.

use jiff::Timestamp;
use serde::Serialize;

/// One line without control characters and escape sequences. The limit is longer than any message of this program.
pub fn clean(text: &str) -> String {
    oci_client::plain_text(text, 4_000)
}

/// The same for a text of several lines.
pub fn clean_lines(text: &str) -> String {
    text.lines().map(clean).collect::<Vec<_>>().join("\n")
}

/// Joins lines into one text, with a line break after each.
pub fn lines(lines: impl Iterator<Item = impl AsRef<str>>) -> String {
    lines.fold(String::new(), |mut out, line| {
        out.push_str(line.as_ref());
        out.push('\n');
        out
    })
}

/// Breaks lines between words so that they fit the terminal; a longer word stays whole. Without a terminal, the text stays
/// unchanged.
pub fn wrap(text: &str, width: Option<usize>) -> String {
    let Some(width) = width else { return text.to_owned() };
    let wrapped = text.split('\n').map(|line| {
        let mut out = String::new();
        let mut used = 0;
        for word in line.split(' ') {
            let size = console::measure_text_width(word);
            if used > 0 && used + 1 + size > width {
                out.push('\n');
                used = 0;
            } else if !out.is_empty() {
                out.push(' ');
                used += 1;
            }
            out.push_str(word);
            used += size;
        }
        out
    });
    wrapped.collect::<Vec<_>>().join("\n")
}

/// The beginning of a long text and the number of omitted lines, in at most `height` lines.
pub fn clip(text: &str, height: Option<usize>) -> String {
    let all = text.lines().count();
    let Some(shown) = height.filter(|height| all > *height).map(|height| height.saturating_sub(1)) else {
        return text.to_owned();
    };
    let more = format!("… and {}", count((all - shown) as u64, "more line"));
    lines(text.lines().take(shown).chain([more.as_str()]))
}

/// Names, with consecutive numbers combined: `web-1 … web-40, db`.
pub fn ranges(names: &[String]) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut rest = names;
    while let Some(first) = rest.first() {
        let follows = |(one, next): (&String, &String)| {
            let (stem, number) = numbered(one)?;
            (numbered(next)? == (stem, number + 1)).then_some(())
        };
        let more = rest.iter().zip(rest.iter().skip(1)).map_while(follows).count();
        match rest.get(more).filter(|_| more >= 2) {
            Some(last) => out.push(format!("{first} … {last}")),
            None => out.extend(rest.iter().take(more + 1).cloned()),
        }
        rest = rest.get(more + 1..).unwrap_or_default();
    }
    out.join(", ")
}

/// A name and its trailing number, which has no leading zeros.
fn numbered(name: &str) -> Option<(&str, u64)> {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = name.get(stem.len()..)?;
    let number = digits.parse().ok()?;
    (!digits.starts_with('0')).then_some((stem, number))
}

/// The name of a kind or an outcome in JSON documents.
pub fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// `1 instance`, `2 instances`.
pub fn count(number: impl Into<u64>, noun: &str) -> String {
    match number.into() {
        1 => format!("1 {noun}"),
        number if noun.ends_with(['s', 'x']) || noun.ends_with("ch") => format!("{number} {noun}es"),
        number => format!("{number} {noun}s"),
    }
}

/// `1 OCPU`, `1.5 OCPUs`: an amount that may be a fraction.
pub fn amount(number: f64, noun: &str) -> String {
    let is_one = number.total_cmp(&1.0).is_eq();
    format!("{number} {noun}{}", if is_one { "" } else { "s" })
}

/// A duration for people: `8.3 s`, `4 min 10 s`.
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

/// An amount with thousands separators: `1,234.50`.
pub fn thousands(amount: f64, decimals: usize) -> String {
    let text = format!("{amount:.decimals$}");
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
    let (whole, rest) = digits.find('.').map_or((digits, ""), |at| digits.split_at(at));
    let mut out = sign.to_owned();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 && whole.bytes().all(|byte| byte.is_ascii_digit()) {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}

/// A word for a shell, quoted if necessary.
pub fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-:@=+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// A moment for people: `2026-11-29 05:12 UTC`.
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// The time until a moment: `in 7 h 59 min`, or `over`.
pub fn left(until: Timestamp, now: Timestamp) -> String {
    let seconds = until.duration_since(now).as_secs();
    match seconds {
        ..=0 => "over".to_owned(),
        1..120 => format!("in {seconds} s"),
        120..7200 => format!("in {} min", seconds / 60),
        7200..172_800 => format!("in {} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("in {} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_their_thousands_apart() {
        let said = [0.034, 999.0, 1000.0, 1_234_567.891, -12_345.6].map(|amount| thousands(amount, 2));
        assert_eq!(said, ["0.03", "999.00", "1,000.00", "1,234,567.89", "-12,345.60"]);
        assert_eq!((thousands(1000.0, 0), thousands(f64::NAN, 2)), ("1,000".to_owned(), "NaN".to_owned()));
    }

    #[test]
    fn a_word_is_quoted_where_a_shell_needs_it() {
        let words = ["sim/config.yaml", "my config.yaml", "it's", "", "$(x)"].map(shell_word);
        assert_eq!(words, ["sim/config.yaml", "'my config.yaml'", r"'it'\''s'", "''", "'$(x)'"]);
    }

    #[test]
    fn long_lines_are_broken_between_words() {
        let text = "3 instances: 2 RUNNING, 1 STOPPED\nTerminate them?";
        assert_eq!(wrap(text, Some(24)), "3 instances: 2 RUNNING,\n1 STOPPED\nTerminate them?");
        assert_eq!(wrap(text, None), text);
    }

    #[test]
    fn a_frame_is_never_longer_than_the_terminal() {
        let text = "1\n2\n3\n4\n5\n";
        assert_eq!(clip(text, Some(5)), text);
        assert_eq!(clip(text, Some(3)), "1\n2\n… and 3 more lines\n");
        assert_eq!(clip(text, None), text);
    }

    #[test]
    fn names_with_numbers_in_a_row_are_told_as_one() {
        let told = |names: &[&str]| ranges(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert_eq!(told(&["web-8", "web-9", "web-10", "web-12", "db"]), "web-8 … web-10, web-12, db");
        // Two names are shorter one by one, and a repeated name is not a range.
        assert_eq!(told(&["a1", "a2", "b1", "b1", "c01", "c02", "c03"]), "a1, a2, b1, b1, c01, c02, c03");
        assert_eq!(told(&[]), "");
    }

    #[test]
    fn numbers_read_as_people_say_them() {
        assert_eq!([count(1_u32, "slot"), count(0_u32, "slot")], ["1 slot", "0 slots"]);
        assert_eq!(count(2_u32, "launch"), "2 launches");
        assert_eq!([seconds(8.34), seconds(250.0), seconds(9000.0)], ["8.3 s", "4 min 10 s", "2 h 30 min"]);
    }
}
