//! The public keys of the person: the files in `~/.ssh`, and those of the SSH agent.

use super::asking::{Asking, Question};
use super::draft::SshKey;
use super::keeping::{Unlisted, propose};
use super::matching::{Candidate, Meaning, in_full};
use crate::args::InitArgs;
use crate::config::check_ssh_keys;
use crate::environment;
use crate::error::CommandError;
use crate::output::text::clean;
use std::path::{Path, PathBuf};

/// The answer that means no key.
pub const NONE: &str = "none";
/// No file with a public key is larger.
const FILE_MAX: usize = 16 << 10;
/// The file that `ssh-keygen` writes today.
const USUAL: &str = "id_ed25519.pub";

/// Chooses the key that may log in.
pub async fn ssh_key(
    asking: &mut Asking,
    args: &InitArgs,
    present: Option<&str>,
) -> Result<SshKey, CommandError> {
    let home = environment::home();
    let mut choices = found(home.as_deref());
    let question = Question {
        what: "SSH key",
        flag: "--ssh-key",
        given: args.ssh_key.as_deref(),
        kinds: &[],
        is_complete: true,
    };
    if question.given.is_some() || choices.is_empty() {
        // A key that the file names already is proposed.
        if question.given.is_none() && present.is_none_or(|present| present == NONE) {
            asking.say(
                "no public SSH key was found in ~/.ssh or in the agent. `ssh-keygen -t ed25519` makes one. Type the path \
                 of a .pub file, or paste the key; `none` launches instances that nobody can log in to",
            );
        }
        let check = |text: &str| match in_full(&choices, text) {
            Meaning::One(at) => Ok(choices[at].value.clone()),
            _ if Some(text) == present => Ok(text.to_owned()),
            _ => checked_key(text, home.as_deref()),
        };
        return asking.text(question, present.map(str::to_owned), &check).await.map(|text| SshKey::of(&text));
    }
    choices.push(Candidate::named(NONE, "nobody can log in"));
    let proposed = propose(&mut choices, present, Unlisted::Anything, Some(0));
    asking.choose(question, &choices, proposed.at).await.map(|chosen| SshKey::of(&chosen.value))
}

/// A path of a public key, the key itself, or `none`.
fn checked_key(text: &str, home: Option<&Path>) -> Result<String, String> {
    let text = text.trim();
    if text.eq_ignore_ascii_case(NONE) {
        return Ok(NONE.to_owned());
    }
    if text.split_whitespace().count() > 1 && check_ssh_keys(text).is_ok() {
        return Ok(text.to_owned());
    }
    let path = match (text.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(text),
    };
    let keys = crate::config::read_limited(&path, FILE_MAX)
        .map_err(|why| format!("this is neither a public key nor a file with one: {why}"))?;
    let keys = String::from_utf8(keys).map_err(|_| "the file is not text".to_owned())?;
    check_ssh_keys(&keys).map_err(|(what, help)| format!("{what}; {help}"))?;
    if text.starts_with("~/") {
        return Ok(text.to_owned());
    }
    // A relative path in the config starts at the folder of the config, which may be another one.
    let absolute = std::path::absolute(&path).map_err(|error| error.to_string())?;
    Ok(absolute.display().to_string())
}

/// The keys of this machine, those in files first.
fn found(home: Option<&Path>) -> Vec<Candidate> {
    let mut choices = home.map(|home| in_folder(&home.join(".ssh"))).unwrap_or_default();
    let known: Vec<String> = choices.iter().flat_map(|choice| choice.also.clone()).collect();
    for key in super::agent::keys() {
        let blob = key.split_whitespace().nth(1).unwrap_or_default().to_owned();
        if check_ssh_keys(&key).is_ok() && !known.contains(&blob) {
            let name = key.split_whitespace().skip(2).collect::<Vec<_>>().join(" ");
            let name = if name.is_empty() { "key of the agent".to_owned() } else { clean(&name) };
            choices.push(Candidate {
                value: key,
                name,
                also: Vec::new(),
                about: "in the SSH agent".to_owned(),
            });
        }
    }
    for choice in &mut choices {
        choice.also.clear();
    }
    choices
}

/// The .pub files of a folder that hold a usable key. Each choice carries the encoded key, by which a second copy is known.
fn in_folder(folder: &Path) -> Vec<Candidate> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| Path::new(name).extension().is_some_and(|ending| ending == "pub"))
        .collect();
    names.sort_by_key(|name| (name != USUAL, name.clone()));
    let read = |name: &String| {
        let keys = crate::config::read_limited(&folder.join(name), FILE_MAX).ok()?;
        let line = check_ssh_keys(std::str::from_utf8(&keys).ok()?).ok()?;
        let mut words = line.split_whitespace();
        let (kind, blob) = (words.next()?.to_owned(), words.next()?.to_owned());
        let comment = words.collect::<Vec<_>>().join(" ");
        let about = if comment.is_empty() { kind } else { format!("{kind}, {comment}") };
        let path = format!("~/.ssh/{name}");
        Some(Candidate { value: path.clone(), name: path, also: vec![blob], about })
    };
    names.iter().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPtLsPFx7bIFbEgt/T+vzze965qzoNNX7BkksI3RCL1Q me@home";

    #[test]
    fn only_files_with_a_public_key_are_offered() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(".ssh");
        std::fs::create_dir(&folder).unwrap();
        for (name, text) in
            [("id_rsa.pub", KEY), (USUAL, KEY), ("broken.pub", "ssh-ed25519 AAAA"), ("id", KEY)]
        {
            std::fs::write(folder.join(name), text).unwrap();
        }
        let names: Vec<String> = in_folder(&folder).into_iter().map(|choice| choice.name).collect();
        assert_eq!(names, ["~/.ssh/id_ed25519.pub", "~/.ssh/id_rsa.pub"]);
        assert!(in_folder(&home.path().join("none")).is_empty());
    }

    #[test]
    fn a_private_key_is_never_an_answer() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("key"), "-----BEGIN OPENSSH PRIVATE KEY-----\n").unwrap();
        let path = home.path().join("key").display().to_string();
        assert!(checked_key(&path, None).unwrap_err().contains("private key"));
        std::fs::write(home.path().join("key.pub"), KEY).unwrap();
        assert_eq!(checked_key("~/key.pub", Some(home.path())), Ok("~/key.pub".to_owned()));
        assert_eq!(checked_key(KEY, None), Ok(KEY.to_owned()));
        assert_eq!(checked_key("None", None), Ok("none".to_owned()));
        checked_key("/nowhere", None).unwrap_err();
    }
}
