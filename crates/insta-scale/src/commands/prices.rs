//! `prices`: shows the price lists, and replaces the built-in one by a document of Oracle's price API. Sends no requests.

use crate::args::{ListPrices, PricesArgs, PricesCommand, UpdatePrices};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::prices::{Updated, listing};
use crate::output::text::clean;
use crate::price_list::{MAX_BYTES, PriceListFile};
use crate::session::Session;
use fleet::price::{LIST_CURRENCY, PriceList, Prices, part_numbers, shapes};
use std::io::Read as _;
use std::path::Path;

/// Where a document comes from.
fn source(currency: &str) -> String {
    format!(
        "save the answer of https://apexapps.oracle.com/pls/apex/cetools/api/v1/products/?currencyCode={currency} (it needs no \
         login), and name that file: `oci-insta-scale prices update FILE`"
    )
}

/// Carries out a verb.
pub fn run_prices(session: &Session, args: &PricesArgs) -> Result<Exit, CommandError> {
    match &args.command {
        PricesCommand::List(args) => list_prices(session, args),
        PricesCommand::Update(args) => update_prices(session, args),
        PricesCommand::Reset => reset_prices(session),
    }
}

fn list_prices(session: &Session, args: &ListPrices) -> Result<Exit, CommandError> {
    let prices = Prices {
        currency: Some(args.currency.to_ascii_uppercase()),
        list: session.price_list(),
        ..Prices::default()
    };
    let Some(as_of) = prices.as_of() else {
        return Err(CommandError::usage(
            format!("no price list has prices in {}", clean(prices.currency())),
            source(&clean(prices.currency())),
        ));
    };
    let known: Vec<&str> = shapes().collect();
    let mut chosen = Vec::new();
    for shape in &args.shapes {
        if part_numbers(shape).is_empty() {
            return Err(CommandError::usage(
                format!("the price of the shape {:?} is not known", clean(shape)),
                "`oci-insta-scale prices list` shows the known ones; `prices:` in the config can state others",
            ));
        }
        chosen.push(shape.as_str());
    }
    let rows = if chosen.is_empty() { known } else { chosen };
    let listing = listing(&prices, &rows);
    console::data(&listing.to_text(session.output))?;
    if !session.is_quiet() {
        console::line(&format!("prices in {} per hour, list of {as_of}", clean(prices.currency())));
    }
    Ok(Exit::Done)
}

fn update_prices(session: &Session, args: &UpdatePrices) -> Result<Exit, CommandError> {
    let document = read_document(&args.file)?;
    let named = if args.file == Path::new("-") {
        "standard input".to_owned()
    } else {
        args.file.display().to_string()
    };
    let refused = |error| {
        let hint = match error {
            fleet::price::PriceListError::NoDate => "state it with --as-of YYYY-MM-DD".to_owned(),
            _ => source(LIST_CURRENCY),
        };
        CommandError::usage(format!("{}: {}", clean(&named), clean(&error.to_string())), hint)
    };
    let as_of = args.as_of.as_deref();
    let (list, extract) = PriceList::extract(&document, as_of).map_err(refused)?;
    let file = PriceListFile::in_state(session.flags.state_dir.clone())?;
    let replaced = file.write(&extract)?;
    let updated =
        Updated { file: file.path().display().to_string(), list: &list, replaced: replaced.as_ref() };
    console::data(&updated.text(session.output))?;
    Ok(Exit::Done)
}

fn reset_prices(session: &Session) -> Result<Exit, CommandError> {
    let file = PriceListFile::in_state(session.flags.state_dir.clone())?;
    let removed = file.remove()?;
    let built_in = &PriceList::built_in().as_of;
    console::data(&crate::output::prices::reset_text(session.output, removed, built_in))?;
    Ok(Exit::Done)
}

fn read_document(file: &Path) -> Result<Vec<u8>, CommandError> {
    if file != Path::new("-") {
        return crate::config::read_limited(file, MAX_BYTES).map_err(|why| {
            CommandError::usage(
                format!("{}: {why}", clean(&file.display().to_string())),
                source(LIST_CURRENCY),
            )
        });
    }
    let mut document = Vec::new();
    let read = std::io::stdin().take(MAX_BYTES as u64 + 1).read_to_end(&mut document);
    match read {
        Ok(length) if length <= MAX_BYTES => Ok(document),
        Ok(_) => Err(CommandError::usage(
            format!("standard input has more than {MAX_BYTES} bytes"),
            source(LIST_CURRENCY),
        )),
        Err(error) => {
            Err(CommandError::usage(format!("standard input cannot be read: {error}"), source(LIST_CURRENCY)))
        }
    }
}
