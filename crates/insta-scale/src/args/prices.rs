//! Flags of `prices`.

use clap::{Args, Subcommand};

/// Flags of `prices`.
#[derive(Clone, Debug, Args)]
pub struct PricesArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: PricesCommand,
}

/// What can be done with price lists.
#[derive(Clone, Debug, Subcommand)]
pub enum PricesCommand {
    /// Show the prices of shapes, with Oracle's part numbers and the date of the list
    List(ListPrices),
    /// Use a newer price list, or one in another currency, from a document of Oracle's price API
    Update(UpdatePrices),
    /// Go back to the built-in price list
    Reset,
}

/// Flags of `prices list`.
#[derive(Clone, Debug, Args)]
pub struct ListPrices {
    /// Show these shapes only [default: all]
    #[arg(value_name = "SHAPE")]
    pub shapes: Vec<String>,
    /// Show prices in this currency, such as EUR
    #[arg(long, value_name = "CODE", default_value = "USD", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub currency: String,
}

/// Flags of `prices update`.
#[derive(Clone, Debug, Args)]
pub struct UpdatePrices {
    /// The document of the price API; `-` reads standard input
    #[arg(value_name = "FILE")]
    pub file: std::path::PathBuf,
    /// Date of the list, YYYY-MM-DD, if the document does not state it
    #[arg(long, value_name = "DATE", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub as_of: Option<String>,
}
