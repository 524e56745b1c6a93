//! Which formats of `--output` each command has. What a command does not have is refused before it does anything, so that no
//! format is ignored in silence.

use crate::args::{
    CapacityCommand, Command, ExportFormat, InstancesCommand, LedgerCommand, OutputFormat, PricesCommand,
    ReservationCommand, SimCommand,
};
use crate::error::CommandError;

/// The formats of a command, besides the text for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Formats {
    /// Documents, and comma-separated values.
    List,
    /// The same, and the table with every column.
    Instances,
    /// Documents.
    Documents,
    /// Comma-separated values, which it writes in any case.
    Csv,
    /// None, for this reason.
    Text(&'static str),
}

const UNIT: &str = "it prints a unit of systemd";

/// The formats of a command. There is no default, so that a new command has to choose.
pub fn formats_of(command: &Command) -> Formats {
    match command {
        Command::Maintain(args) if args.print_unit => Formats::Text(UNIT),
        Command::Hunt(args) if args.print_unit => Formats::Text(UNIT),
        Command::Schema(args) if args.document.is_some() || args.dir.is_some() => Formats::Documents,
        Command::Cost(_)
        | Command::Fleets(_)
        | Command::Fleet(_)
        | Command::Limits(_)
        | Command::Find(_)
        | Command::Notify(_)
        | Command::Schema(_) => Formats::List,
        Command::Plan(args) => match args.placements {
            None => Formats::Documents,
            Some(_) => Formats::Text("--placements names the format"),
        },
        Command::Report(args) if args.format.is_some() => Formats::Text("--format names the format"),
        Command::Capacity(args) => match &args.command {
            Some(CapacityCommand::History(args)) if args.forget => Formats::Documents,
            _ => Formats::List,
        },
        Command::Ledger(args) => match args.command {
            LedgerCommand::Grant(_) => Formats::Text("it prints SQL"),
            LedgerCommand::Copy(_) | LedgerCommand::Check | LedgerCommand::Prune(_) => Formats::Documents,
        },
        Command::Prices(args) => match args.command {
            PricesCommand::List(_) => Formats::List,
            PricesCommand::Update(_) | PricesCommand::Reset => Formats::Documents,
        },
        Command::Instances(args) => of_verb(&args.command),
        Command::Reservation(args) => of_reservation(&args.command),
        Command::Cleanup(args) if args.dry_run => Formats::List,
        Command::Export(args) => match args.format {
            ExportFormat::Json => Formats::Documents,
            ExportFormat::Csv => Formats::Csv,
            ExportFormat::SshConfig
            | ExportFormat::Ansible
            | ExportFormat::Hosts
            | ExportFormat::TerraformImport => Formats::Text("the format is the argument of `export`"),
        },
        Command::Ssh(args) if args.exec => Formats::Text("--exec prints nothing"),
        Command::Sim(args) => match args.command {
            SimCommand::Serve(_) | SimCommand::Reset(_) => Formats::Documents,
            SimCommand::Scenarios => Formats::List,
            SimCommand::Exec(_) => Formats::Text("the output is that of the program"),
        },
        Command::Completions { .. } => Formats::Text("it prints a script for a shell"),
        Command::Man(_) => Formats::Text("it prints a manual page"),
        Command::Launch(_)
        | Command::Init(_)
        | Command::Hunt(_)
        | Command::Resume(_)
        | Command::Runs(_)
        | Command::Show(_)
        | Command::Report(_)
        | Command::Watch(_)
        | Command::Scale(_)
        | Command::Replace(_)
        | Command::Maintain(_)
        | Command::Status(_)
        | Command::Doctor(_)
        | Command::Cleanup(_)
        | Command::Ssh(_)
        | Command::Config(_)
        | Command::Policy(_) => Formats::Documents,
    }
}

/// The formats of a verb of `instances`.
pub fn of_verb(command: &InstancesCommand) -> Formats {
    if matches!(command, InstancesCommand::List(_)) { Formats::Instances } else { Formats::Documents }
}

/// The formats of a verb of `reservation`.
pub fn of_reservation(command: &ReservationCommand) -> Formats {
    match command {
        ReservationCommand::List(_) | ReservationCommand::Show { .. } | ReservationCommand::Create(_) => {
            Formats::List
        }
        ReservationCommand::Update(_) | ReservationCommand::Wait(_) | ReservationCommand::Delete(_) => {
            Formats::Documents
        }
    }
}

impl Formats {
    fn has(self, format: OutputFormat) -> bool {
        match format {
            OutputFormat::Table => true,
            OutputFormat::Json | OutputFormat::Jsonl => {
                matches!(self, Self::List | Self::Instances | Self::Documents)
            }
            OutputFormat::Csv => matches!(self, Self::List | Self::Instances | Self::Csv),
            OutputFormat::Wide => self == Self::Instances,
        }
    }

    /// Refuses a format that the command does not have.
    pub fn check(self, format: OutputFormat) -> Result<(), CommandError> {
        if self.has(format) {
            return Ok(());
        }
        if format == OutputFormat::Wide {
            return Err(CommandError::usage("only `instances list` has --output wide", self.others()));
        }
        let name = clap::ValueEnum::to_possible_value(&format);
        let name = name.as_ref().map_or("", |name| name.get_name());
        Err(CommandError::usage(format!("this command has no --output {name}"), self.others()))
    }

    fn others(self) -> String {
        match self {
            Self::List => "table, json, jsonl and csv work".to_owned(),
            Self::Instances => "table, json, jsonl, csv and wide work".to_owned(),
            Self::Documents => "table, json and jsonl work".to_owned(),
            Self::Csv => "omit --output: it writes comma-separated values".to_owned(),
            Self::Text(why) => format!("omit --output: {why}"),
        }
    }
}
