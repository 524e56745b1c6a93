//! Flags of `reservation`.

use super::duration;
use clap::{Args, Subcommand};
use fleet::reservation::{NewCount, Want};
use std::time::Duration;

/// The most instances that one reservation is asked for: a tenancy's limits are far below.
const MOST: u32 = 1_000_000;

/// Flags of `reservation`.
#[derive(Clone, Debug, Args)]
pub struct ReservationArgs {
    /// What to do with reservations.
    #[command(subcommand)]
    pub command: ReservationCommand,
}

/// What can be done with reservations.
#[derive(Clone, Debug, Subcommand)]
pub enum ReservationCommand {
    /// List the reservations of the compartment
    List(ListReservations),
    /// Show one: what it holds, and the instances in it
    Show {
        /// Its OCID or its name
        reservation: String,
    },
    /// Reserve capacity, and say how much was really got
    #[command(after_help = CREATE_HELP)]
    Create(CreateReservation),
    /// Change how much one holds
    #[command(after_help = UPDATE_HELP)]
    Update(UpdateReservation),
    /// Wait until one is ACTIVE, or holds as many as are wanted
    Wait(WaitReservation),
    /// Delete one; refused while instances are in it
    Delete(DeleteReservation),
}

const CREATE_HELP: &str = "\
OCI fills a reservation as far as it can and calls that a success; the counts are read back, and with --min nothing
is kept unless there are at least so many. Unused reserved capacity costs 85 % of the price on demand.

  oci-insta-scale reservation create --count 10                        shape, size and domain of config.yaml
  oci-insta-scale reservation create --ad AD-1,AD-2,AD-3 --count 100   spread over three domains, at once
  oci-insta-scale reservation create --ad AD-1 --add shape=VM.Standard.E4.Flex,ocpus=1,memory=6,count=10 \\
                                               --add shape=VM.Standard.E5.Flex,ocpus=2,memory=32,count=4

Exit codes: 0 all held, 3 some held, 4 none held or given back.";

const UPDATE_HELP: &str = "Examples:
  oci-insta-scale reservation update OCID --count 20     hold 20
  oci-insta-scale reservation update OCID --count +5     hold 5 more
  oci-insta-scale reservation update OCID --count=-5     hold 5 fewer
With several kinds of instance in it, --shape, --ocpus and --memory say which one.";

/// Flags of `reservation list`.
#[derive(Clone, Debug, Default, Args)]
pub struct ListReservations {
    /// Only in this availability domain
    #[arg(long, value_name = "AD")]
    pub ad: Option<String>,
    /// Deleted ones too
    #[arg(long)]
    pub all: bool,
    /// Ask each reservation whose unused part has no price yet: one request for each
    #[arg(long)]
    pub cost: bool,
}

/// Flags of `reservation create`.
#[derive(Clone, Debug, Default, Args)]
pub struct CreateReservation {
    /// Its name [default: the config's display_name_prefix]
    #[arg(long)]
    pub name: Option<String>,
    /// The availability domain, or several: `AD-1,AD-2` [default: the config's]
    #[arg(long, value_name = "AD", value_delimiter = ',')]
    pub ad: Vec<String>,
    /// What it is to hold.
    #[command(flatten)]
    pub kind: KindArgs,
    /// How many in all, spread over the availability domains [default: the config's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub count: Option<u32>,
    /// One kind of instance: `shape=…,ocpus=…,memory=…,count=…,fd=…`; may be given several times
    #[arg(long, value_name = "KIND", value_parser = want, conflicts_with_all = ["count", "shape", "ocpus", "memory", "fd"])]
    pub add: Vec<Want>,
    /// Give everything back unless at least so many are held
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u32).range(1..))]
    pub min: Option<u32>,
    /// Launches in its availability domain that name no reservation draw on it too (root compartment only)
    #[arg(long)]
    pub default: bool,
    /// Put it into the config file; a copy of the old file stays beside it
    #[arg(long)]
    pub write_config: bool,
    /// How long to wait for it
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = duration::parse)]
    pub deadline: Duration,
    /// Make another one although a reservation has the name already
    #[arg(long)]
    pub new: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

impl CreateReservation {
    /// Whether the flags say everything, so that the config need not be a whole one.
    pub fn says_all(&self) -> bool {
        let what = !self.add.is_empty() || (self.kind.shape.is_some() && self.count.is_some());
        what && self.name.is_some() && !self.ad.is_empty() && !self.write_config
    }
}

/// One kind of instance, as flags.
#[derive(Clone, Debug, Default, Args)]
pub struct KindArgs {
    /// The shape [default: the config's]
    #[arg(long)]
    pub shape: Option<String>,
    /// OCPUs of a flexible shape [default: the config's, for the config's shape]
    #[arg(long, value_name = "O", value_parser = super::positive)]
    pub ocpus: Option<f64>,
    /// Memory of a flexible shape, in GB [default: the config's, for the config's shape]
    #[arg(long, value_name = "GB", value_parser = super::positive)]
    pub memory: Option<f64>,
    /// Only in this fault domain
    #[arg(long, value_name = "FD")]
    pub fd: Option<String>,
}

/// Flags of `reservation update`.
#[derive(Clone, Debug, Args)]
pub struct UpdateReservation {
    /// Its OCID or its name
    pub reservation: String,
    /// How many it is to hold: `20`, `+5` or `-5`
    #[arg(long, value_name = "N", value_parser = new_count, allow_hyphen_values = true, required_unless_present = "add")]
    pub count: Option<NewCount>,
    /// Which of the kinds that it holds.
    #[command(flatten)]
    pub kind: KindArgs,
    /// One more kind of instance: `shape=…,ocpus=…,memory=…,count=…,fd=…`; may be given several times
    #[arg(long, value_name = "KIND", value_parser = want)]
    pub add: Vec<Want>,
    /// Ask again until all is held
    #[arg(long)]
    pub until_held: bool,
    /// How long to wait
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = duration::parse)]
    pub deadline: Duration,
    /// How often to ask again, with --until-held
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration::parse)]
    pub every: Duration,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

/// Flags of `reservation wait`.
#[derive(Clone, Debug, Args)]
pub struct WaitReservation {
    /// Its OCID or its name
    pub reservation: String,
    /// Wait until it holds so many, asking for them again and again
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub count: Option<u32>,
    /// How long to wait
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = duration::parse)]
    pub deadline: Duration,
    /// How often to ask again, with --count
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration::parse)]
    pub every: Duration,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

/// Flags of `reservation delete`.
#[derive(Clone, Debug, Args)]
pub struct DeleteReservation {
    /// Its OCID or its name
    pub reservation: String,
    /// How long to wait until it is gone
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration::parse)]
    pub deadline: Duration,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Not a thing that the API has; taken to say so
    #[arg(long, hide = true)]
    pub force: bool,
}

/// Reads `shape=…,ocpus=…,memory=…,count=…,fd=…`.
fn want(text: &str) -> Result<Want, String> {
    let mut want = Want::default();
    let mut counted = false;
    for part in text.split(',') {
        let (key, value) = part.split_once('=').ok_or_else(|| format!("{part:?} is not `key=value`"))?;
        let value = value.trim();
        match key.trim() {
            "shape" => value.clone_into(&mut want.shape),
            "ocpus" => want.ocpus = Some(super::positive(value)?),
            "memory" => want.memory_gb = Some(super::positive(value)?),
            "fd" if value.is_empty() => return Err("`fd=` has no value".to_owned()),
            "fd" => want.fault_domain = Some(value.to_ascii_uppercase()),
            "count" => {
                want.count =
                    value.parse().ok().filter(|count| (1..=MOST).contains(count)).ok_or_else(|| {
                        format!("count must be a whole number from 1 to {MOST}, not {value:?}")
                    })?;
                counted = true;
            }
            other => {
                return Err(format!("unknown key {other:?}: shape, ocpus, memory, count and fd are known"));
            }
        }
    }
    match (want.shape.is_empty(), counted) {
        (true, _) => Err("`shape=` is missing".to_owned()),
        (_, false) => Err("`count=` is missing".to_owned()),
        _ => Ok(want),
    }
}

/// Reads `20`, `+5`, `-5`.
fn new_count(text: &str) -> Result<NewCount, String> {
    let number = |digits: &str| {
        digits
            .parse::<u32>()
            .ok()
            .filter(|number| *number <= MOST && digits.bytes().all(|b| b.is_ascii_digit()))
            .ok_or_else(|| format!("a whole number is needed, at most {MOST}: 20, +5 or -5"))
    };
    Ok(match text.trim() {
        text if text.starts_with('+') => NewCount::Grow(number(&text[1..])?),
        text if text.starts_with('-') => NewCount::Shrink(number(&text[1..])?),
        text => NewCount::Exactly(number(text)?),
    })
}

/// Flags of a launch that reserves its own capacity.
#[derive(Clone, Debug, Default, Args)]
pub struct Reserving {
    /// Reserve the capacity first, in each availability domain, then launch into it
    #[arg(long)]
    pub reserve: bool,
    /// Give back in the end what stayed unused, with --reserve
    #[arg(long, requires = "reserve")]
    pub release: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_counts_are_read_as_people_type_them() {
        let read = want("shape=S,ocpus=1,memory=6,count=10,fd=fault-domain-1").unwrap();
        assert_eq!((read.shape.as_str(), read.count, read.memory_gb), ("S", 10, Some(6.0)));
        assert_eq!(read.fault_domain.as_deref(), Some("FAULT-DOMAIN-1"));
        for wrong in [
            "",
            "shape=S",
            "count=1",
            "shape=S,count=x",
            "shape=S,count=0",
            "shape=S,count=1000001",
            "shape=S,count=1,size=2",
            "shape=S,count=1,ocpus=0",
            "shape=S,count=1,fd=",
        ] {
            assert!(want(wrong).is_err(), "{wrong}");
        }
        assert_eq!(new_count("20"), Ok(NewCount::Exactly(20)));
        assert_eq!(new_count("+5"), Ok(NewCount::Grow(5)));
        assert_eq!(new_count("-5"), Ok(NewCount::Shrink(5)));
        for wrong in ["", "+", "--5", "+-5", "1.5", "ten", "1000001", "99999999999"] {
            assert!(new_count(wrong).is_err(), "{wrong}");
        }
    }
}
