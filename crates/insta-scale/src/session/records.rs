//! Where a command finds the records of runs: the file of this machine, or a database that several share.

use super::Session;
use crate::config;
use crate::environment;
use crate::error::CommandError;
use crate::output::console;
use crate::runtime;
use crate::traces;
use crate::tuning::{HUNT_STOP_REQUEST_POLL, LEDGER_PATIENCE, STOP_REQUEST_LOOK, STOP_REQUEST_POLL};
use ledger::capacity::{self, CapacityMemory, SqliteMemory};
use ledger::{RunHead, RunId, SqliteStore, Store, sqlite};
use ledger_postgres::{Address, Options, PostgresStore};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::time::{sleep, timeout};

impl Session {
    /// The folder with the records of runs.
    pub fn state_folder(&self) -> Result<PathBuf, CommandError> {
        let folder = environment::state_dir(self.flags.state_dir.clone(), self.simulated)?;
        match folder.ancestors().find(|folder| folder.exists()) {
            Some(file) if !file.is_dir() => Err(CommandError::usage(
                format!(
                    "the state directory {} cannot be used: {} is not a directory",
                    folder.display(),
                    file.display()
                ),
                "name a directory with --state-dir",
            )),
            _ => Ok(folder),
        }
    }

    /// The database of a shared ledger, if one is named. A region that exists only in one process has no use for it.
    pub fn shared_ledger(&self) -> Result<Option<Address>, CommandError> {
        if self.simulated {
            return Ok(None);
        }
        let password = environment::variable("PGPASSWORD");
        let named = match &self.flags.ledger {
            Some(address) => Some(address.clone()),
            None => config::ledger_of(&self.layers(), environment::variable)?,
        };
        Ok(named.map(|address| address.or_password(password)))
    }

    /// Whether other machines use the ledger, too. What is wrong with its address is reported when it is opened.
    pub fn is_shared(&self) -> bool {
        matches!(self.shared_ledger(), Ok(Some(_)))
    }

    /// The ledger: the database that is named, or the file in the state folder, created if it does not exist.
    pub fn ledger(&self) -> Result<Arc<dyn Store>, CommandError> {
        if let Some(ledger) = self.ledger.get() {
            return Ok(ledger.clone());
        }
        let store: Arc<dyn Store> = if let Some(address) = self.shared_ledger()? {
            Arc::new(self.open_shared(&address)?)
        } else {
            runtime::outlive_full_files()?;
            Arc::new(SqliteStore::open(&self.state_folder()?)?)
        };
        Ok(self.ledger.get_or_init(|| traces::of_store(store)).clone())
    }

    /// The capacity memory of this machine. A region that exists only in one process has none. An unusable memory only costs
    /// refused requests, so it is reported and the run continues without it. Only a command that has opened the ledger creates
    /// one, so that a query leaves nothing on disk.
    pub fn capacity_memory(&self) -> Option<Arc<dyn CapacityMemory>> {
        let open = || {
            if self.simulated {
                return None;
            }
            let memory = match self.ledger.get() {
                Some(_) => self.open_capacity_memory().map(Some),
                None => self.existing_capacity_memory(),
            };
            memory.unwrap_or_else(|error| {
                console::line(&format!("warning: {error}"));
                None
            })
        };
        self.memory.get_or_init(open).clone()
    }

    /// The capacity memory if it already exists.
    pub fn existing_capacity_memory(&self) -> Result<Option<Arc<dyn CapacityMemory>>, CommandError> {
        let exists = self.state_folder()?.join(capacity::FILE_NAME).exists();
        exists.then(|| self.open_capacity_memory()).transpose()
    }

    fn open_capacity_memory(&self) -> Result<Arc<dyn CapacityMemory>, CommandError> {
        runtime::outlive_full_files()?;
        let (memory, damaged) = SqliteMemory::open(&self.state_folder()?)?;
        if let Some(aside) = damaged {
            console::line(&format!(
                "warning: the capacity memory was damaged; it is kept as {}, and a new one was started. Nothing else is \
                 affected",
                aside.display()
            ));
        }
        Ok(Arc::new(memory))
    }

    /// The runs on this machine, newest first. This does not create a ledger.
    pub async fn known_runs(&self) -> Result<Vec<RunHead>, CommandError> {
        let exists = self.is_shared() || self.state_folder()?.join(sqlite::FILE_NAME).exists();
        if exists { Ok(self.ledger()?.runs().await?) } else { Ok(Vec::new()) }
    }

    /// The ledger, if there are records of a run or they were lost. This does not create one on this machine.
    pub fn ledger_of_the_past(&self) -> Result<Option<Arc<dyn Store>>, CommandError> {
        if self.shared_ledger()?.is_some() {
            return self.ledger().map(Some);
        }
        let folder = self.state_folder()?;
        let exists = folder.join(sqlite::FILE_NAME).exists() || sqlite::has_locks(&folder);
        exists.then(|| self.ledger()).transpose()
    }

    /// Ends the run, as after Ctrl-C, when another command requests it (`--stop-run`).
    pub async fn heed_stop_requests(&self, run: RunId, is_hunt: bool) -> Result<(), CommandError> {
        let store = self.ledger()?;
        let mut notice = store.stop_notice();
        // An existing request was for an earlier process; a command that waits for this one repeats it.
        store.request_stop(run, false).await?;
        let stop = self.stop.clone();
        let every = if is_hunt || store.is_shared() { HUNT_STOP_REQUEST_POLL } else { STOP_REQUEST_POLL };
        tokio::spawn(async move {
            // A ledger that cannot be asked now is asked again.
            while !store.is_stop_requested(run).await.unwrap_or(false) {
                notice = match notice {
                    None => {
                        sleep(every).await;
                        None
                    }
                    Some(mut told) => match timeout(STOP_REQUEST_LOOK, told.sign()).await {
                        Ok(Err(_)) => None,
                        Ok(Ok(())) | Err(_) => Some(told),
                    },
                };
            }
            console::line(&format!("another command asks run {run} to stop (--stop-run)"));
            stop.cancel();
        });
        Ok(())
    }

    /// Opens the database.
    pub fn open_shared(&self, address: &Address) -> Result<PostgresStore, CommandError> {
        let options = Options {
            takeover_after: self.flags.takeover_after,
            patience: LEDGER_PATIENCE,
            tell: console::line,
        };
        Ok(PostgresStore::open(address, options)?)
    }
}
