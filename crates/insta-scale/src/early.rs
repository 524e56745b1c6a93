//! Answers what is asked about a program itself, before the table of all commands and their flags is made.
//!
//! It says the same as the parser does, and leaves every other command line to it.

use crate::args;
use crate::completion::Program;
use crate::exit::Exit;
use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

/// The version or the help, if the words ask for nothing else.
pub fn answer<P: clap::Parser>(program: Program, words: &[OsString]) -> Option<ExitCode> {
    match asked(program, words)? {
        // As with clap, nobody is told that stdout is closed.
        AboutProgram::Version => _ = anstream::stdout().write_all(version(program).as_bytes()),
        AboutProgram::Help(flag) => {
            let words = [words.first()?.clone(), flag.into()];
            args::parse_with::<P>(args::outline::<P>(), &words).err()?.print().unwrap_or_default();
        }
    }
    Some(Exit::Done.into())
}

#[derive(Debug, PartialEq)]
enum AboutProgram {
    Version,
    /// With the flag that asks for it.
    Help(&'static str),
}

/// What the words ask for, with one dash or two; as a word only of a program with commands.
fn asked(program: Program, words: &[OsString]) -> Option<AboutProgram> {
    let [_, word] = words else { return None };
    match (word.to_str()?, program.has_commands()) {
        ("-V" | "-version" | "--version", _) | ("version", true) => Some(AboutProgram::Version),
        ("-h", _) => Some(AboutProgram::Help("-h")),
        ("-help" | "--help", _) | ("help", true) => Some(AboutProgram::Help("--help")),
        _ => None,
    }
}

fn version(program: Program) -> String {
    format!("{} {}\n", program.name(), env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{CapacityManager, Cli, ManageInstances};
    use crate::completion::{CAPACITY_MANAGER, MAIN, MANAGE_INSTANCES};
    use clap::CommandFactory;

    fn words(word: &str) -> Vec<OsString> {
        ["x", word].map(OsString::from).into()
    }

    /// What the parser says of the whole table of commands, and what is said early.
    fn both<P: clap::Parser + CommandFactory>(program: Program, word: &str) -> (String, String) {
        let typed = if program.has_commands() {
            args::normalise(&P::command(), "launch", words(word))
        } else {
            args::go_flags(&P::command(), words(word))
        };
        let said = |refused: Result<P, clap::Error>| match refused {
            Err(error) => error.render().ansi().to_string(),
            Ok(_) => panic!("`{word}` is neither help nor version"),
        };
        let early = match asked(program, &words(word)).unwrap() {
            AboutProgram::Version => version(program),
            AboutProgram::Help(flag) => said(args::parse_with(args::outline::<P>(), &words(flag))),
        };
        (said(args::parse(&typed)), early)
    }

    #[test]
    fn an_early_answer_is_what_the_parser_says() {
        for word in ["--help", "-h", "-help", "--version", "-V", "-version", "help", "version"] {
            let mut pairs = vec![both::<Cli>(MAIN, word)];
            if word.starts_with('-') {
                pairs.push(both::<CapacityManager>(CAPACITY_MANAGER, word));
                pairs.push(both::<ManageInstances>(MANAGE_INSTANCES, word));
            }
            for (parsed, early) in pairs {
                assert_eq!(early, parsed, "{word}");
            }
        }
    }

    #[test]
    fn the_outline_has_no_flags_of_commands() {
        let outline = args::outline::<Cli>();
        let flags = |name: &str| outline.find_subcommand(name).unwrap().get_arguments().count();
        assert_eq!((flags("launch"), flags("instances")), (0, 0));
        assert!(Cli::command().find_subcommand("launch").unwrap().get_arguments().count() > 10);
    }

    #[test]
    fn every_other_command_line_is_left_to_the_parser() {
        for line in ["", "launch", "launch --help", "--help launch", "--verbose", "-hV"] {
            let typed: Vec<_> =
                std::iter::once("x").chain(line.split_whitespace()).map(OsString::from).collect();
            assert_eq!(asked(MAIN, &typed), None, "{line}");
        }
        for program in [CAPACITY_MANAGER, MANAGE_INSTANCES] {
            assert_eq!(asked(program, &words("help")), None, "it has no commands");
        }
    }
}
