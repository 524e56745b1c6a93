//! Reads real clocks: the wall clock and the processor time of a process. Nothing else in this crate does.
//!
//! On Linux, processor time and memory are read from `/proc`, which needs no unsafe code. On other systems they are NaN.

use std::time::{Duration, Instant};

/// Measures wall time.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts measuring.
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }

    /// The time since the start, in seconds.
    pub fn seconds(self) -> f64 {
        self.elapsed().as_secs_f64()
    }
}

/// The processor time of a process and all its threads, from `/proc/<pid>/stat`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cpu {
    /// Seconds in the program, by ticks of 10 ms.
    pub user_s: f64,
    /// Seconds in the kernel on its behalf.
    pub system_s: f64,
    /// Whether it has ended but was not waited for.
    pub has_ended: bool,
}

impl Cpu {
    /// The processor time of a process so far. It stays available after the process has ended, until it is waited for.
    pub fn of(pid: u32) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The sum of both, in seconds.
    pub fn seconds(self) -> f64 {
        self.user_s + self.system_s
    }

    /// Fields 3, 14 and 15 (proc_pid_stat(5)). The name in field 2 may contain anything, so parsing starts at the last
    /// parenthesis.
    fn parse(stat: &str) -> Option<Self> {
        let (_, after_name) = stat.rsplit_once(") ")?;
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        // USER_HZ is 100 on every supported Linux architecture.
        let seconds = |field: usize| Some(fields.get(field)?.parse::<f64>().ok()? / 100.0);
        Some(Self { user_s: seconds(11)?, system_s: seconds(12)?, has_ended: fields.first() == Some(&"Z") })
    }
}

/// The processor time of all present threads of a process, in seconds. It is exact to the nanosecond, which `Cpu` is not, but what
/// ended threads have used is missing.
pub fn exact_cpu_s(pid: u32) -> Option<f64> {
    let mut nanoseconds = 0;
    for thread in std::fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        let stat = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        nanoseconds += stat.split_whitespace().next()?.parse::<u64>().ok()?;
    }
    Some(nanoseconds as f64 / 1e9)
}

/// The processor time of this process so far, in seconds.
pub fn own_cpu_s() -> f64 {
    Cpu::of(std::process::id()).map_or(f64::NAN, Cpu::seconds)
}

/// The peak memory of a process so far, in MB.
pub fn peak_mb(pid: u32) -> Option<f64> {
    status_mb(pid, "VmHWM:")
}

/// The memory of a process without the pages of its program file, which the system shares and can drop, in MB.
pub fn own_mb(pid: u32) -> Option<f64> {
    status_mb(pid, "RssAnon:")
}

fn status_mb(pid: u32, field: &str) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
}

/// The name and the number of the processors, on which all numbers depend.
pub fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let count = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{} × {}", count, name.trim_start_matches([' ', '\t', ':']))
}

/// The one-minute load of the machine, which shows what else it was doing.
pub fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|load| load.parse().ok()).unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let stat = "7 (a) b) (c) Z 1 2 3 4 5 6 7 8 9 10 250 31 0 0 20 0";
        assert_eq!(Cpu::parse(stat), Some(Cpu { user_s: 2.5, system_s: 0.31, has_ended: true }));
        assert_eq!(Cpu::parse("7 (a"), None);
    }
}
