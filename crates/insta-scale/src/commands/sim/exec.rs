//! `sim exec`: runs a program in a network of its own, in which the simulated region has the host names of the real services.
//!
//! The program comes from the command line only: no config, variable or response of the service leads here. The network has
//! no route but to itself, so that no request can leave the machine whatever the program does.

use crate::args::SimExec;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::session::Session;
use oci_simulator::server::{self, Environment, Options};
use std::ffi::{OsStr, OsString};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::ExitStatus;
use tokio::process::Command as Program;
use tokio::signal::unix::{SignalKind, signal};

/// The namespaces outside, which this program compares with its own after it has started itself again.
const OUTSIDE: &str = "OCI_INSTA_SCALE_OUTSIDE";

/// Runs the program beside a region with these options.
pub(super) async fn exec(
    session: &Session,
    args: &SimExec,
    mut options: Options,
) -> Result<Exit, CommandError> {
    let Some(command) = args.command.split_first() else {
        return Err(CommandError::usage(
            "no command is given",
            "write it after `--`: sim exec -- oci iam region list",
        ));
    };
    match std::env::var(OUTSIDE) {
        Ok(outside) => check_isolation(&outside)?,
        Err(_) => return Err(enter()?),
    }
    run_quietly("ip", &["link", "set", "lo", "up"], "iproute2").await?;
    options.tls_listen = Some(args.tls_listen());
    let running = server::start(options).await?;
    for note in running.notes.iter().filter(|_| !session.is_quiet()) {
        console::line(note);
    }
    let outcome = match &running.tls {
        Some((address, environment)) => run_beside(command, *address, environment).await,
        None => Err(leaks("the region does not serve TLS")),
    };
    running.shutdown().await?;
    outcome
}

/// Starts this program again in new namespaces. Returns only if that is impossible.
fn enter() -> Result<CommandError, CommandError> {
    let program = std::env::current_exe()
        .map_err(|source| CommandError::System { what: "this program cannot be found", source })?;
    let source = std::process::Command::new("unshare")
        .args(["--user", "--map-current-user", "--keep-caps", "--net", "--mount", "--"])
        .arg(program)
        .args(std::env::args_os().skip(1))
        .env(OUTSIDE, namespaces()?)
        .exec();
    Ok(CommandError::usage(
        format!("`unshare`, which isolates the program from the network, cannot be started: {source}"),
        "install util-linux, or use `sim serve --tls-listen` and its files `env.sh` and `hosts`",
    ))
}

fn namespaces() -> Result<String, CommandError> {
    let read = |name: &str| {
        let link = std::fs::read_link(format!("/proc/self/ns/{name}"));
        link.map(|link| link.display().to_string()).map_err(|source| CommandError::System {
            what: "the namespaces of this program cannot be read",
            source,
        })
    };
    Ok(format!("{} {}", read("net")?, read("mnt")?))
}

/// Refuses to go on unless the kernel says that this process has a network and mounts of its own, and no way out.
fn check_isolation(outside: &str) -> Result<(), CommandError> {
    let own = namespaces()?;
    if own.split(' ').any(|own| outside.split(' ').any(|outside| own == outside)) {
        return Err(leaks("the program would share the network of this machine"));
    }
    let read = |name: &str| std::fs::read_to_string(format!("/proc/self/net/{name}")).unwrap_or_default();
    // In the first table the device comes first, after a heading; in the second it comes last.
    let routes = read("route");
    let first = routes.lines().skip(1).filter_map(|line| line.split_whitespace().next());
    let routes6 = read("ipv6_route");
    let last = routes6.lines().filter_map(|line| line.split_whitespace().next_back());
    match first.chain(last).find(|device| *device != "lo") {
        Some(device) => Err(leaks(&format!("a route leads out through {device}"))),
        None => Ok(()),
    }
}

fn leaks(why: &str) -> CommandError {
    CommandError::usage(
        format!("a request could leave this machine: {why}"),
        "unset OCI_INSTA_SCALE_OUTSIDE and run `sim exec` again on Linux with user namespaces enabled",
    )
}

async fn run_quietly(program: &str, arguments: &[&str], package: &str) -> Result<(), CommandError> {
    let done = Program::new(program).args(arguments).output().await;
    let why = match done {
        Ok(done) if done.status.success() => return Ok(()),
        Ok(done) => String::from_utf8_lossy(&done.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    Err(CommandError::usage(
        format!("`{program} {}` failed: {why}", arguments.join(" ")),
        format!(
            "`sim exec` needs {package} and user namespaces; `sim serve --tls-listen` works without them"
        ),
    ))
}

async fn run_beside(
    (program, arguments): (&OsString, &[OsString]),
    address: SocketAddr,
    environment: &Environment,
) -> Result<Exit, CommandError> {
    let hosts = environment.file.with_file_name("hosts");
    run_quietly("mount", &["--bind", &hosts.display().to_string(), "/etc/hosts"], "util-linux").await?;
    for name in &environment.names {
        let found = (name.as_str(), address.port()).to_socket_addrs();
        if !found.is_ok_and(|mut found| found.all(|found| found.ip().is_loopback())) {
            return Err(leaks(&format!("{name} does not lead to this machine")));
        }
    }
    let failed = |source| CommandError::System { what: "the program cannot be awaited", source };
    // Before the program starts, so that no signal is lost.
    let mut signals = Vec::new();
    for kind in [SignalKind::terminate(), SignalKind::hangup(), SignalKind::interrupt()] {
        signals.push((kind, signal(kind).map_err(failed)?));
    }
    let mut child = Program::new(program);
    child
        .args(arguments)
        .envs(environment.set.iter().map(|(name, value)| (*name, value)))
        .env_remove(OUTSIDE);
    for name in &environment.unset {
        child.env_remove(name);
    }
    let mut child = child.kill_on_drop(true).spawn().map_err(|source| not_started(program, &source))?;
    let [(_, terminate), (_, hangup), (_, interrupt)] = signals.as_mut_slice() else {
        return Err(leaks("signals cannot be received"));
    };
    loop {
        let kind = tokio::select! {
            status = child.wait() => return Ok(Exit::OfProgram(code(status.map_err(failed)?))),
            _ = terminate.recv() => rustix::process::Signal::TERM,
            _ = hangup.recv() => rustix::process::Signal::HUP,
            _ = interrupt.recv() => rustix::process::Signal::INT,
        };
        // A terminal sends Ctrl-C to the program itself.
        let is_sent =
            kind == rustix::process::Signal::INT && std::io::IsTerminal::is_terminal(&std::io::stdin());
        let pid = child.id().and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?));
        if let Some(pid) = pid.filter(|_| !is_sent) {
            // Fails only if the program has just ended.
            let _ = rustix::process::kill_process(pid, kind);
        }
    }
}

fn not_started(program: &OsStr, source: &std::io::Error) -> CommandError {
    CommandError::usage(
        format!("{} cannot be started: {source}", program.display()),
        "write the command after `--` as in a shell: sim exec -- oci iam region list",
    )
}

/// The exit code of the program; that of a shell if a signal ended it.
fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
