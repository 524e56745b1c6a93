//! Flags of `plan`, `capacity`, `policy` and `find`.

use clap::{Args, Subcommand};

/// Where to ask.
#[derive(Clone, Debug, Default, Args)]
pub struct Where {
    /// Ask a simulated region: a scenario's name or file [default: roomy]
    #[arg(long, value_name = "SCENARIO", num_args = 0..=1, require_equals = true, default_missing_value = "roomy")]
    pub simulate: Option<String>,
}

/// Flags of `plan`.
#[derive(Clone, Debug, Args)]
pub struct PlanArgs {
    /// How many instances, in place of the config's count
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(crate::config::MAX_COUNT)))]
    pub count: Option<u32>,
    /// Ask nobody: what will be created, and what it costs
    #[arg(long, conflicts_with = "simulate")]
    pub offline: bool,
    /// Also what `launch --reserve` would reserve first, and what that costs
    #[arg(long)]
    pub reserve: bool,
    /// Where to ask.
    #[command(flatten)]
    pub place: Where,
}

/// Flags of `capacity`.
#[derive(Clone, Debug, Args)]
pub struct CapacityArgs {
    /// The shapes, each as `SHAPE` or `SHAPE:OCPUS:GB` [default: the config's]
    #[arg(value_name = "SHAPE", value_parser = shape)]
    pub shapes: Vec<AskedShape>,
    /// Only in these availability domains
    #[arg(long, value_name = "AD", value_delimiter = ',')]
    pub ad: Vec<String>,
    /// Where to ask.
    #[command(flatten)]
    pub place: Where,
}

/// A shape and its size.
#[derive(Clone, Debug, PartialEq)]
pub struct AskedShape {
    /// The shape.
    pub shape: String,
    /// OCPUs.
    pub ocpus: Option<f64>,
    /// Memory in GB.
    pub memory: Option<f64>,
}

/// Reads `SHAPE` or `SHAPE:OCPUS:GB`.
fn shape(text: &str) -> Result<AskedShape, String> {
    let mut parts = text.split(':');
    let shape = parts.next().unwrap_or_default().trim().to_owned();
    let ocpus = parts.next().map(super::positive).transpose()?;
    let memory = parts.next().map(super::positive).transpose()?;
    if shape.is_empty() || parts.next().is_some() {
        return Err("a shape is needed, or SHAPE:OCPUS:GB".to_owned());
    }
    Ok(AskedShape { shape, ocpus, memory })
}

/// Flags of `policy`.
#[derive(Clone, Debug, Args)]
pub struct PolicyArgs {
    /// The group that launches; `dynamic-group NAME` for instances
    #[arg(long, value_name = "NAME", default_value = "InstanceLaunchers")]
    pub group: String,
    /// The compartment of the subnet, where it is another one
    #[arg(long, value_name = "OCID")]
    pub network_compartment: Option<String>,
    /// Also for making and deleting capacity reservations
    #[arg(long)]
    pub reservations: bool,
}

/// Flags of `find`.
#[derive(Clone, Debug, Args)]
pub struct FindArgs {
    /// What to look for.
    #[command(subcommand)]
    pub what: Find,
    /// Where to ask.
    #[command(flatten)]
    pub place: Where,
}

/// What can be looked for.
#[derive(Clone, Debug, Subcommand)]
pub enum Find {
    /// Availability domains and their fault domains
    Ads,
    /// Shapes, where they are offered, and what they cost
    Shapes {
        /// Only those whose name has this in it
        name: Option<String>,
        /// Only in this availability domain
        #[arg(long, value_name = "AD")]
        ad: Option<String>,
        /// Only those that this image fits
        #[arg(long, value_name = "OCID")]
        image: Option<String>,
    },
    /// Images, newest first
    Images {
        /// Only of this operating system: `Oracle Linux`, `Canonical Ubuntu`
        #[arg(long, value_name = "NAME")]
        os: Option<String>,
        /// Only of this version: `9`
        #[arg(long = "os-version", value_name = "VERSION")]
        version: Option<String>,
        /// Only those that fit this shape [default: the config's; `any` for all]
        #[arg(long)]
        shape: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N", default_value = "20")]
        limit: usize,
    },
    /// Subnets of the compartment
    Subnets {
        /// Only of this VCN
        #[arg(long, value_name = "OCID")]
        vcn: Option<String>,
    },
    /// Compartments that you may use
    Compartments,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_read_with_and_without_a_size() {
        let read = |text| shape(text).map(|asked| (asked.shape, asked.ocpus, asked.memory)).ok();
        assert_eq!(read("S"), Some(("S".to_owned(), None, None)));
        assert_eq!(read("S:1:6"), Some(("S".to_owned(), Some(1.0), Some(6.0))));
        for wrong in ["", ":1", "S:x", "S:1:2:3", "S:0"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
