//! Converts what people type to what the parser accepts: Go's long flags with one dash, the default command, flags before the
//! command, and `help` and `version` as words.
//!
//! It works on words only, using the parser's own table of flags. It must not know what a flag means.

use super::OutputFormat;
use clap::{ArgAction, Command, ValueEnum as _};
use std::ffi::OsString;

/// One flag in the parser's table.
#[derive(Clone, Copy)]
struct Flag {
    /// Whether the next word is its value.
    takes_value: bool,
}

/// Rewrites the words of a command line: `-config x` becomes `--config x`, and `default` is inserted if no command is named.
/// Values of flags and everything after `--` stay unchanged.
pub fn normalise(
    command: &Command,
    default: &str,
    words: impl IntoIterator<Item = OsString>,
) -> Vec<OsString> {
    let Rewritten { mut words, first, about_program } = rewrite(command, words);
    match first {
        None if about_program => {}
        None => words.insert(words.len().min(1), default.into()),
        Some(at) => match words[at].to_str() {
            Some(word @ ("help" | "version")) if command.find_subcommand(word).is_none() => {
                let flag = format!("--{word}");
                words.remove(at);
                words.push(flag.into());
            }
            _ => {
                move_flags(command, &mut words, at);
                gather_repeated(command, &mut words);
            }
        },
    }
    words
}

/// Moves flags from before the command to after it, because some of them belong to that command only.
fn move_flags(command: &Command, words: &mut [OsString], first: usize) {
    let mut end = first;
    let mut inner = command;
    while let Some(found) =
        words.get(end).and_then(|word| word.to_str()).and_then(|word| inner.find_subcommand(word))
    {
        inner = found;
        end += 1;
    }
    if end > first {
        words[1..end].rotate_left(first - 1);
    }
}

/// Moves flags that may be repeated from between the words of a command to after them: `instances --config a list --config b`. The
/// parser would take only those at one of the words.
fn gather_repeated(command: &Command, words: &mut [OsString]) {
    let is_repeated = |name: &str| {
        let is_wanted = |arg: &clap::Arg| {
            arg.get_long() == Some(name)
                && arg.is_global_set()
                && matches!(arg.get_action(), ArgAction::Append)
        };
        command.get_arguments().any(is_wanted)
    };
    // The words of the command end at `end`, and such flags follow up to `at`.
    let (mut inner, mut end, mut at) = (command, 1, 1);
    while let Some(word) = words.get(at).and_then(|word| word.to_str()) {
        if let Some(found) = inner.find_subcommand(word) {
            inner = found;
            words[end..=at].rotate_left(at - end);
            end += 1;
            at += 1;
            continue;
        }
        let Some(flag) = word.strip_prefix("--") else { break };
        let name = flag.split('=').next().unwrap_or(flag);
        if !is_repeated(name) {
            break;
        }
        at += if flag.contains('=') { 1 } else { 2 };
    }
}

/// The message for a word that was not understood because it is, or follows, a flag that takes its value only after `=`.
pub fn missed_equals(command: &Command, words: &[OsString], wrong: &str) -> Option<String> {
    let is_wrong = |word: &OsString| word.to_str() == Some(wrong);
    words.windows(2).filter(|pair| pair.iter().any(is_wrong)).find_map(|pair| {
        let name = pair[0].to_str()?.strip_prefix("--")?;
        let value = pair[1].to_str().filter(|value| !value.starts_with('-'))?;
        let needs = find_arg(command, &|arg| arg.get_long() == Some(name) && arg.is_require_equals_set());
        needs.then(|| format!("write the value of --{name} after `=`: `--{name}={value}`"))
    })
}

/// The format that rewritten words ask for, although they cannot be parsed.
pub fn wanted_output(words: &[OsString]) -> Option<OutputFormat> {
    let mut words = words.iter().filter_map(|word| word.to_str()).take_while(|word| *word != "--");
    let mut wanted = None;
    while let Some(word) = words.next() {
        let value = match word {
            "-o" | "--output" => words.next(),
            word => word.strip_prefix("--output=").or_else(|| word.strip_prefix("-o")),
        };
        wanted = value.and_then(|value| OutputFormat::from_str(value, false).ok()).or(wanted);
    }
    wanted
}

/// Rewrites the words of a program with flags but no commands.
pub fn go_flags(command: &Command, words: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    rewrite(command, words).words
}

/// The words, with two dashes where they are needed.
struct Rewritten {
    words: Vec<OsString>,
    /// The index of the first word that is neither a flag nor the value of one.
    first: Option<usize>,
    /// Whether they ask for the help or the version of the program itself. Help beside a flag that only commands have is that of
    /// the command: `--dry-run --help`.
    about_program: bool,
}

fn rewrite(command: &Command, words: impl IntoIterator<Item = OsString>) -> Rewritten {
    let mut words = words.into_iter();
    let mut out: Vec<OsString> = words.next().into_iter().collect();
    let mut first = None;
    let (mut helped, mut versioned, mut beyond) = (false, false, false);
    while let Some(word) = words.next() {
        let Some(text) = word.to_str().map(str::to_owned) else {
            out.push(word);
            continue;
        };
        if text == "--" {
            out.push(word);
            break;
        }
        let text = long_form(command, &text);
        let takes_value = match text.strip_prefix("--") {
            Some(name) => {
                !name.contains('=') && find_long(command, name).is_some_and(|flag| flag.takes_value)
            }
            None => short_takes_value(command, &text),
        };
        match text.as_str() {
            "-h" | "--help" => helped = true,
            "-V" | "--version" => versioned = true,
            flag => beyond |= flag.starts_with('-') && !is_own(command, flag),
        }
        if !text.starts_with('-') || text == "-" {
            first.get_or_insert(out.len());
        }
        out.push(text.into());
        if takes_value {
            out.extend(words.next());
        }
    }
    out.extend(words);
    Rewritten { words: out, first, about_program: versioned || (helped && !beyond) }
}

/// Whether a flag belongs to the program rather than to one of its commands only.
fn is_own(command: &Command, flag: &str) -> bool {
    let name = flag.trim_start_matches('-').split('=').next().unwrap_or_default();
    let is_long = flag.starts_with("--");
    command.get_arguments().any(|arg| {
        if is_long { arg.get_long() == Some(name) } else { arg.get_short() == name.chars().next() }
    })
}

/// Rewrites `-config=x` to `--config=x`, unless the word is a cluster of short flags. An unknown flag also gets two dashes, so
/// that the parser can suggest the one that was meant.
fn long_form(command: &Command, word: &str) -> String {
    let Some(body) = word.strip_prefix('-').filter(|body| body.len() > 1 && !body.starts_with('-')) else {
        return word.to_owned();
    };
    let name = body.split('=').next().unwrap_or(body);
    let known = find_long(command, name).is_some() || ["help", "version"].contains(&name);
    let short = |short: char| find_short(command, short).is_some();
    let row = if known {
        name.chars().all(short)
    } else {
        name.chars().next().is_some_and(short) && !is_like_a_flag(command, name)
    };
    let number = name.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    if row || number { word.to_owned() } else { format!("-{word}") }
}

/// Whether a word is a misspelt long flag: `cofnig`.
fn is_like_a_flag(command: &Command, name: &str) -> bool {
    let near = |long: &str| strsim::jaro_winkler(long, name) >= 0.9;
    name.len() >= 4 && find_arg(command, &|arg| arg.get_long().is_some_and(near))
}

/// Whether a cluster of short flags ends in one that takes the next word as its value.
fn short_takes_value(command: &Command, word: &str) -> bool {
    let Some(body) = word.strip_prefix('-') else { return false };
    for (at, short) in body.char_indices() {
        match find_short(command, short) {
            Some(Flag { takes_value: true }) => return at + short.len_utf8() == body.len(),
            Some(_) => {}
            None => return false,
        }
    }
    false
}

fn find_long(command: &Command, name: &str) -> Option<Flag> {
    find(command, &|arg| arg.get_long() == Some(name))
}

fn find_short(command: &Command, short: char) -> Option<Flag> {
    find(command, &|arg| arg.get_short() == Some(short))
}

fn find(command: &Command, wanted: &dyn Fn(&clap::Arg) -> bool) -> Option<Flag> {
    let own = command
        .get_arguments()
        .find(|arg| wanted(arg))
        .map(|arg| Flag { takes_value: arg.get_action().takes_values() && !arg.is_require_equals_set() });
    own.or_else(|| command.get_subcommands().find_map(|inner| find(inner, wanted)))
}

/// Whether the program or any of its commands has such a flag.
fn find_arg(command: &Command, wanted: &dyn Fn(&clap::Arg) -> bool) -> bool {
    command.get_arguments().any(wanted) || command.get_subcommands().any(|inner| find_arg(inner, wanted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn rewritten(line: &str) -> String {
        let words = line.split_whitespace().map(OsString::from);
        let out = normalise(&crate::args::Cli::command(), "launch", words);
        out.iter().map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn go_style_flags_and_the_default_command_are_understood() {
        let table = [
            // Go style.
            ("x -config a.yaml -dry-run", "x launch --config a.yaml --dry-run"),
            ("x -config=a.yaml -count=3", "x launch --config=a.yaml --count=3"),
            ("x launch -no-wait", "x launch --no-wait"),
            ("x -simulate=flaky", "x launch --simulate=flaky"),
            ("x sim serve -listen 127.0.0.1:0", "x sim serve --listen 127.0.0.1:0"),
            // Short flags and clusters of them stay unchanged.
            ("x -vv -y", "x launch -vv -y"),
            ("x -qy -o json", "x launch -qy -o json"),
            ("x -ojson", "x launch -ojson"),
            // Values stay unchanged, whatever they look like.
            ("x --profile -config", "x launch --profile -config"),
            ("x -profile runs runs", "x runs --profile runs"),
            ("x -o runs", "x launch -o runs"),
            ("x runs -- -config", "x runs -- -config"),
            // The parser reports unknown words.
            ("x -nonsense", "x launch --nonsense"),
            ("x -dryrun", "x launch --dryrun"),
            ("x -cofnig a.yaml", "x --cofnig a.yaml"),
            ("x launc", "x launc"),
            // Flags before the command.
            ("x -yes launch", "x launch --yes"),
            ("x -o json -yes instances terminate web-1", "x instances terminate -o json --yes web-1"),
            ("x -config a.yaml launc", "x --config a.yaml launc"),
            ("x -config a -config b instances list", "x instances list --config a --config b"),
            (
                "x -config a instances -set k=v --config=b list -set l=w",
                "x instances list --config a --set k=v --config=b --set l=w",
            ),
            ("x instances --config", "x instances --config"),
            // Help and version as words.
            ("x help", "x --help"),
            ("x help launch", "x launch --help"),
            ("x version", "x --version"),
            // Help and version of the whole program.
            ("x -help", "x --help"),
            ("x -version", "x --version"),
            ("x -h", "x -h"),
            ("x runs -help", "x runs --help"),
            ("x -config a -help", "x --config a --help"),
            // Help beside a flag of a command.
            ("x -dry-run -help", "x launch --dry-run --help"),
            ("x --simulate runs", "x runs --simulate"),
            ("x --config", "x launch --config"),
            ("x", "x launch"),
        ];
        for (typed, wanted) in table {
            assert_eq!(rewritten(typed), wanted, "{typed}");
        }
    }

    #[test]
    fn a_value_that_needs_an_equals_sign_is_told_how_to_be_written() {
        let words: Vec<OsString> = ["x", "--simulate", "flaky"].map(OsString::from).into();
        let tip = |wrong: &str| missed_equals(&crate::args::Cli::command(), &words, wrong);
        let wanted = "write the value of --simulate after `=`: `--simulate=flaky`";
        assert_eq!((tip("flaky").as_deref(), tip("other")), (Some(wanted), None));
        assert_eq!(tip("--simulate").as_deref(), Some(wanted));
    }

    #[test]
    fn the_table_of_flags_has_no_contradiction() {
        crate::args::Cli::command().debug_assert();
    }
}
