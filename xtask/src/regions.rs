//! Renders the table of regions and realms.

use crate::Result;
use crate::facts::Facts;
use std::fmt::Write as _;

pub fn render(facts: &Facts) -> Result<String> {
    let mut out = String::from("use crate::region::Region;\n\n");
    writeln!(out, "/// Every region, sorted by name.\npub static REGIONS: &[Region] = &[")?;
    for (name, region) in &facts.regions.regions {
        let domain = facts
            .regions
            .realms
            .get(&region.realm)
            .ok_or_else(|| format!("{name}: unknown realm {}", region.realm))?;
        writeln!(
            out,
            "Region {{ name: {name:?}, key: {:?}, realm: {:?}, domain: {domain:?} }},",
            region.key, region.realm
        )?;
    }
    writeln!(out, "];")?;
    Ok(out)
}
