//! Adds a profile to an existing `~/.oci/config`, which belongs to other programs too: every byte of it stays.

use super::asking::{Asking, Question};
use crate::error::CommandError;
use crate::files;
use oci_client::credentials::{ConfigFile, CredentialsError};
use std::path::Path;

/// The profile that the official tools use, and whose keys all others inherit.
pub const PROFILE: &str = "DEFAULT";
/// Keys that mean another way to sign in. A new profile would inherit them.
const OTHER_WAYS: [&str; 5] =
    ["security_token_file", "pass_phrase", "authentication_type", "delegation_token_file", "key_content"];
/// The longest name that is accepted.
const NAME_MAX: usize = 64;

/// Asks for the name of a profile that does not exist yet.
pub async fn ask_name(
    asking: &mut Asking,
    path: &Path,
    existing: &ConfigFile,
) -> Result<String, CommandError> {
    let known = existing.profiles();
    if let Some(key) = inherited(existing) {
        return Err(CommandError::usage(
            format!(
                "{} sets `{key}` in [{PROFILE}], which every profile inherits: a new key would not sign",
                path.display()
            ),
            "move it to a profile of its own, which nothing inherits",
        ));
    }
    let question = Question {
        what: "name of the new profile",
        flag: "--profile",
        given: None,
        kinds: &[],
        is_complete: true,
    };
    let default = if known.is_empty() { Some(PROFILE.to_owned()) } else { None };
    asking.text(question, default, &|text| check_name(text, &known)).await
}

fn inherited(existing: &ConfigFile) -> Option<&'static str> {
    let usual = existing.profile(PROFILE).ok()?;
    OTHER_WAYS.into_iter().find(|key| usual.get(key).is_some())
}

fn check_name(text: &str, known: &[String]) -> Result<String, String> {
    if known.iter().any(|name| name.eq_ignore_ascii_case(text)) {
        Err("there is such a profile already, and it is not replaced".to_owned())
    } else if text.eq_ignore_ascii_case(PROFILE) && !known.is_empty() {
        Err(format!("the other profiles would inherit from [{PROFILE}]"))
    } else if text.chars().count() > NAME_MAX {
        Err(format!("a name has at most {NAME_MAX} characters"))
    } else if text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
        Ok(text.to_owned())
    } else {
        Err("a name has letters, digits, hyphens, dots and underscores".to_owned())
    }
}

/// Adds the lines of a profile at the end of the file, as it is now.
pub fn append(path: &Path, name: &str, profile: &str) -> Result<(), CommandError> {
    let bytes = std::fs::read(path).map_err(|error| unwritable(path, &error))?;
    let mut bytes = zeroize::Zeroizing::new(bytes);
    let now = ConfigFile::read(path).map_err(CredentialsError::from)?;
    if now.profile(name).is_ok() {
        return Err(CommandError::usage(
            format!("{} has a profile [{name}] meanwhile, which is not replaced", path.display()),
            "repeat the command",
        ));
    }
    if bytes.last().is_some_and(|last| *last != b'\n') {
        bytes.push(b'\n');
    }
    if !bytes.is_empty() {
        bytes.push(b'\n');
    }
    bytes.extend_from_slice(profile.as_bytes());
    files::replace(path, &bytes).map_err(|error| unwritable(path, &error))
}

/// The error about a file that cannot be written.
pub fn unwritable(path: &Path, error: &std::io::Error) -> CommandError {
    CommandError::usage(
        format!("{} cannot be written: {error}", path.display()),
        "make room for it, and try again",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> ConfigFile {
        ConfigFile::parse(text, Path::new("config")).unwrap()
    }

    #[test]
    fn a_profile_is_added_after_every_byte_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        for old in ["# mine\r\n[A]\nuser = x\n  continued", "[A]\n", ""] {
            std::fs::write(&path, old).unwrap();
            append(&path, "B", "[B]\nuser=y\n").unwrap();
            let new = std::fs::read_to_string(&path).unwrap();
            assert!(new.starts_with(old) && new.ends_with("[B]\nuser=y\n"), "{new}");
            assert_eq!(file(&new).profile("B").unwrap().get("user"), Some("y"));
            assert_eq!(file(&new).profiles().len(), file(old).profiles().len() + 1);
            append(&path, "B", "[B]\nuser=z\n").unwrap_err();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), new, "a profile is never replaced");
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_file_of_profiles_keeps_its_mode() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        std::fs::write(&path, "[A]\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        append(&path, "B", "[B]\n").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    }

    #[test]
    fn a_new_profile_changes_what_no_other_means() {
        let known = ["PROD".to_owned()];
        assert_eq!(check_name("DEV", &known), Ok("DEV".to_owned()));
        for wrong in ["prod", "DEFAULT", "a]\n[b", "a b", &"a".repeat(65)] {
            check_name(wrong, &known).unwrap_err();
        }
        assert_eq!(check_name("DEFAULT", &[]), Ok("DEFAULT".to_owned()));
        assert_eq!(inherited(&file("[DEFAULT]\nsecurity_token_file=a\n[B]\n")), Some("security_token_file"));
        assert_eq!(inherited(&file("[DEFAULT]\nuser=a\n[B]\nsecurity_token_file=a\n")), None);
    }
}
