//! The ways of signing in, under the names that the official tools use.

use std::fmt;

/// A way of signing in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMethod {
    /// The first way that is configured: see [`super::Login`].
    Auto,
    /// The API key of a user.
    ApiKey,
    /// The session token of a user who logged in with a browser.
    SecurityToken,
    /// The certificate of the OCI instance that this program runs on.
    InstancePrincipal,
    /// An instance that acts for a user, as in Cloud Shell.
    InstanceOboUser,
    /// The token of a function or another resource.
    ResourcePrincipal,
    /// The service account of a pod in an OKE cluster.
    OkeWorkloadIdentity,
}

/// The CLI's name of each way and, if Terraform supports it, Terraform's.
const NAMES: [(AuthMethod, &str, &str); 7] = [
    (AuthMethod::Auto, "auto", "auto"),
    (AuthMethod::ApiKey, "api_key", "ApiKey"),
    (AuthMethod::SecurityToken, "security_token", "SecurityToken"),
    (AuthMethod::InstancePrincipal, "instance_principal", "InstancePrincipal"),
    (AuthMethod::InstanceOboUser, "instance_obo_user", "instance_obo_user"),
    (AuthMethod::ResourcePrincipal, "resource_principal", "ResourcePrincipal"),
    (AuthMethod::OkeWorkloadIdentity, "oke_workload_identity", "OKEWorkloadIdentity"),
];

impl AuthMethod {
    /// The CLI's names, for help and errors.
    pub const CHOICES: [&str; 7] = {
        let mut names = [""; 7];
        let mut at = 0;
        while at < NAMES.len() {
            names[at] = NAMES[at].1;
            at += 1;
        }
        names
    };

    /// The way with this name, as the CLI or Terraform writes it.
    pub fn find(name: &str) -> Option<Self> {
        let name = name.trim();
        let found = NAMES.iter().find(|(_, cli, terraform)| {
            cli.eq_ignore_ascii_case(name) || terraform.eq_ignore_ascii_case(name)
        });
        found.map(|(method, ..)| *method)
    }

    /// Why a name is none of a way.
    pub fn unknown(name: &str) -> String {
        match name.trim() {
            "pkcs11" | "WorkloadIdentityFederation" | "InstancePrincipalWithCerts" => {
                format!("{} is not supported; use one of {}", name.trim(), Self::CHOICES.join(", "))
            }
            _ => format!("it must be one of {}", Self::CHOICES.join(", ")),
        }
    }

    /// Whether the credentials come from where this program runs rather than from a file of a user.
    pub fn is_principal(self) -> bool {
        !matches!(self, Self::ApiKey | Self::SecurityToken)
    }
}

impl fmt::Display for AuthMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(method, ..)| method == self).map_or("", |(_, cli, _)| cli);
        f.pad(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_has_the_names_of_cli_and_terraform() {
        for (method, cli, terraform) in NAMES {
            assert_eq!(AuthMethod::find(cli), Some(method));
            assert_eq!(AuthMethod::find(terraform), Some(method));
            assert_eq!(method.to_string(), cli);
        }
        assert_eq!(AuthMethod::find("pkcs11"), None);
        assert!(
            AuthMethod::unknown("pkcs11").starts_with("pkcs11 is not supported; use one of auto, api_key")
        );
    }
}
