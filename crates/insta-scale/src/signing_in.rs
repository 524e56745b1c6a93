//! How a session signs in, once for all that a command does with the same credentials.

use crate::apart;
use crate::config::{CredentialSource, Settings};
use crate::error::CommandError;
use crate::login::{self, SignedIn};
use crate::network::{Sends, network};
use crate::output::console;
use crate::session::Session;
use oci_client::Endpoints;
use oci_client::credentials::{Network, Signer};
use std::sync::Arc;

impl Session {
    /// Signs in for a command that will do so again with the same credentials: a passphrase is asked for and a warning shown once.
    pub async fn sign_in_once(&self, settings: &Settings) -> Result<Option<Arc<dyn Signer>>, CommandError> {
        let signer = self.sign_in(settings).await?;
        if let Some(signer) = &signer {
            // Another one was set for other credentials, and stays.
            let _ = self.signed_in.set((login_of(settings), signer.clone()));
        }
        Ok(signer)
    }

    /// Reads the key and shows its warnings.
    pub async fn sign_in(&self, settings: &Settings) -> Result<Option<Arc<dyn Signer>>, CommandError> {
        self.sign_in_to(settings, Sends::Something).await
    }

    /// The same for a command that may send nothing.
    pub async fn sign_in_to(
        &self,
        settings: &Settings,
        sends: Sends,
    ) -> Result<Option<Arc<dyn Signer>>, CommandError> {
        if let Some((_, signer)) = self.signed_in.get().filter(|(login, _)| *login == login_of(settings)) {
            return Ok(Some(signer.clone()));
        }
        let source = settings.credentials.clone();
        let network = self.auth_network(settings, sends)?;
        let runtime = tokio::runtime::Handle::current();
        let signing_in = move || login::sign_in(&source, &network, &runtime);
        let signed_in = apart::run_apart(&self.stop, signing_in).await;
        let signed_in = signed_in.and_then(|result| result).map_err(|error| match error {
            CommandError::Credentials(error) if !settings.credentials.is_profile() => {
                let placed = settings.written.credentials(&error, login::remedy(&error));
                placed.map_or(CommandError::Credentials(error), CommandError::Config)
            }
            error => error,
        });
        let Some(SignedIn { signer, warnings }) = signed_in? else { return Ok(None) };
        if let CredentialSource::Principal(method) = settings.credentials
            && !self.is_quiet()
        {
            console::line(&format!("auth {method}: {}", crate::output::text::clean(&signer.describe())));
        }
        for warning in warnings.iter().filter(|_| !self.is_quiet()) {
            console::line(&format!("warning: {}", crate::output::text::clean(warning)));
        }
        Ok(Some(signer))
    }

    /// What signing in needs of this machine.
    fn auth_network(&self, settings: &Settings, sends: Sends) -> Result<Network, CommandError> {
        let base =
            settings.endpoint.as_deref().map(Endpoints::at).transpose()?.map(|endpoints| endpoints.auth());
        network(self.clock.clone(), base, sends)
    }
}

/// What tells logins apart, without a secret.
fn login_of(settings: &Settings) -> String {
    format!("{:?} at {:?}", settings.credentials, settings.endpoint)
}
