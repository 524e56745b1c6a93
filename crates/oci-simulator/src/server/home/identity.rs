//! A user of the region: OCIDs, an API key, and the files that contain them.

use super::folder::CONFIG_YAML_BEGINS;
use crate::server::auth::{KeyError, PublicKey, encode_pem};
use crate::world::{Caller, short_region};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use std::fmt::{self, Write as _};
use std::path::Path;

/// A user of the region.
#[derive(Clone)]
pub struct Identity {
    /// The tenancy and the user.
    pub caller: Caller,
    /// The region's name.
    pub region: String,
    /// Fingerprint of the key.
    pub fingerprint: String,
    /// The private key, PKCS#8 in PEM form. Only a simulated region accepts it.
    pub private_key_pem: String,
    /// The public key, which the region must accept.
    pub public_key: PublicKey,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Omits the private key.
        f.debug_struct("Identity")
            .field("caller", &self.caller)
            .field("region", &self.region)
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

impl Identity {
    /// Generates an RSA key of 2048 bits, for this caller or a generated one. Blocks for some tenths of a second.
    pub fn generate(caller: Option<Caller>, region: &str) -> Result<Self, KeyError> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Key)?;
        let private: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyError::Key)?;
        let public_key = PublicKey::of(&pair)?;
        let caller = match caller {
            Some(caller) => caller,
            None => Caller { tenancy: new_ocid("tenancy", "")?, user: new_ocid("user", "")? },
        };
        Ok(Self {
            caller,
            region: region.to_owned(),
            fingerprint: public_key.fingerprint(),
            // Oracle requires the last line: it tells scanners what the file is, and the `oci` CLI warns if it is missing.
            private_key_pem: encode_pem("PRIVATE KEY", private.as_ref()) + "OCI_API_KEY\n",
            public_key,
        })
    }

    /// Reads the files that [`Identity::config`] wrote.
    pub(super) fn read(config: &str, private_key_pem: String) -> Result<Self, String> {
        let value = |name: &str| {
            let lines = config.lines().filter_map(|line| line.split_once('='));
            lines
                .map(|(key, value)| (key.trim(), value.trim()))
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.to_owned())
                .ok_or_else(|| format!("it has no `{name}`"))
        };
        let public_key =
            PublicKey::from_pem(&private_key_pem).map_err(|error| format!("its key is {error}"))?;
        let fingerprint = value("fingerprint")?;
        if fingerprint != public_key.fingerprint() {
            return Err(format!(
                "the key beside it has the fingerprint {}, but it says {fingerprint}",
                public_key.fingerprint()
            ));
        }
        Ok(Self {
            caller: Caller { tenancy: value("tenancy")?, user: value("user")? },
            region: value("region")?,
            fingerprint,
            private_key_pem,
            public_key,
        })
    }

    /// The text of a file like `~/.oci/config`, which the official clients accept.
    pub(super) fn config(&self, key: &Path) -> String {
        format!(
            "[DEFAULT]\nuser={}\nfingerprint={}\nkey_file={}\ntenancy={}\nregion={}\n",
            self.caller.user,
            self.fingerprint,
            key.display(),
            self.caller.tenancy,
            self.region
        )
    }

    /// The text of a `config.yaml` for OCI Insta-Scale, with a compartment, a subnet and an image of the region, and of each
    /// further region.
    pub(super) fn config_yaml(&self, key: &Path, endpoint: &str, further: &[(String, String)]) -> String {
        let place = short_region(&self.region);
        let ocid = |kind, place| new_ocid(kind, place).unwrap_or_default();
        let mut text = format!(
            "{CONFIG_YAML_BEGINS} It costs nothing.\n\
             tenancy_ocid: {tenancy}\n\
             user_ocid: {user}\n\
             fingerprint: \"{fingerprint}\"\n\
             {key}\n\
             region: {region}\n\
             compartment_id: {compartment}\n\
             # Every request goes here, in place of Oracle's servers.\n\
             endpoint: {endpoint}\n\
             \n\
             instance_settings:\n\
             \x20 display_name_prefix: rehearsal\n\
             \x20 count: 3\n\
             \x20 shape: VM.Standard.E4.Flex\n\
             \x20 shape_config:\n\
             \x20   ocpus: 1\n\
             \x20   memory_in_gbs: 6\n\
             \x20 image_id: {image}\n\
             \x20 subnet_id: {subnet}\n\
             \x20 availability_domain: AD-1\n\
             \x20 assign_public_ip: true\n\
             \x20 ssh_authorized_keys: |\n\
             \x20   {SSH_KEY}\n",
            tenancy = self.caller.tenancy,
            user = self.caller.user,
            fingerprint = self.fingerprint,
            key = key_line(key),
            region = self.region,
            compartment = ocid("compartment", ""),
            image = ocid("image", place),
            subnet = ocid("subnet", place),
        );
        if !further.is_empty() {
            text.push_str(
                "\n# Further regions, in which instances are tried after those of `region`.\nregions:\n",
            );
        }
        for (region, endpoint) in further {
            let place = short_region(region);
            let (image, subnet) = (ocid("image", place), ocid("subnet", place));
            // Writing to a String cannot fail, so the result is ignored.
            let _ = write!(
                text,
                "  - region: {region}\n    endpoint: {endpoint}\n    image_id: {image}\n    subnet_id: {subnet}\n"
            );
        }
        text
    }
}

/// The `config.yaml` line with the path of the key. The path is quoted, because some of its characters may have a meaning in
/// YAML.
pub(super) fn key_line(key: &Path) -> String {
    format!("private_key_path: {}", serde_json::Value::from(key.display().to_string()))
}

/// A well-formed public key without a known private half: 32 zero bytes.
const SSH_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA rehearsal";

/// A new, unique OCID.
fn new_ocid(kind: &str, region: &str) -> Result<String, KeyError> {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut random = [0; 60];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| KeyError::Key)?;
    let unique: String = random.iter().map(|byte| char::from(LETTERS[usize::from(byte & 31)])).collect();
    Ok(format!("ocid1.{kind}.oc1.{region}.{unique}"))
}
