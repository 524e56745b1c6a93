//! Where the instances of a fleet are or will be, as a table, JSON, or Terraform variables.

use super::listing::{Listing, or_dash};
use super::published::{PublishedDocument, text_of};
use super::text::clean;
use crate::args::OutputFormat;
use fleet::FleetSpec;
use fleet::plan::Spread;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;

/// An instance, and where it is or will be.
#[derive(Debug, JsonSchema, Serialize)]
pub struct PlacementRow {
    /// Its display name.
    pub name: String,
    /// The number in its name.
    pub number: Option<u64>,
    /// The region, if the config has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The availability domain.
    pub availability_domain: String,
    /// The fault domain; `null` if OCI chooses it.
    pub fault_domain: Option<String>,
    /// The shape.
    pub shape: String,
    /// Its OCID, if it exists.
    pub ocid: Option<String>,
}

const COLUMNS: &[&str] = &["NAME", "AVAILABILITY DOMAIN", "FAULT DOMAIN", "SHAPE", "STATE"];
const COLUMNS_OF_REGIONS: &[&str] =
    &["NAME", "REGION", "AVAILABILITY DOMAIN", "FAULT DOMAIN", "SHAPE", "STATE"];

/// For people.
pub fn table_text(rows: Vec<PlacementRow>) -> String {
    let several = rows.iter().any(|row| row.region.is_some());
    let mut listing = Listing::for_people("placements", if several { COLUMNS_OF_REGIONS } else { COLUMNS });
    for row in rows {
        let state = if row.ocid.is_some() { "exists" } else { "planned" };
        let mut cells = vec![
            row.name,
            row.availability_domain,
            or_dash(row.fault_domain.as_deref()),
            row.shape,
            state.to_owned(),
        ];
        if several {
            cells.insert(1, or_dash(row.region.as_deref()));
        }
        listing.push_cells(cells);
    }
    listing.to_text(OutputFormat::Table)
}

/// Where the instances of a fleet are or will be.
#[derive(Debug, JsonSchema, Serialize)]
pub struct PlacementsDocument<'a> {
    /// The name of the fleet.
    fleet: &'a str,
    /// Its region.
    region: &'a str,
    /// The OCID of its compartment.
    compartment: &'a str,
    /// How its instances are spread; `null` without `spread` in the config.
    spread: Option<Spread>,
    /// One entry per instance.
    placements: &'a [PlacementRow],
}

impl PublishedDocument for PlacementsDocument<'_> {
    const NAME: &'static str = "plan-placements";
    const COMMANDS: &'static [&'static str] = &["plan"];
}

/// For programs.
pub fn json_text(fleet: &FleetSpec, placements: &[PlacementRow]) -> String {
    let document = PlacementsDocument {
        fleet: &fleet.name,
        region: &fleet.region,
        compartment: &fleet.compartment,
        spread: fleet.spread,
        placements,
    };
    text_of(&document, OutputFormat::Json)
}

/// A file for `terraform -var-file`: a map by display name.
pub fn tfvars_text(fleet: &FleetSpec, rows: &[PlacementRow]) -> String {
    let mut out = format!(
        "# Placements of fleet {} in {}, by oci-insta-scale plan --placements tfvars\n",
        clean(&fleet.name),
        fleet.region_names().map(clean).collect::<Vec<_>>().join(", ")
    );
    out.push_str("instance_placements = {\n");
    for row in rows {
        let region =
            row.region.as_deref().map_or_else(String::new, |region| format!("region = {}, ", quoted(region)));
        let fault_domain = row.fault_domain.as_deref().map_or_else(|| "null".to_owned(), quoted);
        // Writing to a String cannot fail, so the result is ignored.
        let _ = writeln!(
            out,
            "  {} = {{ {region}availability_domain = {}, fault_domain = {fault_domain}, shape = {} }}",
            quoted(&row.name),
            quoted(&row.availability_domain),
            quoted(&row.shape),
        );
    }
    out.push_str("}\n");
    out
}

/// An HCL string, in which `${` and `%{` would start a template.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '$' | '%' if rest.peek() == Some(&'{') => out.extend([c, c]),
            c if c.is_control() => {
                // Writing to a String cannot fail, so the result is ignored.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_texts_in_terraform_variables() {
        let cases = [
            ("web-1", r#""web-1""#),
            (r#"a"b\c"#, r#""a\"b\\c""#),
            ("${x} $1 %{y} 5%", r#""$${x} $1 %%{y} 5%""#),
            ("a\nb\u{7}", r#""a\nb\u0007""#),
        ];
        for (text, expected) in cases {
            assert_eq!(quoted(text), expected);
        }
    }
}
