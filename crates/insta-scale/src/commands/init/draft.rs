//! The answers, and the config.yaml that says them. Pure.

use super::matching::Candidate;
use crate::output::text::clean;
use oci_client::credentials::AuthMethod;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::PathBuf;

/// The answer that lets the first launch make a network in place of a subnet.
pub const CREATE: &str = "create";

/// A resource: its OCID and, if it is known, its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// The OCID.
    pub ocid: String,
    /// The name, for people.
    pub name: Option<String>,
    /// Whether an existing file says so already.
    pub is_kept: bool,
    /// The name of what an existing file says, as a comment would have it.
    pub former: Option<String>,
}

impl Named {
    /// The resource of a choice.
    pub fn of(choice: &Candidate) -> Self {
        let name = Some(clean(&choice.name)).filter(|name| !name.is_empty() && *name != choice.value);
        Self { ocid: choice.value.clone(), name, ..Self::default() }
    }

    /// The resource of a choice beside the one that was proposed because the file says it.
    pub fn beside(choice: &Candidate, proposed: Option<&Candidate>) -> Self {
        let former = proposed.map(Self::of);
        let is_kept = former.as_ref().is_some_and(|former| former.ocid == choice.value);
        Self { is_kept, former: former.and_then(|former| former.name), ..Self::of(choice) }
    }
}

/// Which key may log in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SshKey {
    /// None.
    #[default]
    Nobody,
    /// That of a .pub file.
    File(String),
    /// The key itself.
    Line(String),
}

impl SshKey {
    /// A path, a key or `none`.
    pub fn of(text: &str) -> Self {
        match text {
            "none" => Self::Nobody,
            key if key.starts_with("ssh-") || key.starts_with("ecdsa-") || key.starts_with("sk-") => {
                Self::Line(key.to_owned())
            }
            path => Self::File(path.to_owned()),
        }
    }
}

/// How commands sign in with the config.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WrittenLogin {
    /// `profile`.
    pub profile: Option<String>,
    /// `auth`.
    pub auth: Option<AuthMethod>,
    /// `endpoint`.
    pub endpoint: Option<String>,
    /// The variable that names the file of the profile, and the file, if there is one.
    pub profile_file: Option<(&'static str, PathBuf)>,
}

/// All answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// How to sign in.
    pub login: WrittenLogin,
    /// The region.
    pub region: String,
    /// Whether an existing file would be in another region.
    pub region_is_new: bool,
    /// The compartment.
    pub compartment: Named,
    /// The availability domains as the config names them (`AD-1`); empty for all.
    pub domains: Vec<String>,
    /// The shape.
    pub shape: String,
    /// OCPUs and GB of a flexible shape.
    pub size: Option<(f64, f64)>,
    /// Whether an existing file says this size already.
    pub size_is_kept: bool,
    /// The image.
    pub image: Named,
    /// The subnet.
    pub subnet: Named,
    /// Whether the subnet can give public addresses.
    pub subnet_is_public: Option<bool>,
    /// Whether the first launch makes a network instead.
    pub makes_network: bool,
    /// The key that may log in.
    pub ssh_key: SshKey,
    /// The number of instances.
    pub count: u32,
    /// The prefix of their names.
    pub prefix: String,
}

impl Draft {
    /// The complete text of a new config.yaml. `has_schema`: config.schema.json lies beside it.
    pub fn text(&self, has_schema: bool) -> String {
        let mut out = String::new();
        if has_schema {
            out.push_str("# yaml-language-server: $schema=config.schema.json\n");
        }
        out.push_str(HEAD);
        // Writing to a String cannot fail, so the results are ignored.
        let WrittenLogin { profile, auth, endpoint, profile_file } = &self.login;
        match (profile, auth) {
            (Some(profile), _) => {
                let file = profile_file.as_ref().map(|(variable, path)| {
                    format!("{}, which {variable} names", clean(&path.display().to_string()))
                });
                let file = file.as_deref().unwrap_or("~/.oci/config");
                let _ = write!(out, "\n# A profile of {file}.\nprofile: {}\n", scalar(profile));
            }
            (None, Some(_)) => out.push_str("\n# Who signs: where this program runs.\n"),
            (None, None) => out.push_str("\n# The variables of the CLI (OCI_CLI_USER, …) say who signs.\n"),
        }
        if let Some(auth) = auth {
            let _ = writeln!(out, "auth: {auth}");
        }
        let _ = writeln!(out, "region: {}", scalar(&self.region));
        if let Some(endpoint) = endpoint {
            let _ = writeln!(out, "# One base URL for all services instead of the endpoints of the region.");
            let _ = writeln!(out, "endpoint: {}", scalar(endpoint));
        }
        let _ = writeln!(out, "compartment_id: {}", named(&self.compartment));
        self.write_instances(&mut out);
        out
    }

    fn write_instances(&self, out: &mut String) {
        // The comment does not repeat the prefix, so that it stays true when the prefix is changed.
        let _ = write!(
            out,
            "\ninstance_settings:\n  # Instances are named by the prefix, a hyphen and a number from 1.\n  display_name_prefix: {}\n  # `--count` overrides it.\n  count: {}\n",
            scalar(&self.prefix),
            self.count
        );
        let _ = write!(out, "\n  shape: {}\n", scalar(&self.shape));
        if let Some((ocpus, gb)) = self.size {
            let _ = write!(out, "  shape_config:\n    ocpus: {ocpus}\n    memory_in_gbs: {gb}\n");
        }
        let _ = write!(out, "  image_id: {}\n\n", named(&self.image));
        if self.domains.is_empty() {
            out.push_str("  # All availability domains of the region are tried in order; this key would name some of them.\n");
            out.push_str("  # availability_domain: [AD-1, AD-2]\n");
        } else {
            let domains: Vec<String> = self.domains.iter().map(|domain| scalar(domain)).collect();
            let _ = match domains.as_slice() {
                [one] => writeln!(out, "  availability_domain: {one}"),
                many => writeln!(out, "  availability_domain: [{}]", many.join(", ")),
            };
        }
        if self.makes_network {
            out.push_str(
                "  # The first launch makes a network for the fleet. To log in, allow SSH from your address: \
                 `network: {ssh_from: 203.0.113.7/32}`\n  network: create\n",
            );
        } else {
            let _ = writeln!(out, "  subnet_id: {}", named(&self.subnet));
        }
        match self.subnet_is_public {
            Some(true) => {
                out.push_str(
                    "  # The subnet is public: instances get a public address unless this is false.\n",
                );
                out.push_str("  # assign_public_ip: false\n");
            }
            Some(false) => out.push_str("  # The subnet is private: instances get no public address.\n"),
            None => {}
        }
        out.push('\n');
        match &self.ssh_key {
            SshKey::Nobody => {
                out.push_str("  # Without a key, nobody can log in to the instances.\n");
                out.push_str("  # ssh_authorized_keys: ~/.ssh/id_ed25519.pub\n");
            }
            SshKey::File(path) => {
                let _ = writeln!(out, "  ssh_authorized_keys: {}", scalar(path));
            }
            SshKey::Line(key) => {
                let _ = write!(out, "  ssh_authorized_keys: |\n    {}\n", literal(key));
            }
        }
    }

    /// The answers for programs.
    pub fn values(&self) -> InitValues<'_> {
        InitValues {
            profile: self.login.profile.as_deref(),
            auth: self.login.auth.map(|auth| auth.to_string()),
            endpoint: self.login.endpoint.as_deref(),
            region: &self.region,
            compartment: AnsweredResource::of(&self.compartment),
            availability_domains: &self.domains,
            shape: &self.shape,
            ocpus: self.size.map(|(ocpus, _)| ocpus),
            memory_gb: self.size.map(|(_, gb)| gb),
            image: AnsweredResource::of(&self.image),
            subnet: (!self.makes_network).then(|| AnsweredResource::of(&self.subnet)),
            network: self.makes_network.then_some(CREATE),
            ssh_key: match &self.ssh_key {
                SshKey::Nobody => None,
                SshKey::File(text) | SshKey::Line(text) => Some(text),
            },
            count: self.count,
            prefix: &self.prefix,
        }
    }
}

/// The answers of an `init`.
#[derive(Debug, JsonSchema, Serialize)]
pub struct InitValues<'a> {
    /// The profile of `~/.oci/config`.
    profile: Option<&'a str>,
    /// How to sign in; `null` if the default.
    auth: Option<String>,
    /// Another base URL for requests.
    endpoint: Option<&'a str>,
    /// The region.
    region: &'a str,
    /// The compartment.
    compartment: AnsweredResource<'a>,
    /// The availability domains; empty for all.
    availability_domains: &'a [String],
    /// The shape.
    shape: &'a str,
    /// OCPUs of each instance; `null` if the shape decides.
    ocpus: Option<f64>,
    /// Memory of each instance in GB; `null` if the shape decides.
    memory_gb: Option<f64>,
    /// The image.
    image: AnsweredResource<'a>,
    /// The subnet; `null` if the first launch makes a network.
    subnet: Option<AnsweredResource<'a>>,
    /// `create` if the first launch makes a network; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<&'a str>,
    /// The public key, or the file that has it; `null` if nobody can log in.
    ssh_key: Option<&'a str>,
    /// The number of instances.
    count: u32,
    /// The start of their names.
    prefix: &'a str,
}

/// A resource.
#[derive(Debug, JsonSchema, Serialize)]
struct AnsweredResource<'a> {
    /// Its OCID.
    ocid: &'a str,
    /// Its name, if known.
    name: Option<&'a str>,
}

impl<'a> AnsweredResource<'a> {
    fn of(named: &'a Named) -> Self {
        Self { ocid: &named.ocid, name: named.name.as_deref() }
    }
}

const HEAD: &str = "\
# Written by `oci-insta-scale init`. config.example.yaml describes every key.
#
#   oci-insta-scale plan      # shows what it costs and whether it can be had
#   oci-insta-scale launch    # launches, after a confirmation
";

/// An OCID with the name as a comment.
fn named(resource: &Named) -> String {
    match &resource.name {
        Some(name) => format!("{}  # {}", scalar(&resource.ocid), clean(name)),
        None => scalar(&resource.ocid),
    }
}

/// A text as a YAML scalar that is read as this text.
pub fn scalar(text: &str) -> String {
    let text = literal(text);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._/:-".contains(c);
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/') || text.starts_with("~/");
    let means_else = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let is_else = means_else.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is_word && !is_else && !text.ends_with(':') && text.trim_start_matches('~').chars().all(is_plain) {
        return text;
    }
    // A JSON string is a YAML string.
    Value::String(text).to_string()
}

/// A text in which nothing is taken for an environment variable.
pub fn literal(text: &str) -> String {
    text.replace("${", "$${")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> Draft {
        let named = |kind: &str, name: &str| Named {
            ocid: format!("ocid1.{kind}.oc1.phx.a"),
            name: Some(name.to_owned()),
            ..Named::default()
        };
        Draft {
            login: WrittenLogin { profile: Some("DEFAULT".to_owned()), ..WrittenLogin::default() },
            region: "us-phoenix-1".to_owned(),
            region_is_new: false,
            compartment: Named {
                ocid: "ocid1.compartment.oc1..a".to_owned(),
                name: Some("prod/web".to_owned()),
                ..Named::default()
            },
            domains: Vec::new(),
            shape: "VM.Standard.E5.Flex".to_owned(),
            size: Some((1.0, 12.0)),
            size_is_kept: false,
            image: named("image", "Oracle Linux 9"),
            subnet: named("subnet", "app # \u{1b}[31m\nshape: none"),
            subnet_is_public: Some(true),
            makes_network: false,
            ssh_key: SshKey::File("~/.ssh/id_ed25519.pub".to_owned()),
            count: 3,
            prefix: "web".to_owned(),
        }
    }

    #[test]
    fn the_written_config_has_names_beside_its_ocids() {
        insta::assert_snapshot!(draft().text(true));
    }

    #[test]
    fn a_scalar_is_read_back_as_it_was() {
        for (text, written) in [
            ("us-phoenix-1", "us-phoenix-1"),
            ("~/.ssh/id.pub", "~/.ssh/id.pub"),
            ("true", "\"true\""),
            ("12", "\"12\""),
            ("a b", "\"a b\""),
            ("${HOME}", "\"$${HOME}\""),
            ("a: b", "\"a: b\""),
            ("# x", "\"# x\""),
            ("", "\"\""),
            ("C:\\keys\\a.pub", "\"C:\\\\keys\\\\a.pub\""),
        ] {
            assert_eq!(scalar(text), written);
        }
    }
}
