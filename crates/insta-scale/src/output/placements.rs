//! Where the instances of a fleet are or will be, as a table, JSON, or Terraform variables.

use super::document::SCHEMA_VERSION;
use super::listing::{Listing, or_dash};
use super::simulated::mark;
use super::text::clean;
use crate::args::OutputFormat;
use fleet::FleetSpec;
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// An instance, and where it is or will be.
#[derive(Debug, Serialize)]
pub struct PlacementRow {
    /// Its display name.
    pub name: String,
    /// The number in its name.
    pub number: Option<u64>,
    /// The availability domain.
    pub availability_domain: String,
    /// The fault domain; `None` if OCI chooses it.
    pub fault_domain: Option<String>,
    /// The shape.
    pub shape: String,
    /// Its OCID, if it exists.
    pub ocid: Option<String>,
}

/// For people.
pub fn table_text(rows: Vec<PlacementRow>) -> String {
    let columns = &["NAME", "AVAILABILITY DOMAIN", "FAULT DOMAIN", "SHAPE", "STATE"];
    let mut listing = Listing::new("placements", columns);
    for row in rows {
        let state = if row.ocid.is_some() { "exists" } else { "planned" };
        let cells = vec![
            row.name,
            row.availability_domain,
            or_dash(row.fault_domain.as_deref()),
            row.shape,
            state.to_owned(),
        ];
        listing.push(cells, Value::Null);
    }
    listing.to_text(OutputFormat::Table)
}

/// For programs.
pub fn json_text(fleet: &FleetSpec, rows: &[PlacementRow]) -> String {
    let document = json!({
        "schema_version": SCHEMA_VERSION,
        "fleet": fleet.name,
        "region": fleet.region,
        "compartment": fleet.compartment,
        "spread": fleet.spread,
        "placements": rows,
    });
    // Strings and numbers only, so serialisation cannot fail.
    serde_json::to_string_pretty(&mark(document)).unwrap_or_default() + "\n"
}

/// A file for `terraform -var-file`: a map by display name.
pub fn tfvars_text(fleet: &FleetSpec, rows: &[PlacementRow]) -> String {
    let mut out = format!(
        "# Placements of fleet {} in {}, by oci-insta-scale plan --placements tfvars\n",
        clean(&fleet.name),
        clean(&fleet.region)
    );
    out.push_str("instance_placements = {\n");
    for row in rows {
        let fault_domain = row.fault_domain.as_deref().map_or_else(|| "null".to_owned(), quoted);
        // Writing to a String cannot fail, so the result is ignored.
        let _ = writeln!(
            out,
            "  {} = {{ availability_domain = {}, fault_domain = {fault_domain}, shape = {} }}",
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
