//! The two streams: stdout for data, stderr for people.
//!
//! A closed stdout is not an error, because its reader may stop at any time. This module must not know what is printed.

use crate::apart;
use crate::error::CommandError;
use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use tokio_util::sync::CancellationToken;

/// How much is printed on stderr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Only errors.
    Quiet,
    /// Important messages.
    #[default]
    Normal,
    /// Every step.
    Verbose,
}

/// Whether something was printed on stdout.
static PRINTED: AtomicBool = AtomicBool::new(false);

/// Notes that stdout is written to.
pub fn note_data() {
    PRINTED.store(true, Ordering::Relaxed);
}

/// Whether stdout has something already, so that another document would make two of one.
pub fn has_data() -> bool {
    PRINTED.load(Ordering::Relaxed)
}

/// Prints a text to stdout.
pub fn data(text: &str) -> Result<(), CommandError> {
    note_data();
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(CommandError::System { what: "standard output cannot be written", source: error })
        }
        _ => Ok(()),
    }
}

/// Prints a line to stderr, with flags added to its commands. If stderr is closed too, the line is lost.
pub fn line(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{}", super::again::advice(text));
}

/// Says that `--limit` left older items out of a list.
pub fn shown_of(shown: usize, all: usize, items: &str) {
    if shown < all {
        line(&format!("the {shown} newest of {all} {items}; `--limit {all}` shows all"));
    }
}

/// Whether stderr is a terminal.
pub fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}

/// Whether stdout uses colours: it is a terminal, and `NO_COLOR` is not set.
pub fn stdout_has_colour() -> bool {
    anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never
}

/// Whether stderr uses colours.
pub fn stderr_has_colour() -> bool {
    anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never
}

/// Whether a question can be asked and answered.
pub fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks a yes/no question on stderr; every reply except yes means no.
///
/// # Errors
/// When the user interrupts instead of replying.
pub async fn ask_yes_or_no(question: &str, stop: &CancellationToken) -> Result<bool, CommandError> {
    let answer = ask_text(&format!("{question} [y/N]"), stop).await?;
    Ok(["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()))
}

/// Asks for a word on stderr; only this exact word is consent.
///
/// # Errors
/// When the user interrupts instead of replying.
pub async fn ask_word(question: &str, word: &str, stop: &CancellationToken) -> Result<bool, CommandError> {
    Ok(ask_text(question, stop).await?.trim() == word)
}

/// Asks on stderr and returns the typed reply; empty if asking or reading fails.
///
/// # Errors
/// When the user interrupts instead of replying.
pub async fn ask_text(question: &str, stop: &CancellationToken) -> Result<String, CommandError> {
    if write_question(question).is_err() {
        return Ok(String::new());
    }
    let read = || {
        let mut answer = String::new();
        // A reply that cannot be read is not consent.
        std::io::stdin().read_line(&mut answer).map(|_| answer).unwrap_or_default()
    };
    let answer = apart::run_apart(stop, read).await;
    if matches!(answer, Err(CommandError::Interrupted)) {
        line("");
    }
    answer
}

/// Locks stderr only briefly, because others have to print while the command waits for a reply.
fn write_question(question: &str) -> std::io::Result<()> {
    let mut err = anstream::stderr().lock();
    write!(err, "{question} ").and_then(|()| err.flush())
}

/// Shows why a command failed.
pub fn failed(error: &CommandError) {
    let red = anstyle::AnsiColor::Red.on_default().bold();
    let cyan = anstyle::AnsiColor::Cyan.on_default();
    if let CommandError::Config(errors) = error {
        // Has its own layout: a position, an excerpt and a remedy for each mistake.
        line(&errors.to_string());
        return;
    }
    line(&format!("{red}error:{red:#} {}", super::text::clean_lines(&error.to_string())));
    if let Some(hint) = error.hint() {
        line(&format!("{cyan}hint:{cyan:#} {}", super::text::clean(&hint)));
    }
}

/// Asks for a secret on the terminal without echoing it.
pub fn ask_secret(question: &str) -> Result<zeroize::Zeroizing<String>, CommandError> {
    let terminal = ::console::Term::stderr();
    let _hidden = super::typing::Hidden::begin();
    let asked = terminal.write_str(question).and_then(|()| terminal.read_secure_line());
    asked
        .map(zeroize::Zeroizing::new)
        .map_err(|source| CommandError::System { what: "the passphrase cannot be read", source })
}

/// The width of stdout in columns, if it is a terminal.
pub fn width() -> Option<usize> {
    let (_, columns) = ::console::Term::stdout().size_checked()?;
    Some(usize::from(columns)).filter(|columns| *columns > 0 && is_terminal_out())
}

/// The width of stderr in columns, if it is a terminal; for text before a question.
pub fn width_for_people() -> Option<usize> {
    let (_, columns) = ::console::Term::stderr().size_checked()?;
    Some(usize::from(columns)).filter(|columns| *columns > 0 && is_watched())
}

/// How many lines of stdout can be redrawn, if it is a terminal; the last line holds the cursor.
fn height() -> Option<usize> {
    let (rows, _) = ::console::Term::stdout().size_checked()?;
    Some(usize::from(rows).saturating_sub(1)).filter(|rows| *rows > 0 && is_terminal_out())
}

/// Whether stdout is a terminal.
pub fn is_terminal_out() -> bool {
    std::io::stdout().is_terminal()
}

/// Replaces the last `shown` lines of stdout with a text and returns its number of lines. Text that will be replaced later must
/// not scroll out of reach, so it is cut to the terminal; the `last` text is shown whole.
pub fn redraw(text: &str, shown: usize, last: bool) -> Result<usize, CommandError> {
    let terminal = ::console::Term::stdout();
    terminal
        .clear_last_lines(shown)
        .map_err(|source| CommandError::System { what: "standard output cannot be written", source })?;
    let mut lines = 0;
    for line in super::text::clip(text, height().filter(|_| !last)).lines() {
        // A wrapped line would count as two.
        let cut = width().map_or_else(|| line.into(), |width| ::console::truncate_str(line, width, "…"));
        data(&format!("{cut}\n"))?;
        lines += 1;
    }
    Ok(lines)
}
