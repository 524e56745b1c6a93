//! Secrets of receivers, which are read from files and variables when they are needed and never shown.

use crate::config::read_limited;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// No token, password or URL is longer.
const BYTES_MAX: usize = 8 * 1024;

/// The location of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretSource {
    /// The key of the config that states it: `token_file`.
    pub key: &'static str,
    /// The file or variable that it names.
    pub from: SecretPlace,
}

/// The source of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretPlace {
    /// A file.
    File(PathBuf),
    /// A variable of the environment.
    Variable(String),
}

/// A secret, wiped when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The text, for requests only.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A secret that is already in memory.
    pub fn of(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl SecretSource {
    /// Reads the secret, without surrounding blanks and line breaks. The error names the key and shows no value, which may be
    /// the secret, pasted into the wrong place.
    pub fn read(&self, env: &dyn Fn(&str) -> Option<String>) -> Result<Secret, String> {
        let key = self.key;
        let text = match &self.from {
            SecretPlace::File(path) => {
                let bytes = Zeroizing::new(
                    read_limited(path, BYTES_MAX)
                        .map_err(|why| format!("the file of `{key}` cannot be read: {why}"))?,
                );
                let text =
                    std::str::from_utf8(&bytes).map_err(|_| format!("the file of `{key}` is not text"))?;
                Zeroizing::new(text.to_owned())
            }
            SecretPlace::Variable(name) => Zeroizing::new(
                env(name).ok_or_else(|| format!("the variable that `{key}` names is not set"))?,
            ),
        };
        let text = text.trim();
        if text.is_empty() {
            return Err(format!("the secret of `{key}` is empty"));
        }
        if text.chars().any(char::is_control) {
            return Err(format!("the secret of `{key}` has more than one line"));
        }
        Ok(Secret::of(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_without_its_line_break() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "tk_1\n").unwrap();
        let file = SecretSource { key: "token_file", from: SecretPlace::File(path) };
        assert_eq!(file.read(&|_| None).unwrap().expose(), "tk_1");
        let variable = SecretSource { key: "token_env", from: SecretPlace::Variable("T".to_owned()) };
        assert_eq!(variable.read(&|_| Some(" tk_2 ".to_owned())).unwrap().expose(), "tk_2");
    }

    #[test]
    fn a_secret_that_cannot_be_read_is_not_shown() {
        let pasted = SecretSource { key: "token_file", from: SecretPlace::File("tk_hunter2".into()) };
        let unset = SecretSource { key: "token_env", from: SecretPlace::Variable("tk_hunter2".to_owned()) };
        for source in [pasted, unset] {
            let why = source.read(&|_| None).unwrap_err();
            assert!(why.contains(source.key) && !why.contains("hunter2"), "{why}");
        }
        let blank = SecretSource { key: "token_env", from: SecretPlace::Variable("T".to_owned()) };
        assert!(blank.read(&|_| Some(" \n".to_owned())).unwrap_err().contains("is empty"));
        assert_eq!(format!("{:?}", Secret::of("hunter2")), "Secret(..)");
    }
}
