//! The default accounts of the instances' images.

use crate::connection::Connection;
use crate::error::CommandError;
use crate::output::console;
use crate::output::text::clean;
use crate::ssh::{Accounts, Login, account_of};
use fleet::select::Machine;
use std::collections::BTreeSet;

/// Looks up each image of the machines once, unless the login names the account. Unknown accounts are reported; ssh then uses
/// the name of the local user.
pub async fn find(
    connection: &Connection<'_>,
    machines: &[Machine],
    login: &Login,
) -> Result<Accounts, CommandError> {
    let mut accounts = Accounts::new();
    if login.user.is_some() {
        return Ok(accounts);
    }
    let mut unknown = BTreeSet::new();
    let images: BTreeSet<&str> = machines.iter().filter_map(|machine| machine.image.as_deref()).collect();
    for image in images {
        let system = match connection.ask(connection.questions.get_image(image)).await {
            Ok(answered) => answered.value.operating_system,
            Err(CommandError::Failure(_)) => {
                unknown.insert(format!("image {} cannot be read", clean(image)));
                continue;
            }
            Err(error) => return Err(error),
        };
        match account_of(&system) {
            Some(account) => {
                accounts.insert(image.to_owned(), account.to_owned());
            }
            None => {
                unknown.insert(format!("the operating system is {}", clean(&system)));
            }
        }
    }
    if machines.iter().any(|machine| machine.image.is_none()) {
        unknown.insert("an instance names no image".to_owned());
    }
    if !unknown.is_empty() {
        let why: Vec<String> = unknown.into_iter().collect();
        console::line(&format!(
            "warning: the user of some images is not known ({}): set --user, or `ssh: {{user: …}}` in the config",
            why.join("; ")
        ));
    }
    Ok(accounts)
}
