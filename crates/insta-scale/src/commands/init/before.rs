//! What an existing file says: the defaults of the questions, and the edits that turn it into the answers. Pure.

use super::draft::{CREATE, Draft, Named, SshKey, literal, scalar};
use crate::config::ReadVariable;
use crate::config::shapes::vcpus_per_ocpu;
use crate::config::write_back::{EditError, Edited, KeyEdit, Present, with_values};
use fleet::plan::is_same_domain;
use zeroize::Zeroizing;

/// The group of what is launched.
const GROUP: &str = "instance_settings";
/// The size of a flexible shape.
const SIZE: &str = "shape_config";
/// The network that the first launch makes.
const NETWORK: &str = "network";

/// An existing file.
#[derive(Clone, Debug)]
pub struct Before {
    /// Its text, which may contain a passphrase.
    pub source: Zeroizing<String>,
    present: Present,
}

impl Before {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// When it cannot be the text of a config.
    pub fn read(source: Zeroizing<String>, variable: Option<ReadVariable>) -> Result<Self, EditError> {
        let present = Present::read(&source, variable)?;
        Ok(Self { source, present })
    }

    /// Whether the file says who signs in another way than by a profile.
    pub fn has_own_login(&self) -> bool {
        ["auth", "user_ocid", "private_key_path"].iter().any(|key| self.present.has(&[key]))
    }

    /// The profile.
    pub fn profile(&self) -> Option<String> {
        self.present.text(&["profile"])
    }

    /// The base URL of the service.
    pub fn endpoint(&self) -> Option<String> {
        self.present.text(&["endpoint"])
    }

    /// The compartment: its OCID or its path.
    pub fn compartment(&self) -> Option<String> {
        self.present.text(&["compartment_id"]).or_else(|| self.present.text(&["compartment"]))
    }

    /// The availability domains as they are written; none for all.
    pub fn domains(&self) -> Vec<String> {
        self.present.texts(&[GROUP, "availability_domain"])
    }

    /// The shape.
    pub fn shape(&self) -> Option<String> {
        self.of_group("shape")
    }

    /// The OCPUs and the GB of the size, as far as they are said.
    pub fn size(&self) -> Option<String> {
        let number = |key| self.present.text(&[GROUP, SIZE, key])?.parse::<f64>().ok();
        let each = self.shape().and_then(|shape| vcpus_per_ocpu(&shape));
        let of_vcpus = || Some(number("vcpus")? / each? as f64);
        let ocpus = number("ocpus").or_else(of_vcpus)?;
        Some(match number("memory_in_gbs") {
            Some(gb) => format!("{ocpus}:{gb}"),
            None => ocpus.to_string(),
        })
    }

    /// The image: its OCID, or its operating system and version.
    pub fn image(&self) -> Option<String> {
        let part = |key| self.present.text(&[GROUP, "image", key]);
        self.of_group("image_id").or_else(|| Some(format!("{} {}", part("os")?, part("version")?)))
    }

    /// Whether the instances boot from a volume instead of an image.
    pub fn boots_from_a_volume(&self) -> bool {
        self.present.has(&[GROUP, "boot_volume_id"])
    }

    /// The subnet: its OCID or its name, or the word that stands for one that is to be made.
    pub fn subnet(&self) -> Option<String> {
        let own = self.of_group("subnet_id").or_else(|| self.of_group("subnet"));
        own.or_else(|| self.present.has(&[GROUP, NETWORK]).then(|| CREATE.to_owned()))
    }

    /// The keys that may log in: paths or keys, one per line.
    pub fn ssh_key(&self) -> Option<String> {
        self.of_group("ssh_authorized_keys")
    }

    /// The number of instances.
    pub fn count(&self) -> Option<u32> {
        self.of_group("count")?.parse().ok()
    }

    /// The prefix of names.
    pub fn prefix(&self) -> Option<String> {
        self.of_group("display_name_prefix")
    }

    /// Whether a pattern or a list names the instances.
    pub fn has_own_names(&self) -> bool {
        ["names", "name_pattern"].iter().any(|key| self.present.has(&[GROUP, key]))
    }

    fn of_group(&self, key: &str) -> Option<String> {
        self.present.text(&[GROUP, key])
    }

    /// The text with the answers in it.
    ///
    /// # Errors
    /// When something is written in a way that cannot be edited in place.
    pub fn with(&self, draft: &Draft) -> Result<Edited, EditError> {
        let mut settings = self.login(draft);
        settings.extend(self.instances(draft));
        with_values(&self.source, &settings)
    }

    /// How to sign in and where, as far as it differs.
    fn login(&self, draft: &Draft) -> Vec<KeyEdit> {
        let mut settings = Vec::new();
        let login = &draft.login;
        let differs = |key, value: &Option<String>| value.is_some() && *value != self.present.text(&[key]);
        if let Some(profile) = login.profile.as_ref().filter(|_| differs("profile", &login.profile)) {
            let first: &[&str] = &["region", "compartment_id", "compartment"];
            settings.push(KeyEdit { after: first, ..set(vec!["profile"], scalar(profile)) });
        }
        let auth = login.auth.map(|auth| auth.to_string());
        if let Some(auth) = auth.as_ref().filter(|_| differs("auth", &auth)) {
            settings.push(KeyEdit { after: &["profile", "region"], ..set(vec!["auth"], auth.clone()) });
        }
        if let Some(endpoint) = login.endpoint.as_ref().filter(|_| differs("endpoint", &login.endpoint)) {
            settings.push(KeyEdit {
                after: &["region", "auth", "profile"],
                ..set(vec!["endpoint"], scalar(endpoint))
            });
        }
        if draft.region_is_new {
            settings
                .push(KeyEdit { after: &["auth", "profile"], ..set(vec!["region"], scalar(&draft.region)) });
        }
        let after = &["endpoint", "region", "auth", "profile"];
        settings.extend(resource(vec!["compartment_id"], "compartment", after, &draft.compartment));
        settings
    }

    /// What is launched, as far as it differs.
    fn instances(&self, draft: &Draft) -> Vec<KeyEdit> {
        let key = |name| vec![GROUP, name];
        let mut settings = Vec::new();
        if !self.has_own_names() && self.prefix().as_ref() != Some(&draft.prefix) {
            settings.push(set(key("display_name_prefix"), scalar(&draft.prefix)));
        }
        // Wanted totals take the place of a number.
        if self.count() != Some(draft.count) && !self.present.has(&[GROUP, "want"]) {
            settings.push(KeyEdit {
                after: &["display_name_prefix"],
                ..set(key("count"), draft.count.to_string())
            });
        }
        if self.shape().as_ref() != Some(&draft.shape) {
            settings.push(KeyEdit { after: &["count"], ..set(key("shape"), scalar(&draft.shape)) });
        }
        settings.extend(self.sized(draft));
        settings.extend(resource(key("image_id"), "image", &[SIZE, "shape"], &draft.image));
        settings.extend(self.placed(draft));
        settings.extend(self.network(draft));
        let key_text = match &draft.ssh_key {
            SshKey::Nobody => None,
            SshKey::File(text) | SshKey::Line(text) => Some(text.as_str()),
        };
        if key_text != self.ssh_key().as_deref() {
            let value = key_text.map(|text| serde_json::Value::String(literal(text)).to_string());
            let value = match &draft.ssh_key {
                SshKey::File(path) => Some(scalar(path)),
                _ => value,
            };
            let after = &["subnet_id", "subnet", NETWORK, "image_id"];
            settings.push(KeyEdit { path: key("ssh_authorized_keys"), value, after, ..KeyEdit::default() });
        }
        settings
    }

    /// The subnet or the network, each in the place of what the file has.
    fn network(&self, draft: &Draft) -> Option<KeyEdit> {
        const AFTER: &[&str] = &["availability_domain", "image_id"];
        let has = |key| self.present.has(&[GROUP, key]);
        if !draft.makes_network {
            let instead_of = if has(NETWORK) { NETWORK } else { "subnet" };
            return resource(vec![GROUP, "subnet_id"], instead_of, AFTER, &draft.subnet);
        }
        let instead_of = ["subnet_id", "subnet"].into_iter().find(|key| has(key));
        let edit = KeyEdit { instead_of, after: AFTER, ..set(vec![GROUP, NETWORK], CREATE.to_owned()) };
        (!draft.subnet.is_kept).then_some(edit)
    }

    fn sized(&self, draft: &Draft) -> Vec<KeyEdit> {
        let has_group = self.present.has(&[GROUP, SIZE]);
        match draft.size {
            _ if draft.size_is_kept => Vec::new(),
            None if has_group => vec![KeyEdit { path: vec![GROUP, SIZE], ..KeyEdit::default() }],
            None => Vec::new(),
            Some((ocpus, gb)) if has_group => {
                let key = |name| vec![GROUP, SIZE, name];
                let ocpus = set(key("ocpus"), ocpus.to_string());
                let gb = set(key("memory_in_gbs"), gb.to_string());
                vec![
                    KeyEdit { instead_of: Some("vcpus"), ..ocpus },
                    KeyEdit { after: &["ocpus", "vcpus"], ..gb },
                ]
            }
            Some((ocpus, gb)) => {
                let value = format!("{{ocpus: {ocpus}, memory_in_gbs: {gb}}}");
                vec![KeyEdit { after: &["shape"], ..set(vec![GROUP, SIZE], value) }]
            }
        }
    }

    fn placed(&self, draft: &Draft) -> Option<KeyEdit> {
        let (old, new) = (self.domains(), &draft.domains);
        let is_kept = old.len() == new.len()
            && new.iter().zip(&old).all(|(short, written)| is_same_domain(written, short));
        if is_kept {
            return None;
        }
        let path = vec![GROUP, "availability_domain"];
        let domains: Vec<String> = new.iter().map(|domain| scalar(domain)).collect();
        let value = match domains.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            many => Some(format!("[{}]", many.join(", "))),
        };
        Some(KeyEdit { path, value, after: &["image_id", "image", "shape"], ..KeyEdit::default() })
    }
}

fn set(path: Vec<&'static str>, value: String) -> KeyEdit {
    KeyEdit { path, value: Some(value), ..KeyEdit::default() }
}

/// The OCID of a resource in place of the OCID or the name that the file has.
fn resource(
    path: Vec<&'static str>,
    instead_of: &'static str,
    after: &'static [&'static str],
    named: &Named,
) -> Option<KeyEdit> {
    (!named.is_kept).then(|| KeyEdit {
        instead_of: Some(instead_of),
        comment: named.name.clone(),
        former_comment: named.former.clone(),
        after,
        ..set(path, scalar(&named.ocid))
    })
}
