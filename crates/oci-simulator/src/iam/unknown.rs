//! Statements and rules that somebody makes in the tenancy. Unlike those of a scenario, they may be about services and variables that
//! the region has not: real policies are. Such a statement is accepted and allows nothing here.

use super::read_rule;
use super::resources::Verb;
use super::statement::Grant;
use super::text::{NotUnderstood, Words};

/// The statement; `None` if it is about something that the region has not.
///
/// # Errors
/// Why it is no statement, with its column.
pub(crate) fn read_statement(text: &str) -> Result<Option<Grant>, String> {
    match Grant::read(text) {
        Ok(grant) => Ok(Some(grant)),
        Err(why) => match check_form(text) {
            Ok(()) => Ok(None),
            // What is wrong with the form comes first in the text.
            Err(form) => Err(if form.column <= why.column { form } else { why }.to_string()),
        },
    }
}

/// Refuses what does not have the form of a statement (Oracle: "Policy Syntax").
fn check_form(text: &str) -> Result<(), NotUnderstood> {
    let mut words = Words::of(text)?;
    if ["define", "endorse", "admit", "deny"].iter().any(|kind| words.takes(kind)) {
        return Ok(());
    }
    words.expect("Allow")?;
    let subjects = ["any-user", "any-group", "group", "dynamic-group", "service", "resource"];
    if !subjects.iter().any(|subject| words.takes(subject)) {
        return Err(words.wrong("any-user, group, dynamic-group or service"));
    }
    skip_to(&mut words, &["to"])?;
    if words.takes("{") {
        skip_to(&mut words, &["}"])?;
    } else {
        Verb::read(&mut words)?;
        words.name("a type of resource")?;
    }
    words.expect("in")?;
    if words.takes("tenancy") {
        return Ok(());
    }
    words.expect("compartment")?;
    words.name("the name of a compartment").map(|_| ())
}

fn skip_to(words: &mut Words, wanted: &[&str]) -> Result<(), NotUnderstood> {
    while !wanted.iter().any(|word| words.takes(word)) {
        words.next(&format!("`{}`", wanted.join("` or `")))?;
    }
    Ok(())
}

/// Checks the matching rule of a dynamic group.
///
/// # Errors
/// Why it is not understood, with its column.
pub(crate) fn check_rule(text: &str) -> Result<(), String> {
    match read_rule(text) {
        Ok(_) => Ok(()),
        // A rule may be about tags and other variables that the region has not. Its parentheses and quotes must fit.
        Err(why) => {
            let words = Words::of(text).map_err(|wrong| wrong.to_string())?;
            let is_about_more = ["tag.", "resource.", "instance.", "cluster.", "request."];
            let text = text.to_lowercase();
            let has_parts = is_about_more.iter().any(|part| text.contains(part)) && text.contains('=');
            let balanced = text.matches('{').count() == text.matches('}').count();
            drop(words);
            if has_parts && balanced { Ok(()) } else { Err(why.to_string()) }
        }
    }
}
