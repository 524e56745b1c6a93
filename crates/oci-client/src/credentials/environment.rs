//! The variables and files that the official tools read. The environment is passed in.

use std::path::{Path, PathBuf};

use super::error::KEY_CONTENT;

/// Looks up an environment variable.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The path of the configuration file, the first of: the requested path; `OCI_CLI_CONFIG_FILE`; `~/.oci/config` if it exists;
/// `OCI_CONFIG_FILE`; `~/.oraclebmc/config` if it exists; `~/.oci/config`, which is then reported as missing.
pub fn config_file_path(asked: Option<&Path>, env: Environment<'_>) -> PathBuf {
    if let Some(path) = asked {
        return expand_home(path, env);
    }
    let variable =
        |name| env(name).filter(|value| !value.is_empty()).map(|path| expand_home(Path::new(&path), env));
    let usual = expand_home(Path::new("~/.oci/config"), env);
    let old = expand_home(Path::new("~/.oraclebmc/config"), env);
    variable("OCI_CLI_CONFIG_FILE")
        .or_else(|| usual.exists().then(|| usual.clone()))
        .or_else(|| variable("OCI_CONFIG_FILE"))
        .or_else(|| old.exists().then_some(old))
        .unwrap_or(usual)
}

/// Replaces a leading `~` with the home directory.
pub fn expand_home(path: &Path, env: Environment<'_>) -> PathBuf {
    let home = || env("HOME").or_else(|| env("USERPROFILE")).filter(|home| !home.is_empty());
    match path.strip_prefix("~") {
        Ok(rest) => home().map_or_else(|| path.to_owned(), |home| Path::new(&home).join(rest)),
        Err(_) => path.to_owned(),
    }
}

/// Whether the CLI's variables specify a user, the tenancy and a key, so that no configuration file is needed.
pub fn variables_suffice(env: Environment<'_>) -> bool {
    let is_set = |name: &str| env(name).is_some_and(|value| !value.is_empty());
    ["OCI_CLI_USER", "OCI_CLI_TENANCY", "OCI_CLI_FINGERPRINT"].into_iter().all(is_set)
        && ["OCI_CLI_KEY_FILE", KEY_CONTENT].into_iter().any(is_set)
}
