//! Runs programs as children and measures their cost: wall time, processor time, memory.

use crate::clock::{Cpu, Stopwatch, peak_mb};
use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The interval at which a child is sampled. The last sample of its memory may be taken this long before its end.
const LOOK: Duration = Duration::from_millis(5);

/// Why a program could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It could not be started or sampled.
    #[error("{program}: {source}")]
    Io {
        /// The program.
        program: String,
        /// The reason.
        source: io::Error,
    },
    /// It ended with an error.
    #[error("{program} ended with {status}: {said}")]
    Failed {
        /// The program.
        program: String,
        /// Its exit status.
        status: String,
        /// The end of its standard error.
        said: String,
    },
}

/// The result and the cost of a program.
#[derive(Clone, Debug)]
pub struct Ran {
    /// The wall time from start to end, in seconds.
    pub wall_s: f64,
    /// Processor time of all its threads, in seconds.
    pub cpu_s: f64,
    /// Its peak memory, in MB.
    pub peak_mb: f64,
    /// Its standard output.
    pub stdout: String,
}

/// The path of a program of this project, beside the running one.
///
/// # Errors
/// When the path of the running program is unknown.
pub fn beside(name: &str) -> io::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let program = own.with_file_name(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    if program.is_file() {
        return Ok(program);
    }
    Err(io::Error::other(format!("{} is not there: build it first", program.display())))
}

/// Runs a program to its end. Its output goes to files, so that no pipe can block.
///
/// # Errors
/// When it could not be started, or failed.
pub fn run(command: &mut Command) -> Result<Ran, ProcessError> {
    let program = name(command);
    let io = |source| ProcessError::Io { program: program.clone(), source };
    let folder = tempfile::tempdir().map_err(io)?;
    let (out, said) = (folder.path().join("out"), folder.path().join("said"));
    command.stdin(Stdio::null());
    command.stdout(std::fs::File::create(&out).map_err(io)?);
    command.stderr(std::fs::File::create(&said).map_err(io)?);
    let watch = Stopwatch::start();
    let mut child = command.spawn().map_err(io)?;
    let (cpu_s, peak_mb) = follow(&child);
    let wall_s = watch.seconds();
    let status = child.wait().map_err(io)?;
    if !status.success() {
        let said = String::from_utf8_lossy(&std::fs::read(&said).unwrap_or_default()).into_owned();
        let start = said.char_indices().rev().nth(800).map_or(0, |(at, _)| at);
        return Err(ProcessError::Failed {
            program,
            status: status.to_string(),
            said: said[start..].to_owned(),
        });
    }
    let stdout = String::from_utf8_lossy(&std::fs::read(&out).map_err(io)?).into_owned();
    Ok(Ran { wall_s, cpu_s, peak_mb, stdout })
}

/// Samples a child until it has ended; its processor time can be read until it is waited for.
fn follow(child: &Child) -> (f64, f64) {
    let mut most = f64::NAN;
    loop {
        most = peak_mb(child.id()).unwrap_or(f64::NAN).max(most);
        match Cpu::of(child.id()) {
            Some(cpu) if cpu.has_ended => return (cpu.seconds(), most),
            Some(_) => std::thread::sleep(LOOK),
            None => return (f64::NAN, most),
        }
    }
}

/// The wall time of a program, in seconds: the median of this many runs, which are not sampled.
///
/// # Errors
/// When it could not be started, or failed.
pub fn middle_wall_s(command: &mut Command, times: usize) -> Result<f64, ProcessError> {
    let program = name(command);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut all = Vec::with_capacity(times);
    for _ in 0..times {
        let watch = Stopwatch::start();
        let status =
            command.status().map_err(|source| ProcessError::Io { program: program.clone(), source })?;
        all.push(watch.seconds());
        if !status.success() {
            let said = "run it by hand to see why".to_owned();
            return Err(ProcessError::Failed { program, status: status.to_string(), said });
        }
    }
    Ok(crate::middle(&mut all))
}

fn name(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}
