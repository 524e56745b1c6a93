//! Where the official tools look: their variables and files. The environment is passed in.

use std::path::{Path, PathBuf};

use super::error::KEY_CONTENT;

/// Looks a variable up in the environment.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Where the configuration file is: as asked for; else `OCI_CLI_CONFIG_FILE`; else `~/.oci/config` if it is there; else
/// `OCI_CONFIG_FILE`; else `~/.oraclebmc/config` if it is there; else `~/.oci/config`, which then is not found.
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

/// A path with a leading `~` replaced by the home directory.
pub fn expand_home(path: &Path, env: Environment<'_>) -> PathBuf {
    let home = || env("HOME").or_else(|| env("USERPROFILE")).filter(|home| !home.is_empty());
    match path.strip_prefix("~") {
        Ok(rest) => home().map_or_else(|| path.to_owned(), |home| Path::new(&home).join(rest)),
        Err(_) => path.to_owned(),
    }
}

/// Whether the CLI's variables name a user, their tenancy and a key, so that no configuration file is needed.
pub fn variables_suffice(env: Environment<'_>) -> bool {
    let is_set = |name: &str| env(name).is_some_and(|value| !value.is_empty());
    ["OCI_CLI_USER", "OCI_CLI_TENANCY", "OCI_CLI_FINGERPRINT"].into_iter().all(is_set)
        && ["OCI_CLI_KEY_FILE", KEY_CONTENT].into_iter().any(is_set)
}
