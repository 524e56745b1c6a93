//! The promises of every history of two machines.

use super::{
    history::{self, Told},
    setup::{Fault, Strike, TeamSetup},
};
use crate::many::Histories;
use std::{
    fmt::{Display, Formatter, Result as FmtResult},
    ops::AddAssign,
    sync::{Arc, Mutex},
    time::Duration,
};
use testkit::postgres::PostgresServer;

/// Servers that no history uses at present. Starting one takes longer than a history.
static SERVERS: Mutex<Vec<Arc<PostgresServer>>> = Mutex::new(Vec::new());

const TEAMS: Histories<Told> = Histories { name: "no_seed_teams", slots: 8, seeds: 6, first: None, play };

fn play(seed: u64, most: u32, loud: bool) -> Result<Told, String> {
    let mut setup = TeamSetup::drawn(seed, most);
    setup.common.loud = loud;
    if loud {
        println!("{setup:#?}");
    }
    let idle = SERVERS.lock().unwrap().pop();
    let server = idle.unwrap_or_else(|| Arc::new(PostgresServer::start()));
    let told = history::play(setup, &server);
    SERVERS.lock().unwrap().push(server);
    told
}

/// Ends the servers with the test.
struct Serving;

impl Drop for Serving {
    fn drop(&mut self) {
        SERVERS.lock().unwrap().clear();
    }
}

#[test]
fn no_seed_teams_lose_or_double_an_instance() {
    let _serving = Serving;
    TEAMS.check();
}

/// The machine stands still when its run exists and is not held yet. The other one takes the run over and ends it meanwhile.
#[test]
fn who_loses_its_run_before_the_first_lease_begins_nothing() {
    let mut setup = TeamSetup::drawn(86_493_253, 8);
    // Of the accesses before, two each are for the connection, a lease of no run yet, and the creation.
    let strike = Strike {
        fault: Fault::Pause,
        after: Duration::ZERO,
        point: 6,
        on_holder: true,
        lasts: Duration::from_secs(200),
    };
    (setup.strikes, setup.hesitates) = (vec![strike], Duration::ZERO);
    let told = history::play(setup, &Arc::new(PostgresServer::start())).unwrap();
    assert_eq!(told.strikes, 1);
}

impl AddAssign for Told {
    fn add_assign(&mut self, other: Self) {
        self.launches += other.launches;
        self.processes += other.processes;
        self.takeovers += other.takeovers;
        self.beaten += other.beaten;
        self.strikes += other.strikes;
        self.restarts += other.restarts;
    }
}

impl Display for Told {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        let Self { launches, processes, takeovers, beaten, strikes, restarts } = self;
        write!(
            f,
            "{launches} launches accepted, {processes} processes, {strikes} faults, {restarts} restarts of the server, \
             {takeovers} takeovers, {beaten} processes told that they were taken over"
        )
    }
}
