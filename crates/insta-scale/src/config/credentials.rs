//! Reads who signs: the file's own fields, or the name of a profile of `~/.oci/config`.
//!
//! It must not read the key: the client does that, once.

use super::excerpt;
use super::finding::{Finding, Findings};
use super::keys::SECRET;
use super::metadata::Folders;
use super::ocids::{self, Home};
use super::section::Section;
use super::{Overrides, yaml};
use oci_client::credentials::AuthMethod;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// The fields of config.yaml that name a user and their key.
#[derive(Clone)]
pub struct KeyFields {
    /// `tenancy_ocid`.
    pub tenancy: String,
    /// `user_ocid`.
    pub user: String,
    /// `fingerprint`.
    pub fingerprint: String,
    /// `private_key_path`, resolved.
    pub key_path: PathBuf,
    /// `private_key_passphrase`, if the key is encrypted.
    pub passphrase: Option<Zeroizing<String>>,
}

impl std::fmt::Debug for KeyFields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyFields")
            .field("user", &self.user)
            .field("key_path", &self.key_path)
            .finish_non_exhaustive()
    }
}

/// Who signs the requests.
#[derive(Clone, Debug)]
pub enum CredentialSource {
    /// The simulated region's own user; with the way of signing in that would be used otherwise, if one is named.
    Simulated(Option<AuthMethod>),
    /// The file's own fields.
    Fields(KeyFields),
    /// A profile.
    Profile {
        /// The file with profiles, if it is not the default one.
        file: Option<PathBuf>,
        /// Its name.
        name: String,
        /// The way of signing in, if it is not that of the profile.
        method: Option<AuthMethod>,
    },
    /// The variables of the CLI, if they suffice.
    Variables,
    /// Where this program runs, or whatever is configured there.
    Principal(AuthMethod),
}

impl CredentialSource {
    /// Whether the credentials come from the official tools' configuration rather than the file.
    pub fn is_profile(&self) -> bool {
        matches!(self, Self::Profile { .. } | Self::Variables | Self::Principal(_))
    }
}

/// The fields that name a user and their key.
pub const FIELDS: [&str; 4] = ["tenancy_ocid", "user_ocid", "fingerprint", "private_key_path"];

/// Chooses the credentials. `--auth` or `auth` may name a principal; otherwise they are, in this order: `--profile`, the file's own
/// fields, `profile:`, the variables of the CLI if they suffice, `OCI_CLI_PROFILE`.
///
/// The environment can only select a profile, and only if the file has no credential fields: a variable set for another tool
/// must not move a complete config to another tenancy.
pub fn read_credentials(
    top: &Section<'_>,
    overrides: &Overrides,
    folders: Folders<'_>,
    findings: &Findings,
    missing: &mut Vec<String>,
) -> CredentialSource {
    let has_fields = FIELDS.iter().any(|key| top.text(key).is_some());
    let in_file = top.text("profile");
    if let Some(in_file) = in_file.as_ref().filter(|_| has_fields && overrides.profile.is_none()) {
        findings.mistake(
            Finding::at(in_file.place, "profile is given together with credentials in this file")
                .help(format!("keep `profile`, or {}", FIELDS.join(", "))),
        );
    }
    check_fields(top, findings);
    let method = read_method(top, overrides, has_fields, findings);
    if overrides.simulate {
        return CredentialSource::Simulated(method);
    }
    if let Some(method) = method.filter(|method| method.is_principal()) {
        let named = overrides.profile.clone().or_else(|| in_file.map(|name| name.value.to_owned()));
        // A delegation token is named by a profile, and `auto` prefers what the file has.
        return match named {
            Some(name) => CredentialSource::Profile {
                file: overrides.cli_config_file.clone(),
                name,
                method: Some(method),
            },
            None if method == AuthMethod::Auto && has_fields => fields(top, folders, missing),
            None if method == AuthMethod::Auto && overrides.variables_suffice => CredentialSource::Variables,
            None => CredentialSource::Principal(method),
        };
    }
    let named = overrides
        .profile
        .clone()
        .or_else(|| in_file.map(|name| name.value.to_owned()).filter(|_| !has_fields));
    if method == Some(AuthMethod::SecurityToken) && named.is_none() {
        if !has_fields {
            return default_session(overrides);
        }
        if overrides.auth.is_some() {
            // The fields of an API key hold no session, and must not sign in its place.
            findings.mistake(
                Finding::whole(
                    "--auth security_token needs a session, but this file has the fields of an API key",
                )
                .help("add --profile NAME of a profile with security_token_file; `oci session authenticate --profile-name NAME` makes one"),
            );
        }
    }
    if named.is_none() && !has_fields && overrides.variables_suffice {
        return CredentialSource::Variables;
    }
    if let Some(name) = named.or_else(|| overrides.cli_profile.clone().filter(|_| !has_fields)) {
        return CredentialSource::Profile { file: overrides.cli_config_file.clone(), name, method };
    }
    fields(top, folders, missing)
}

/// The way of signing in: `--auth`, otherwise `auth` in the file, otherwise `OCI_CLI_AUTH` if the file has no credentials.
fn read_method(
    top: &Section<'_>,
    overrides: &Overrides,
    has_fields: bool,
    findings: &Findings,
) -> Option<AuthMethod> {
    let in_file = top.text("auth").and_then(|text| {
        let found = AuthMethod::find(text.value);
        if found.is_none() {
            let wrong = format!("auth is {:?}: {}", text.value, AuthMethod::unknown(text.value));
            findings.mistake(Finding::at(text.place, wrong));
        }
        found.map(|method| (method, text.place))
    });
    let from_environment = overrides.cli_auth.filter(|_| !has_fields && top.text("profile").is_none());
    let method = overrides.auth.or(in_file.map(|(method, _)| method)).or(from_environment)?;
    if let Some((_, place)) = in_file.filter(|(method, _)| {
        has_fields && overrides.auth.is_none() && !matches!(method, AuthMethod::ApiKey | AuthMethod::Auto)
    }) {
        findings.mistake(
            Finding::at(place, format!("auth is {method}, but this file has the fields of an API key"))
                .help(format!("remove {}, or set `auth: api_key`", FIELDS.join(", "))),
        );
    }
    Some(method)
}

/// A session without a named profile: that of `OCI_CLI_PROFILE` or the default one, as the CLI reads it.
fn default_session(overrides: &Overrides) -> CredentialSource {
    CredentialSource::Profile {
        file: overrides.cli_config_file.clone(),
        name: overrides.cli_profile.clone().unwrap_or_else(|| "DEFAULT".to_owned()),
        method: Some(AuthMethod::SecurityToken),
    }
}

/// The file's own fields.
fn fields(top: &Section<'_>, folders: Folders<'_>, missing: &mut Vec<String>) -> CredentialSource {
    let mut field = |key: &str| {
        let text = top.text(key).map(|text| text.value.trim().to_owned());
        text.unwrap_or_else(|| {
            missing.push(key.to_owned());
            String::new()
        })
    };
    let [tenancy, user, fingerprint, key_path] = FIELDS.map(&mut field);
    let place = top.node("private_key_path").map(|node| node.place).unwrap_or_default();
    CredentialSource::Fields(KeyFields {
        tenancy,
        user,
        fingerprint: fingerprint.to_ascii_lowercase(),
        key_path: folders.resolve(&key_path, place),
        passphrase: top.text(SECRET).map(|text| Zeroizing::new(text.value.to_owned())),
    })
}

/// Checks the form of the given fields, whether or not they are used.
fn check_fields(top: &Section<'_>, findings: &Findings) {
    if let Some(fingerprint) = top.text("fingerprint") {
        let parts: Vec<&str> = fingerprint.value.trim().split(':').collect();
        let pair = |part: &&str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
        if parts.len() != 16 || !parts.iter().all(pair) {
            findings.mistake(
                Finding::at(
                    fingerprint.place,
                    "fingerprint must be 16 pairs of hexadecimal digits separated by colons",
                )
                .help("the console shows it next to the API key: `20:3b:97:13:…`"),
            );
        }
    }
    if let Some(path) = top.text("private_key_path")
        && (path.value.contains('\n') || excerpt::without_key_material(path.value) != path.value)
    {
        findings.mistake(
            Finding::at(path.place, "private_key_path contains a key instead of the path of a key file").help(
                "save the key to a file that only you can read: `private_key_path: ~/.oci/oci_api_key.pem`",
            ),
        );
    }
    if let Some(node) = top.node(SECRET).filter(|node| !matches!(node.value, yaml::Value::Scalar(_))) {
        top.wrong(SECRET, node, "text", None);
    }
}

/// Checks the OCIDs of the tenancy and the user, once the region is known.
pub fn check_ocids(top: &Section<'_>, home: Option<&Home>, findings: &Findings) {
    for (key, kind) in [("tenancy_ocid", "tenancy"), ("user_ocid", "user")] {
        if let Some(ocid) = top.text(key) {
            ocids::check_ocid(key, &ocid, &[kind], home, findings);
        }
    }
}
