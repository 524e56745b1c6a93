//! Turns what people type into what the parser takes: Go's long flags with one dash, and the default command.
//!
//! Works on the words alone, from the parser's own table of flags; must not know what a flag means.

use clap::Command;
use std::ffi::OsString;

/// What the table says of a flag.
#[derive(Clone, Copy)]
struct Flag {
    /// Whether the next word is its value.
    takes_value: bool,
}

/// Rewrites the words of a command line. `-config x` becomes `--config x`, and `default` is put in when no command is
/// named. Values of flags and everything after `--` stay as they are.
pub fn normalise(
    command: &Command,
    default: &str,
    words: impl IntoIterator<Item = OsString>,
) -> Vec<OsString> {
    let (mut out, named) = rewrite(command, words);
    if !named {
        out.insert(out.len().min(1), default.into());
    }
    out
}

/// Rewrites the words for a program that has flags and no commands.
pub fn go_flags(command: &Command, words: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    rewrite(command, words).0
}

/// The words with two dashes where they belong, and whether a command is named or help is asked for.
fn rewrite(command: &Command, words: impl IntoIterator<Item = OsString>) -> (Vec<OsString>, bool) {
    let mut words = words.into_iter();
    let mut out: Vec<OsString> = words.next().into_iter().collect();
    let mut named = false;
    let mut asks_for_help = false;
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
        asks_for_help |= ["-h", "--help", "-V", "--version"].contains(&text.as_str());
        named |= !text.starts_with('-') || text == "-";
        out.push(text.into());
        if takes_value {
            out.extend(words.next());
        }
    }
    out.extend(words);
    (out, named || asks_for_help)
}

/// `-config=x` as `--config=x` if `config` is a long flag and the word is not a row of short ones.
fn long_form(command: &Command, word: &str) -> String {
    let Some(body) = word.strip_prefix('-').filter(|body| body.len() > 1 && !body.starts_with('-')) else {
        return word.to_owned();
    };
    let name = body.split('=').next().unwrap_or(body);
    let known = find_long(command, name).is_some() || ["help", "version"].contains(&name);
    if known && !name.chars().all(|short| find_short(command, short).is_some()) {
        format!("-{word}")
    } else {
        word.to_owned()
    }
}

/// Whether a row of short flags ends in one that takes the next word.
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
            // Short flags and rows of them stay.
            ("x -vv -y", "x launch -vv -y"),
            ("x -qy -o json", "x launch -qy -o json"),
            ("x -ojson", "x launch -ojson"),
            // Values stay, whatever they look like.
            ("x --profile -config", "x launch --profile -config"),
            ("x -profile runs runs", "x --profile runs runs"),
            ("x -o runs", "x launch -o runs"),
            ("x runs -- -config", "x runs -- -config"),
            // Unknown words are left for the parser to complain about.
            ("x -nonsense", "x launch -nonsense"),
            ("x launc", "x launc"),
            // Help and version are for the whole.
            ("x -help", "x --help"),
            ("x -version", "x --version"),
            ("x -h", "x -h"),
            ("x runs -help", "x runs --help"),
            ("x --simulate runs", "x --simulate runs"),
            ("x --config", "x launch --config"),
            ("x", "x launch"),
        ];
        for (typed, wanted) in table {
            assert_eq!(rewritten(typed), wanted, "{typed}");
        }
    }

    #[test]
    fn the_table_of_flags_has_no_contradiction() {
        crate::args::Cli::command().debug_assert();
    }
}
