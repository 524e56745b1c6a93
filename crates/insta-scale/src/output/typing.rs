//! Terminal echo: a prompt for a secret turns it off, and a signal may end that prompt.
//!
//! It must not ask anything.

#[cfg(unix)]
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
#[cfg(unix)]
use std::io::Write as _;
#[cfg(unix)]
use std::sync::{Mutex, PoisonError};

/// The terminal's settings from before the current prompt for a secret.
#[cfg(unix)]
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Remembers the terminal's settings until dropped.
pub struct Hidden(());

impl Hidden {
    /// Call it before echo is turned off.
    pub fn begin() -> Self {
        #[cfg(unix)]
        {
            *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = tcgetattr(std::io::stdin()).ok();
        }
        Self(())
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        #[cfg(unix)]
        {
            *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

/// Turns echo on again if a prompt for a secret is open.
pub fn show_again() {
    #[cfg(unix)]
    if let Some(before) = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take() {
        // If this fails, the terminal is gone.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &before);
        let _ = writeln!(anstream::stderr().lock());
    }
}
