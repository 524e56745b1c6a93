//! Turns a profile of the OCI configuration file, or the CLI's variables, into a signer.
//!
//! Precedence follows the official SDKs and CLI. The environment is passed in.

use std::path::PathBuf;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::auth_host::Network;
use super::environment::Environment;
use super::error::KEY_CONTENT;
use super::instance::Instance;
use super::resource::{self, Resource};
use super::values::{LoginSettings, Values};
use super::workload::{self, Workload};
use super::{ApiKey, ApiKeySettings, AuthMethod, CredentialsError, PrivateKey, SessionFiles, Signer};
use crate::endpoint::Endpoints;
use crate::regions::AddedRegions;

/// A signer, with the facts that its profile states.
#[derive(Debug)]
pub struct Login {
    /// The signer.
    pub signer: Arc<dyn Signer>,
    /// The tenancy's OCID.
    pub tenancy: String,
    /// The user's OCID; `None` for a session token, which contains its user.
    pub user: Option<String>,
    /// The region, if the profile or the environment names one.
    pub region: Option<String>,
    /// Warnings for people.
    pub warnings: Vec<String>,
}

/// The region and tenancy of a login, known without reading the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginFacts {
    /// The region, if the profile or the environment names one.
    pub region: Option<String>,
    /// The file or variable that names the region.
    pub region_from: Option<String>,
    /// The tenancy's OCID.
    pub tenancy: Option<String>,
}

impl LoginFacts {
    /// Reads the profile and checks the form of its values.
    pub fn read(settings: &LoginSettings, env: Environment<'_>) -> Result<Self, CredentialsError> {
        let values = Values::open(settings, env)?;
        let (region, region_from) = values.region().unzip();
        Ok(Self { region, region_from, tenancy: values.get("tenancy") })
    }
}

/// How the login signs.
enum Way {
    ApiKey,
    Session(PathBuf),
    Instance(Option<PathBuf>),
    Resource,
    Workload,
}

impl Login {
    /// Finds the file and the profile, reads the key or asks for the first token, and says how it signs in.
    ///
    /// Of the ways that are configured, the first counts, whether or not it works: the way that `settings` name,
    /// `OCI_CLI_AUTH`, the profile (a delegation token, a session token, an API key), a resource principal, a workload identity,
    /// and at last the instance that this program runs on.
    pub async fn open(
        settings: LoginSettings,
        env: Environment<'_>,
        network: &Network,
    ) -> Result<Self, CredentialsError> {
        let values = Values::open(&settings, env)?;
        let way = values.way(settings.method)?;
        if let Way::Instance(delegation) = way {
            return values.instance(delegation, network, &settings.added_regions).await;
        }
        values.log_in_without_asking(way, settings, network)
    }

    /// Like [`Self::open`], but sends nothing; `None` if the way needs an answer first.
    pub fn from_files(
        settings: LoginSettings,
        env: Environment<'_>,
        network: &Network,
    ) -> Result<Option<Self>, CredentialsError> {
        let values = Values::open(&settings, env)?;
        match values.way(settings.method)? {
            Way::Instance(_) => Ok(None),
            way => values.log_in_without_asking(way, settings, network).map(Some),
        }
    }
}

impl LoginFacts {
    /// The facts of a principal, which may have to be asked of the instance that this program runs on.
    pub async fn find(
        settings: &LoginSettings,
        env: Environment<'_>,
        network: &Network,
    ) -> Result<Self, CredentialsError> {
        let values = Values::open(settings, env)?;
        let (region, region_from) = values.region().unzip();
        match values.way(settings.method)? {
            Way::Instance(delegation) => {
                let (_, facts) =
                    Instance::find(env, network.clone(), &settings.added_regions, delegation).await?;
                let from = "the metadata service".to_owned();
                let region_from = if region.is_some() { region_from } else { Some(from) };
                Ok(Self { region: region.or(Some(facts.region)), region_from, tenancy: Some(facts.tenancy) })
            }
            Way::Resource => {
                let (_, token) = Resource::new(env)?.sign_in(network)?;
                let own = values.variable(resource::REGION);
                let region_from = own.as_ref().map(|_| resource::REGION.to_owned()).or(region_from);
                Ok(Self { region: own.or(region), region_from, tenancy: token.tenancy })
            }
            Way::Workload => {
                let own = values.variable(resource::REGION);
                let region_from = own.as_ref().map(|_| resource::REGION.to_owned()).or(region_from);
                Ok(Self { region: own.or(region), region_from, tenancy: values.get("tenancy") })
            }
            Way::ApiKey | Way::Session(_) => Ok(Self { region, region_from, tenancy: values.get("tenancy") }),
        }
    }
}

impl Values<'_> {
    fn log_in_without_asking(
        &self,
        way: Way,
        settings: LoginSettings,
        network: &Network,
    ) -> Result<Login, CredentialsError> {
        let passphrase = settings.passphrase.or_else(|| self.get("pass_phrase").map(Zeroizing::new));
        match way {
            Way::Session(token) => self.session(token, passphrase, network, &settings.added_regions),
            Way::Resource => self.resource(network),
            Way::Workload => self.workload(network),
            Way::ApiKey | Way::Instance(_) => self.api_key(passphrase),
        }
    }

    /// Chooses the way. The CLI uses a session only if `auth` says so; this also recognises a profile that
    /// `oci session authenticate` wrote. A token that a profile merely inherits does not override a user of its own.
    fn way(&self, asked: Option<AuthMethod>) -> Result<Way, CredentialsError> {
        let named = self.get("authentication_type");
        let named = match named.as_deref() {
            Some(name) => Some(
                AuthMethod::find(name)
                    .ok_or_else(|| self.refused("authentication_type", name, AuthMethod::unknown(name)))?,
            ),
            None => None,
        };
        let token = self.path("security_token_file");
        let delegation = self.path("delegation_token_file");
        match asked.filter(|asked| *asked != AuthMethod::Auto).or(named) {
            Some(AuthMethod::SecurityToken) => {
                token.map(Way::Session).ok_or_else(|| self.no_session(vec!["security_token_file"]))
            }
            Some(AuthMethod::ApiKey) => Ok(Way::ApiKey),
            // The profile of Cloud Shell names the instance principal and a delegation token.
            Some(AuthMethod::InstancePrincipal) if asked.is_none() => Ok(Way::Instance(delegation)),
            Some(AuthMethod::InstancePrincipal) => Ok(Way::Instance(None)),
            Some(AuthMethod::InstanceOboUser) => match delegation {
                Some(file) => Ok(Way::Instance(Some(file))),
                None => Err(self.missing(vec!["delegation_token_file"])),
            },
            Some(AuthMethod::ResourcePrincipal) => Ok(Way::Resource),
            Some(AuthMethod::OkeWorkloadIdentity) => Ok(Way::Workload),
            Some(AuthMethod::Auto) | None => {
                if delegation.is_some() && self.is_own("delegation_token_file") {
                    return Ok(Way::Instance(delegation));
                }
                let is_session = self.is_own("security_token_file") || self.get("user").is_none();
                match token.filter(|_| is_session) {
                    Some(token) => Ok(Way::Session(token)),
                    None if asked.is_some() && self.get("user").is_none() => Ok(self.surroundings()),
                    None => Ok(Way::ApiKey),
                }
            }
        }
    }

    /// The way that fits where this program runs, if the profile names none.
    fn surroundings(&self) -> Way {
        let env = |name: &str| self.variable(name);
        if resource::is_configured(&env) {
            Way::Resource
        } else if workload::is_configured(&env) {
            Way::Workload
        } else {
            Way::Instance(None)
        }
    }

    async fn instance(
        &self,
        delegation: Option<PathBuf>,
        network: &Network,
        added: &AddedRegions,
    ) -> Result<Login, CredentialsError> {
        let env = |name: &str| self.variable(name);
        let (instance, facts) = Instance::find(&env, network.clone(), added, delegation).await?;
        let signer = instance.signer();
        signer.prepare().await?;
        let region = self.region().map(|(region, _)| region).filter(|_| self.has_profile());
        Ok(Login {
            signer,
            tenancy: facts.tenancy,
            user: None,
            region: region.or(Some(facts.region)),
            warnings: Vec::new(),
        })
    }

    fn resource(&self, network: &Network) -> Result<Login, CredentialsError> {
        let (signer, token) = Resource::new(&|name| self.variable(name))?.sign_in(network)?;
        let region = self.variable(resource::REGION);
        Ok(Login {
            signer,
            tenancy: token.tenancy.unwrap_or_default(),
            user: None,
            region: region.or_else(|| self.region().map(|(region, _)| region)),
            warnings: Vec::new(),
        })
    }

    fn workload(&self, network: &Network) -> Result<Login, CredentialsError> {
        let signer = Workload::new(&|name| self.variable(name), network.clone())?.signer();
        let region = self.variable(resource::REGION);
        Ok(Login {
            signer,
            tenancy: self.get("tenancy").unwrap_or_default(),
            user: None,
            region: region.or_else(|| self.region().map(|(region, _)| region)),
            warnings: Vec::new(),
        })
    }

    fn session(
        &self,
        token: PathBuf,
        passphrase: Option<Zeroizing<String>>,
        network: &Network,
        added: &AddedRegions,
    ) -> Result<Login, CredentialsError> {
        let key = self.path("key_file");
        let tenancy = self.get("tenancy");
        let (Some(key), Some(tenancy)) = (&key, &tenancy) else {
            return Err(
                self.no_session(absent(&[("key_file", key.is_none()), ("tenancy", tenancy.is_none())]))
            );
        };
        let region = self.region().map(|(region, _)| region);
        let of_region = || Some(Endpoints::for_region_or(region.as_deref()?, added).ok()?.auth());
        let auth = network.auth.clone().or_else(of_region);
        let files = SessionFiles {
            token,
            key: key.clone(),
            passphrase,
            tenancy: Some(tenancy.clone()),
            log_in: self.log_in(),
        };
        let (signer, warning) = files.sign_in(network.clone(), auth)?;
        Ok(Login {
            signer,
            tenancy: tenancy.clone(),
            user: None,
            region,
            warnings: warning.into_iter().collect(),
        })
    }

    fn api_key(&self, passphrase: Option<Zeroizing<String>>) -> Result<Login, CredentialsError> {
        let user = self.get("user");
        let fingerprint = self.get("fingerprint");
        let tenancy = self.get("tenancy");
        let content = self.variable(KEY_CONTENT).map(Zeroizing::new);
        let key_path = self.path("key_file");
        let no_key = key_path.is_none() && content.is_none();
        let (Some(user), Some(fingerprint), Some(tenancy), false) = (&user, &fingerprint, &tenancy, no_key)
        else {
            return Err(self.missing(absent(&[
                ("user", user.is_none()),
                ("fingerprint", fingerprint.is_none()),
                ("tenancy", tenancy.is_none()),
                ("key_file", no_key),
            ])));
        };
        let (signer, warning) = match (content, key_path) {
            (None, Some(key_path)) => ApiKey::load(&ApiKeySettings {
                tenancy: tenancy.clone(),
                user: user.clone(),
                fingerprint: fingerprint.clone(),
                key_path,
                passphrase,
            })?,
            (content, _) => {
                let content = content.unwrap_or_default();
                let passphrase = passphrase.as_ref().map(|secret| secret.as_str());
                let key = PrivateKey::from_pem(content.as_bytes(), passphrase, KEY_CONTENT)?;
                (ApiKey::new(tenancy, user, fingerprint, key, KEY_CONTENT)?, None)
            }
        };
        Ok(Login {
            signer: Arc::new(signer),
            tenancy: tenancy.clone(),
            user: Some(user.clone()),
            region: self.region().map(|(region, _)| region),
            warnings: warning.into_iter().collect(),
        })
    }
}

/// The names of the missing keys.
fn absent(keys: &[(&'static str, bool)]) -> Vec<&'static str> {
    keys.iter().filter(|(_, absent)| *absent).map(|(key, _)| *key).collect()
}
