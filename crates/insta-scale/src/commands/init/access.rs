//! Access to the service while a config is made: a client, and lists that may be hidden from the person.

use super::asking::Asking;
use crate::config::Settings;
use crate::connection::for_questions;
use crate::error::CommandError;
use crate::output::text::clean;
use crate::session::{Session, endpoints_of};
use fleet::policy::{PolicyScope, statement};
use oci_client::credentials::Signer;
use oci_client::{Client, Failure, FailureClass};
use std::sync::Arc;

/// What the questions ask the service with.
pub struct Access<'a> {
    /// The session.
    pub session: &'a Session,
    /// How the service is reached, without a fleet.
    pub settings: Settings,
    /// The client.
    pub client: Client,
    signer: Option<Arc<dyn Signer>>,
}

/// What a list needs, in the words of a policy.
#[derive(Clone, Copy, Debug)]
pub struct Needs<'a> {
    /// What is listed: `subnets`.
    pub what: &'static str,
    /// The verb of the policy.
    pub verb: &'static str,
    /// Its resource-type.
    pub resource: &'static str,
    /// Where it has to apply.
    pub scope: PolicyScope<'a>,
}

impl<'a> Access<'a> {
    /// Signs in.
    pub async fn open(session: &'a Session, settings: Settings) -> Result<Self, CommandError> {
        let signer = session.sign_in(&settings).await?;
        Self::with(session, settings, signer)
    }

    fn with(
        session: &'a Session,
        settings: Settings,
        signer: Option<Arc<dyn Signer>>,
    ) -> Result<Self, CommandError> {
        let (client, _) = session.client(endpoints_of(&settings)?, signer.clone())?;
        Ok(Self { session, settings, client: for_questions(&client), signer })
    }

    /// The same in another region.
    pub fn in_region(self, region: &str) -> Result<Self, CommandError> {
        let Self { session, mut settings, signer, .. } = self;
        region.clone_into(&mut settings.fleet.region);
        Self::with(session, settings, signer)
    }

    /// The tenancy, which is the root compartment.
    pub fn tenancy(&self) -> &str {
        &self.settings.fleet.tenancy
    }

    /// Awaits a response; a person who interrupts ends that.
    pub async fn ask<T>(&self, question: impl Future<Output = T>) -> Result<T, CommandError> {
        self.session.ask(async { Ok::<_, CommandError>(question.await) }).await
    }

    /// A list; `None` if the service hides it. The person then reads which statement is missing.
    pub async fn list<T>(
        &self,
        asking: &Asking,
        needs: Needs<'_>,
        list: impl Future<Output = Result<T, Failure>>,
    ) -> Result<Option<T>, CommandError> {
        match self.ask(list).await? {
            Ok(rows) => Ok(Some(rows)),
            Err(failure) if failure.class == FailureClass::NotFound && !failure.is_foreign() => {
                let Needs { what, verb, resource, scope } = needs;
                let right = statement(self.client.signer_facts().subject, verb, resource, scope);
                asking.say(&format!(
                    "warning: you may not list {what} there. Missing policy: {}",
                    clean(&right)
                ));
                Ok(None)
            }
            Err(failure) => Err(failure.into()),
        }
    }
}
