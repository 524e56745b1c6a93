//! Adds flags to the commands in advice, so that they work as printed: the config, login, service and ledger of this command.

use std::sync::OnceLock;

/// The flags of this command, each with a leading space.
#[derive(Debug)]
pub struct Flags {
    /// The config: its files and the values over them.
    pub layers: String,
    /// The login, the service and the ledger.
    pub place: String,
}

static FLAGS: OnceLock<Flags> = OnceLock::new();
static COUNT: OnceLock<u32> = OnceLock::new();

/// The commands that judge or make as many instances as `--count` says.
const COUNTED: [&str; 6] = ["launch", "hunt", "plan", "limits", "doctor", "capacity"];

/// Stores the flags of this command for its advice. The first flags stay, because a process runs one command.
pub fn remember_flags(flags: Flags) {
    let _ = FLAGS.set(flags);
}

/// Stores the number of instances that this command was given in place of the config's.
pub fn remember_count(count: Option<u32>) {
    if let Some(count) = count {
        let _ = COUNT.set(count);
    }
}

/// Adds the flags of this command to all commands in backticks, and its count to those that would otherwise take another.
pub fn advice(text: &str) -> String {
    const OPENING: &str = "`oci-insta-scale ";
    let text = FLAGS.get().map_or_else(|| text.to_owned(), |flags| with_all(text, OPENING, flags));
    COUNT.get().map_or_else(|| text.clone(), |count| with_count(&text, OPENING, *count))
}

/// `init` takes one file, which the advice names, and no values over it.
fn with_all(text: &str, opening: &str, flags: &Flags) -> String {
    let all = format!("{}{}", flags.layers, flags.place);
    extended(text, opening, |command| {
        let is_init = command.split(' ').next() == Some("init");
        missing(command, if is_init { &flags.place } else { &all })
    })
}

/// Adds flags to the commands in a text. A command starts with `opening`, and ends the text or a part of it.
pub fn with_flags(text: &str, opening: &str, flags: &str) -> String {
    extended(text, opening, |command| missing(command, flags))
}

fn missing(command: &str, flags: &str) -> String {
    let has_them = format!(" {command}").contains(flags) || command.ends_with("--help");
    if has_them { String::new() } else { flags.to_owned() }
}

fn with_count(text: &str, opening: &str, count: u32) -> String {
    extended(text, opening, |command| {
        let counts = command.split(' ').next().is_some_and(|first| COUNTED.contains(&first));
        // Other commands of `limits` and `capacity` are about what exists already.
        let others = ["limits requests", "limits comment", "limits cancel", "capacity history"];
        let is_other = others.iter().any(|other| command.starts_with(other));
        if counts && !is_other && !command.contains("--count") && !command.ends_with("--help") {
            format!(" --count {count}")
        } else {
            String::new()
        }
    })
}

/// Adds to each command in a text what `more` says.
fn extended(text: &str, opening: &str, more: impl Fn(&str) -> String) -> String {
    let mut parts = text.split(opening);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (command, rest) = part.split_at(part.find(['`', ';']).unwrap_or(part.len()));
        out = out + opening + command + &more(command) + rest;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Flags, with_all, with_count, with_flags};

    #[test]
    fn advice_to_run_init_names_one_file_and_no_layers() {
        let flags = Flags { layers: " --config a --config b --set x=1".into(), place: " --profile P".into() };
        let told = |text| with_all(text, "`oci-insta-scale ", &flags);
        assert_eq!(
            told("`oci-insta-scale init b` writes one; then `oci-insta-scale plan`"),
            "`oci-insta-scale init b --profile P` writes one; then `oci-insta-scale plan --config a --config b --set x=1 --profile P`"
        );
        assert_eq!(told("`oci-insta-scale init`"), "`oci-insta-scale init --profile P`");
    }

    #[test]
    fn commands_in_advice_keep_the_count() {
        let told = |text| with_count(text, "`oci-insta-scale ", 40);
        assert_eq!(
            told("`oci-insta-scale limits request --config c.yaml`, or `oci-insta-scale hunt`"),
            "`oci-insta-scale limits request --config c.yaml --count 40`, or `oci-insta-scale hunt --count 40`"
        );
        for same in [
            "`oci-insta-scale launch --count 3`",
            "`oci-insta-scale limits requests` shows it",
            "`oci-insta-scale plan --help`",
            "`oci-insta-scale resume R`",
        ] {
            assert_eq!(told(same), same);
        }
    }

    #[test]
    fn commands_in_notes_keep_the_flags() {
        let told = |text| with_flags(text, "oci-insta-scale ", " --config c.yaml");
        assert_eq!(
            told("run R left alone: not wanted: oci-insta-scale instances terminate --run R"),
            "run R left alone: not wanted: oci-insta-scale instances terminate --run R --config c.yaml"
        );
        assert_eq!(
            told("`oci-insta-scale resume R` goes on; the tag oci-insta-scale-run tells"),
            "`oci-insta-scale resume R --config c.yaml` goes on; the tag oci-insta-scale-run tells"
        );
        assert_eq!(told("nothing to do"), "nothing to do");
    }

    #[test]
    fn advice_never_repeats_the_flags() {
        let told = |text| with_flags(text, "`oci-insta-scale ", " --config c.yaml");
        let whole = "`oci-insta-scale runs --config c.yaml` lists them; `oci-insta-scale --help` too";
        let first = "`oci-insta-scale --config c.yaml scale 4` continues";
        assert_eq!(told(first), first);
        assert_eq!(told(whole), whole);
        assert_eq!(
            told("a policy: `oci-insta-scale plan` checks, `oci-insta-scale policy` prints"),
            "a policy: `oci-insta-scale plan --config c.yaml` checks, `oci-insta-scale policy --config c.yaml` prints"
        );
    }
}
