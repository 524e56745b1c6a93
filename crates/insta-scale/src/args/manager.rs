//! Flags of `capacity-manager`, the original tool's interface to `reservation`.

use super::{CreateReservation, DeleteReservation, Global, KindArgs, ListReservations, ReservationCommand};
use clap::Parser;
use std::time::Duration;

/// Manage capacity reservations: the flags of the original tool, with one dash or two.
#[derive(Debug, Parser)]
#[command(
    name = "capacity-manager",
    version,
    max_term_width = 100,
    after_help = MANAGER_HELP,
    group = clap::ArgGroup::new("action").required(true).args(["list", "create", "delete"])
)]
pub struct CapacityManager {
    /// List the reservations
    #[arg(long)]
    pub list: bool,
    /// Create a reservation; needs -name, -ad, -shape and -count
    #[arg(long, requires_all = ["name", "ad", "shape", "count"])]
    pub create: bool,
    /// Delete a reservation; needs -id
    #[arg(long, requires = "id")]
    pub delete: bool,
    /// Name of the new reservation
    #[arg(long)]
    pub name: Option<String>,
    /// Availability domain of the new reservation
    #[arg(long, value_name = "AD", value_delimiter = ',')]
    pub ad: Vec<String>,
    /// Shape of the reserved instances
    #[arg(long)]
    pub shape: Option<String>,
    /// Reserve C instances
    #[arg(long, value_name = "C", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub count: Option<u32>,
    /// OCPUs per instance, for a flexible shape [default: the config's, if the shape is the config's]
    #[arg(long, value_name = "O", value_parser = super::positive)]
    pub ocpus: Option<f64>,
    /// Memory per instance in GB, for a flexible shape [default: the config's, if the shape is the config's]
    #[arg(long, value_name = "M", value_parser = super::positive)]
    pub memory: Option<f64>,
    /// OCID of the reservation to delete
    #[arg(long, value_name = "OCID")]
    pub id: Option<String>,
    /// Require at least M reserved; otherwise delete every reservation this command created [default: keep any]
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u32).range(1..))]
    pub min: Option<u32>,
    /// Add the new reservation to the config file; the previous file is kept as a backup beside it
    #[arg(long)]
    pub write_config: bool,
    /// With -create, create a reservation even if one with this name exists
    #[arg(long, requires = "create")]
    pub new: bool,
    /// Skip the confirmation prompt
    #[arg(short, long)]
    pub yes: bool,
    /// Refused: OCI cannot force the deletion of a reservation
    #[arg(long, hide = true, requires = "delete")]
    pub force: bool,
    /// Flags of every command.
    #[command(flatten)]
    pub global: Global,
}

const MANAGER_HELP: &str = "Examples:
  capacity-manager -list
  capacity-manager -create -name prod -ad AD-1 -shape VM.Standard.E4.Flex -count 10 \\
                           -ocpus 1 -memory 6
  capacity-manager -delete -id ocid1.capacityreservation.oc1…

`oci-insta-scale reservation` does all of this and more (show, update, wait).";

impl CapacityManager {
    /// The equivalent `reservation` command.
    pub fn into_command(self) -> (Global, ReservationCommand) {
        let command = if self.create {
            ReservationCommand::Create(CreateReservation {
                name: self.name,
                ad: self.ad,
                kind: KindArgs { shape: self.shape, ocpus: self.ocpus, memory: self.memory, fd: None },
                count: self.count,
                min: self.min,
                write_config: self.write_config,
                new: self.new,
                deadline: Duration::from_mins(30),
                yes: self.yes,
                ..CreateReservation::default()
            })
        } else if self.delete {
            ReservationCommand::Delete(DeleteReservation {
                // The parser requires it.
                reservation: self.id.unwrap_or_default(),
                deadline: Duration::from_mins(10),
                yes: self.yes,
                force: self.force,
            })
        } else {
            ReservationCommand::List(ListReservations::default())
        };
        (self.global, command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;
    use std::ffi::OsString;

    fn parse(line: &str) -> Result<CapacityManager, clap::Error> {
        let words = line.split_whitespace().map(OsString::from);
        CapacityManager::try_parse_from(super::super::go_flags(&CapacityManager::command(), words))
    }

    #[test]
    fn the_originals_flags_work_word_for_word_with_one_dash_and_two() {
        for line in [
            "capacity-manager -create -name N -ad AD -shape S -count 10 -ocpus 1 -memory 6 -config FILE",
            "capacity-manager --create --name N --ad AD --shape S --count 10 --ocpus 1 --memory 6 --config FILE",
            "capacity-manager -create -name=N -ad=AD -shape=S -count=10 -ocpus=1 -memory=6 -config=FILE",
        ] {
            let (global, command) = parse(line).unwrap().into_command();
            assert_eq!(global.config, [std::path::PathBuf::from("FILE")]);
            let ReservationCommand::Create(create) = command else { panic!("{line}") };
            assert_eq!((create.name.as_deref(), create.ad.as_slice()), (Some("N"), &["AD".to_owned()][..]));
            assert_eq!((create.kind.shape.as_deref(), create.count), (Some("S"), Some(10)));
            assert_eq!((create.kind.ocpus, create.kind.memory), (Some(1.0), Some(6.0)));
        }
        assert!(matches!(
            parse("capacity-manager -list").unwrap().into_command().1,
            ReservationCommand::List(_)
        ));
        let ReservationCommand::Delete(delete) = parse("x -delete -id ocid1.x -y").unwrap().into_command().1
        else {
            panic!()
        };
        assert_eq!((delete.reservation.as_str(), delete.yes), ("ocid1.x", true));
    }

    #[test]
    fn what_is_missing_or_too_much_is_refused() {
        for line in [
            "x",
            "x -list -delete -id y",
            "x -create -name N",
            "x -delete",
            "x -create -name N -ad A -shape S -count 0",
            "x -create -name N -ad A -shape S -count ten",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        CapacityManager::command().debug_assert();
    }
}
