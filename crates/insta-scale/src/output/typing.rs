//! Whether the terminal shows what is typed. A question for a secret hides it, and a signal may end that question.
//!
//! Must not ask anything.

#[cfg(unix)]
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
#[cfg(unix)]
use std::io::Write as _;
#[cfg(unix)]
use std::sync::{Mutex, PoisonError};

/// How the terminal was set before a secret was asked for, while it is asked for.
#[cfg(unix)]
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Remembers how the terminal is set, until dropped.
pub struct Hidden(());

impl Hidden {
    /// Call it before anything is hidden.
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

/// Shows again what is typed, if a secret is being asked for.
pub fn show_again() {
    #[cfg(unix)]
    if let Some(before) = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take() {
        // Where that fails the terminal is gone.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &before);
        let _ = writeln!(anstream::stderr().lock());
    }
}
