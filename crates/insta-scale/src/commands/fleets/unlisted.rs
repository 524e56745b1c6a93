//! Members of the fleet in regions that the config no longer lists.

use super::Ground;
use crate::connection::Connection;
use crate::error::CommandError;
use crate::output::text::{clean, count, ranges};
use fleet::Environment;
use fleet::fleets::{FleetKey, UnlistedMember, unlisted_members};
use std::collections::BTreeSet;

/// Finds them in the ledger, and asks their regions whether they still exist.
pub async fn find(
    connection: &Connection<'_>,
    key: &FleetKey,
    asking: &Environment,
) -> Result<Vec<UnlistedMember>, CommandError> {
    let known = unlisted_members(&*asking.store, &connection.settings.fleet, key).await?;
    let mut found = Vec::new();
    let mut silent = BTreeSet::new();
    for (member, way) in known {
        // Where nobody can be asked, the member counts as existing, and the next one is not asked about.
        let client = connection.questions_at(&way).ok().filter(|_| !silent.contains(&way.region));
        let Some(client) = client else {
            found.push(member);
            continue;
        };
        let now = connection.ask(async { Ok::<_, CommandError>(member.now(&client).await) }).await?;
        if now.as_ref().is_some_and(|member| member.state.is_none()) {
            silent.insert(way.region);
        }
        found.extend(now);
    }
    Ok(found)
}

/// `2 members of fleet web (web-2, web-3) are in us-ashburn-1, which config.yaml does not list`; `None` if there are none.
pub fn described(ground: &Ground<'_>) -> Option<String> {
    let regions: BTreeSet<&str> = ground.unlisted.iter().map(|member| member.region.as_str()).collect();
    let regions: Vec<String> = regions.into_iter().map(clean).collect();
    let names: Vec<String> = ground.unlisted.iter().map(|member| clean(&member.name)).collect();
    let number = names.len() as u64;
    (number > 0).then(|| {
        format!(
            "{} of fleet {} ({}) {} in {}, which {} does not list",
            count(number, "member"),
            clean(&ground.key.name),
            ranges(&names),
            if number == 1 { "is" } else { "are" },
            regions.join(" and "),
            ground.connection.settings.file
        )
    })
}

/// What to do about them.
pub const REMEDY: &str =
    "list the region under `regions` again, and scale down or terminate these instances before it is removed";

/// Refuses to change a fleet of which a part cannot be counted.
pub fn refuse(ground: &Ground<'_>) -> Result<(), CommandError> {
    described(ground).map_or(Ok(()), |what| Err(CommandError::usage(what, REMEDY)))
}
