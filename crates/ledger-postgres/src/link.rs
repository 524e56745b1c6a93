//! One connection to the database, made again when it is lost.

use crate::address::Address;
use crate::tls;
use ledger::{LedgerError, Result};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::{DbError, SqlState};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, NoTls, Row};

/// A statement that takes longer counts as lost: a server that is partitioned away never answers.
const ANSWER: Duration = Duration::from_secs(30);

/// Why a statement has no answer.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The connection is gone, or the server takes no work at present. Whether the statement was done is unknown.
    Lost(String),
    /// The server refused the statement, and nothing was done.
    Refused(Box<DbError>),
}

/// Parameters of a statement, with their types: they are sent together with the statement, so that nothing has to be prepared
/// on a connection that a pooler may exchange.
pub(crate) type Parameters<'a> = &'a [(&'a (dyn ToSql + Sync), Type)];

/// A connection.
pub(crate) struct Link {
    address: Address,
    open: Option<Open>,
}

struct Open {
    client: Client,
    driver: JoinHandle<()>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Link {
    pub(crate) fn new(address: Address) -> Self {
        Self { address, open: None }
    }

    /// The address, without its password.
    pub(crate) fn name(&self) -> String {
        self.address.to_string()
    }

    /// Whether a connection exists, as far as is known.
    pub(crate) fn is_open(&self) -> bool {
        self.open.as_ref().is_some_and(|open| !open.client.is_closed())
    }

    /// Connects, unless a connection exists.
    pub(crate) async fn connect(&mut self) -> std::result::Result<&Client, Failed> {
        if !self.is_open() {
            self.open = None;
            self.open = Some(self.dial().await?);
        }
        // It was opened above.
        let open = self.open.as_ref().ok_or_else(|| Failed::Lost("no connection".to_owned()))?;
        Ok(&open.client)
    }

    async fn dial(&self) -> std::result::Result<Open, Failed> {
        let config = &self.address.config;
        if config.get_ssl_mode() == SslMode::Disable {
            let (client, connection) = config.connect(NoTls).await.map_err(|error| failed(&error))?;
            return Ok(Open { client, driver: driven(connection) });
        }
        let tls = tls::connector(self.address.root_certificates.as_deref()).map_err(Failed::Lost)?;
        let (client, connection) = config.connect(tls).await.map_err(|error| failed(&error))?;
        Ok(Open { client, driver: driven(connection) })
    }

    /// The rows of a statement. Its parameters travel with it, so that a pooler may give each statement another connection.
    pub(crate) async fn query(
        &mut self,
        statement: &str,
        parameters: Parameters<'_>,
    ) -> std::result::Result<Vec<Row>, Failed> {
        let client = self.connect().await?;
        let asked = tokio::time::timeout(ANSWER, client.query_typed(statement, parameters)).await;
        self.answered(asked)
    }

    /// Runs statements without parameters or results.
    pub(crate) async fn batch(&mut self, script: &str) -> std::result::Result<(), Failed> {
        let client = self.connect().await?;
        let asked = tokio::time::timeout(ANSWER, client.batch_execute(script)).await;
        self.answered(asked)
    }

    fn answered<T>(
        &mut self,
        asked: std::result::Result<
            std::result::Result<T, tokio_postgres::Error>,
            tokio::time::error::Elapsed,
        >,
    ) -> std::result::Result<T, Failed> {
        let answer = match asked {
            Ok(answer) => answer.map_err(|error| failed(&error)),
            Err(_) => Err(Failed::Lost(format!("no answer within {} s", ANSWER.as_secs()))),
        };
        if matches!(answer, Err(Failed::Lost(_))) {
            // An answer that comes later must not be taken for that of the next statement.
            self.open = None;
        }
        answer
    }

    /// The error of the ledger for a failure.
    pub(crate) fn error(&self, failed: Failed) -> LedgerError {
        match failed {
            Failed::Lost(reason) => LedgerError::Away { ledger: self.name(), reason },
            Failed::Refused(error) => self.refused(&error),
        }
    }

    fn refused(&self, error: &DbError) -> LedgerError {
        let ledger = self.name();
        let reason = error.message().to_owned();
        match error.code() {
            code if *code == SqlState::DISK_FULL => LedgerError::ServerFull { ledger, reason },
            code if is_a_matter_of_rights(code) => LedgerError::Refused { ledger, reason },
            _ => LedgerError::Io { path: ledger.into(), reason },
        }
    }

    /// Tells a failure of the address or the rights, which does not pass by itself, from one that may.
    pub(crate) fn passes(failed: &Failed) -> bool {
        match failed {
            Failed::Lost(_) => true,
            Failed::Refused(error) => *error.code() == SqlState::DISK_FULL,
        }
    }

    /// Connects for the first time.
    ///
    /// # Errors
    /// When the database cannot be reached or refuses the login.
    pub(crate) async fn begin(&mut self) -> Result<()> {
        match self.connect().await {
            Ok(_) => Ok(()),
            Err(failed) => Err(self.error(failed)),
        }
    }
}

fn driven<S, T>(connection: tokio_postgres::Connection<S, T>) -> JoinHandle<()>
where
    tokio_postgres::Connection<S, T>:
        Future<Output = std::result::Result<(), tokio_postgres::Error>> + Send + 'static,
{
    tokio::spawn(async move {
        // Whoever waits for an answer gets the error.
        let _ = connection.await;
    })
}

/// Logins and permissions (PostgreSQL: "Error Codes", classes 28, 3D, 42501).
fn is_a_matter_of_rights(code: &SqlState) -> bool {
    code.code().starts_with("28")
        || code.code().starts_with("3D")
        || *code == SqlState::INSUFFICIENT_PRIVILEGE
}

fn failed(error: &tokio_postgres::Error) -> Failed {
    let Some(answer) = error.as_db_error() else {
        return Failed::Lost(whole(error));
    };
    let code = answer.code();
    // The server is starting, stopping, overloaded or a standby: it says so, but the work is not refused for good.
    let passes = ["08", "57P", "53"].iter().any(|class| code.code().starts_with(class))
        && *code != SqlState::DISK_FULL
        || *code == SqlState::READ_ONLY_SQL_TRANSACTION
        || *code == SqlState::T_R_SERIALIZATION_FAILURE
        || *code == SqlState::T_R_DEADLOCK_DETECTED;
    if passes { Failed::Lost(answer.message().to_owned()) } else { Failed::Refused(Box::new(answer.clone())) }
}

/// An error with its causes.
fn whole(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = inner.source();
    }
    text
}
