//! The table of commands without the flags of each, which is all that the program's own help shows.
//!
//! Making the flags of every command takes longer than everything else that a help does.

use clap::{ArgMatches, Args, Command, CommandFactory, Error, FromArgMatches};
use std::cell::Cell;
use std::ops::Deref;

thread_local! {
    /// Whether this thread makes an outline; clap's derive passes nothing on to the flags of a command.
    static IS_OUTLINE: Cell<bool> = const { Cell::new(false) };
}

/// The program with its own flags and the names of its commands.
pub fn outline<P: CommandFactory>() -> Command {
    IS_OUTLINE.set(true);
    let command = P::command();
    IS_OUTLINE.set(false);
    command
}

/// The flags of a command, which an outline leaves out.
#[derive(Clone, Debug)]
pub struct CommandFlags<T>(pub T);

impl<T> Deref for CommandFlags<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: FromArgMatches> FromArgMatches for CommandFlags<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches(matches).map(Self)
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches_mut(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }

    fn update_from_arg_matches_mut(&mut self, matches: &mut ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches_mut(matches)
    }
}

impl<T: Args> Args for CommandFlags<T> {
    fn group_id() -> Option<clap::Id> {
        T::group_id()
    }

    fn augment_args(command: Command) -> Command {
        if IS_OUTLINE.get() { command } else { T::augment_args(command) }
    }

    fn augment_args_for_update(command: Command) -> Command {
        T::augment_args_for_update(command)
    }
}
