//! Writes long output to stdout while it is generated, so that a document of 100,000 instances need not be in memory.

use crate::error::CommandError;
use crate::output::console;
use std::io::{self, BufWriter, Write};

/// Passes stdout to `make`. A closed stdout is not an error, because its reader may stop at any time.
pub fn stream_data(make: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), CommandError> {
    console::note_data();
    let mut out = BufWriter::new(anstream::stdout().lock());
    match make(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CommandError::System { what: "standard output cannot be written", source: error })
        }
        _ => Ok(()),
    }
}
