//! The two streams: stdout for data, stderr for people.
//!
//! A closed stdout is no error: whoever reads has seen enough. Must not know what is printed.

use crate::error::CommandError;
use std::io::{IsTerminal as _, Write as _};

/// How much is said on stderr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Chattiness {
    /// Only errors.
    Quiet,
    /// What matters.
    #[default]
    Normal,
    /// Every step.
    Verbose,
}

/// Prints a text to stdout.
pub fn data(text: &str) -> Result<(), CommandError> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(CommandError::System { what: "standard output cannot be written", source: error })
        }
        _ => Ok(()),
    }
}

/// Prints a line to stderr. When that is closed too, there is nobody left to tell.
pub fn line(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// Whether stderr is a terminal that a person looks at.
pub fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}

/// Whether stdout shows colours: a terminal, and `NO_COLOR` not set.
pub fn stdout_has_colour() -> bool {
    anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never
}

/// Whether stderr shows colours.
pub fn stderr_has_colour() -> bool {
    anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never
}

/// Whether a question can be asked and answered.
pub fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks a yes/no question on stderr; anything but yes is no.
pub fn ask(question: &str) -> bool {
    let answer = ask_text(&format!("{question} [y/N]")).unwrap_or_default();
    ["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str())
}

/// Asks on stderr and gives back what was typed; `None` when nothing could be asked or read.
pub fn ask_text(question: &str) -> Option<String> {
    let mut err = anstream::stderr().lock();
    let mut answer = String::new();
    let asked = write!(err, "{question} ").and_then(|()| err.flush());
    asked.and_then(|()| std::io::stdin().read_line(&mut answer)).ok()?;
    Some(answer)
}

/// Shows why a command did not do its work.
pub fn failed(error: &CommandError) {
    let red = anstyle::AnsiColor::Red.on_default().bold();
    let cyan = anstyle::AnsiColor::Cyan.on_default();
    if let CommandError::Config(errors) = error {
        // Has its own shape: a place, a snippet and a remedy for each mistake.
        line(&errors.to_string());
        return;
    }
    line(&format!("{red}error:{red:#} {}", super::text::clean_lines(&error.to_string())));
    if let Some(hint) = error.hint() {
        line(&format!("{cyan}hint:{cyan:#} {}", super::text::clean(&hint)));
    }
}

/// Asks for a secret on the terminal without showing what is typed.
pub fn ask_secret(question: &str) -> Result<zeroize::Zeroizing<String>, CommandError> {
    let terminal = ::console::Term::stderr();
    let asked = terminal.write_str(question).and_then(|()| terminal.read_secure_line());
    asked
        .map(zeroize::Zeroizing::new)
        .map_err(|source| CommandError::System { what: "the passphrase cannot be read", source })
}

/// Asks for a word on stderr; only exactly that word is consent.
pub fn ask_word(question: &str, word: &str) -> bool {
    let mut err = anstream::stderr().lock();
    let mut answer = String::new();
    let asked = write!(err, "{question}").and_then(|()| err.flush());
    let read = asked.and_then(|()| std::io::stdin().read_line(&mut answer));
    read.is_ok() && answer.trim() == word
}

/// How many columns stdout has, when it is a terminal.
pub fn width() -> Option<usize> {
    let (_, columns) = ::console::Term::stdout().size_checked()?;
    Some(usize::from(columns)).filter(|columns| *columns > 0 && is_terminal_out())
}

/// Whether stdout is a terminal.
pub fn is_terminal_out() -> bool {
    std::io::stdout().is_terminal()
}

/// Puts a text in the place of the last `shown` lines of stdout. Returns how many lines it has.
pub fn redraw(text: &str, shown: usize) -> Result<usize, CommandError> {
    let terminal = ::console::Term::stdout();
    terminal
        .clear_last_lines(shown)
        .map_err(|source| CommandError::System { what: "standard output cannot be written", source })?;
    let mut lines = 0;
    for line in text.lines() {
        // A line that wraps would count for two.
        let cut = width().map_or_else(|| line.into(), |width| ::console::truncate_str(line, width, "…"));
        data(&format!("{cut}\n"))?;
        lines += 1;
    }
    Ok(lines)
}
