//! Reads the rows of a capacity memory.

use super::{Remembered, Scope, Subject, Tallies};
use crate::ErrorRecord;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, params};
use std::collections::{BTreeMap, BTreeSet, HashMap};

const SELECT: &str =
    "SELECT subject, refusal, request, refused_at, yielded_at, streak, next_probe, budget, tallies
    FROM subjects WHERE scope = ?1 AND ";

/// Refusals by their keys. Thousands of rows repeat a few of them, so each is parsed once.
#[derive(Default)]
struct Refusals(HashMap<i64, Option<ErrorRecord>>);

impl Refusals {
    /// `None` for a refusal in an unknown format, which is no reason to discard the rest of its row.
    fn get(&mut self, connection: &Connection, key: i64) -> rusqlite::Result<Option<ErrorRecord>> {
        if let Some(known) = self.0.get(&key) {
            return Ok(known.clone());
        }
        let text: Option<String> = connection
            .prepare_cached("SELECT error FROM refusals WHERE key = ?1")?
            .query_row([key], |row| row.get(0))
            .optional()?;
        let refusal = text.and_then(|text| serde_json::from_str(&text).ok());
        self.0.insert(key, refusal.clone());
        Ok(refusal)
    }
}

/// What is remembered of a subject, if anything.
pub(super) fn read_one(
    connection: &Connection,
    scope: i64,
    subject: &str,
) -> rusqlite::Result<Option<Remembered>> {
    let mut statement = connection.prepare_cached(&format!("{SELECT} subject = ?2"))?;
    let mut rows = statement.query(params![scope, subject])?;
    rows.next()?.map(|row| remembered(connection, row, &mut Refusals::default())).transpose()
}

/// Everything that is remembered of a scope.
pub(super) fn recall(
    connection: &Connection,
    scope: &Scope,
) -> rusqlite::Result<BTreeMap<Subject, Remembered>> {
    let Some(scope) = known_scope(connection, scope)? else { return Ok(BTreeMap::new()) };
    let known = collect(connection, "TRUE", params![scope], &mut Refusals::default())?;
    Ok(known.into_iter().collect())
}

/// Reads the targets one by one, and all other subjects by the prefixes of their keys.
pub(super) fn recall_for(
    connection: &Connection,
    scope: &Scope,
    targets: &BTreeSet<Subject>,
) -> rusqlite::Result<BTreeMap<Subject, Remembered>> {
    let Some(scope) = known_scope(connection, scope)? else { return Ok(BTreeMap::new()) };
    let mut refusals = Refusals::default();
    let mut of_kind = |kind: &str| {
        let condition = format!("subject >= '{kind}|' AND subject < '{kind}}}'");
        collect(connection, &condition, params![scope], &mut refusals)
    };
    let mut known: BTreeMap<Subject, Remembered> = of_kind("limit")?.into_iter().collect();
    known.extend(of_kind("quota")?);
    for target in targets {
        known.extend(collect(connection, "subject = ?2", params![scope, target.key()], &mut refusals)?);
    }
    Ok(known)
}

fn collect(
    connection: &Connection,
    condition: &str,
    values: &[&dyn ToSql],
    refusals: &mut Refusals,
) -> rusqlite::Result<Vec<(Subject, Remembered)>> {
    let mut statement = connection.prepare_cached(&format!("{SELECT} {condition}"))?;
    let mut rows = statement.query(values)?;
    let mut known = Vec::new();
    while let Some(row) = rows.next()? {
        // A key of a newer version is ignored here and stays in the store.
        if let Some(subject) = Subject::of_key(text(row, 0)?) {
            known.push((subject, remembered(connection, row, refusals)?));
        }
    }
    Ok(known)
}

pub(super) fn scopes(connection: &Connection) -> rusqlite::Result<Vec<Scope>> {
    let mut statement = connection.prepare_cached("SELECT tenancy, region, service FROM scopes")?;
    let rows = statement
        .query_map([], |row| Ok(Scope { tenancy: row.get(0)?, region: row.get(1)?, service: row.get(2)? }))?;
    rows.collect()
}

/// The key of a scope, if anything is remembered of it.
pub(super) fn known_scope(connection: &Connection, scope: &Scope) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT key FROM scopes WHERE tenancy = ?1 AND region = ?2 AND service = ?3")?
        .query_row(params![scope.tenancy, scope.region, scope.service], |row| row.get(0))
        .optional()
}

fn remembered(
    connection: &Connection,
    row: &Row<'_>,
    refusals: &mut Refusals,
) -> rusqlite::Result<Remembered> {
    let refusal: Option<i64> = row.get(1)?;
    let refusal = refusal.map(|key| refusals.get(connection, key)).transpose()?.flatten();
    let request: Option<String> = row.get(2)?;
    Ok(Remembered {
        refusal: refusal.map(|error| ErrorRecord { opc_request_id: request, ..error }),
        refused_at: time(row, 3)?,
        yielded_at: time(row, 4)?,
        streak: row.get(5)?,
        next_probe: time(row, 6)?,
        budget: row.get(7)?,
        tallies: Tallies::of_bytes(row.get_ref(8)?.as_blob()?),
    })
}

fn text<'a>(row: &'a Row<'_>, column: usize) -> rusqlite::Result<&'a str> {
    Ok(row.get_ref(column)?.as_str()?)
}

/// A time in milliseconds since the epoch; `None` if it is null or invalid.
fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    let at: Option<i64> = row.get(column)?;
    Ok(at.and_then(|at| Timestamp::from_millisecond(at).ok()))
}
