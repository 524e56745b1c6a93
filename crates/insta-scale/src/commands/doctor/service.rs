//! What `doctor` checks between this machine and the service: proxy, certificates, network, clock, login, the fleet of the
//! config, leftovers.

use super::checks::Checks;
use super::failed;
use super::launch::of_fleet;
use crate::commands::network::foresee;
use crate::config::Settings;
use crate::connection::Connection;
use crate::environment;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::doctor::{Check, State};
use crate::output::network::row;
use crate::output::text::{count, thousands};
use crate::session::{Session, endpoints_of};
use crate::tuning::{DOCTOR_DNS, PLAN_RETRIES};
use bytes::Bytes;
use fleet::cleanup::{self, Scope};
use fleet::preflight::{Level, Preflight, preflight};
use jiff::Timestamp;
use oci_api::Service;
use oci_client::transport::{Https, Surroundings, Transport as _};

/// By how many seconds OCI lets the clock of a client differ (Oracle, "Request Signatures": five minutes).
const CLOCK_TOLERANCE: f64 = 300.0;

/// Checks what the launch of these settings needs; there are none if the config cannot be read.
pub async fn check(
    session: &Session,
    settings: Option<Settings>,
    checks: &mut Checks,
) -> Result<Exit, CommandError> {
    let surroundings = surroundings(checks);
    let (Some(surroundings), Some(settings)) = (surroundings, settings) else { return Ok(Exit::Usage) };
    if !session
        .ask(async { Ok::<_, CommandError>(network(session, &settings, surroundings, checks).await) })
        .await?
    {
        return Ok(Exit::NoneLaunched);
    }
    if checks.has_failed("clock") {
        // As OCI would answer.
        return Ok(Exit::NotAuthenticated);
    }
    let signed_in = session.sign_in_once(&settings).await;
    let connection = match signed_in {
        // A config with mistakes may have names without OCIDs, which must not be sent.
        Ok(signer) if checks.has_failed("config") => {
            let who = signer.map(|signer| signer.describe()).unwrap_or_default();
            checks.push(Check::new("login", State::Ok, format!("{who}; OCI was not asked")));
            return Ok(Exit::Usage);
        }
        Ok(_) => Connection::open(session, settings).await,
        Err(error) => Err(error),
    };
    let mut connection = match connection {
        Ok(connection) => connection,
        Err(CommandError::Interrupted) => return Err(CommandError::Interrupted),
        Err(error) => {
            checks.push(failed("login", &error));
            return Ok(error.exit());
        }
    };
    match foresee(&mut connection).await {
        Err(CommandError::Interrupted) => return Err(CommandError::Interrupted),
        Err(error) => checks.push(failed("subnet", &error)),
        Ok(()) => {
            let fleet = &connection.settings.fleet;
            if let (Some(_), Some((_, found))) = (fleet.needs_network(), row(fleet)) {
                checks.push(Check::new("subnet", State::Ok, format!("the first launch {found}")));
            }
        }
    }
    let client = connection.questions.with_retry(PLAN_RETRIES);
    let Settings { fleet, prices, .. } = &connection.settings;
    let asked = Box::pin(preflight(&client, fleet, prices));
    let answer = connection.ask(async { Ok::<_, CommandError>(asked.await) }).await?;
    let exit = login(&connection, &answer, checks);
    if exit == Exit::Done {
        of_fleet(&answer, checks);
        if checks.may("leftovers") {
            checks.push(leftovers(&connection, &answer.availability_domains).await?);
        }
    }
    Ok(match exit {
        Exit::Done if answer.is_hopeless() || answer.possible == 0 => Exit::NoneLaunched,
        Exit::Done if !answer.is_enough() => Exit::SomeFailed,
        exit => exit,
    })
}

/// The proxy and the trusted certificates; `None` if a variable is unusable.
fn surroundings(checks: &mut Checks) -> Option<Surroundings> {
    match Surroundings::read(&environment::variable) {
        Ok(found) => {
            let proxy = found.proxy_source().map_or_else(
                || "no variable names a proxy".to_owned(),
                |variable| format!("from {variable}"),
            );
            checks.push(Check::new("proxy", State::Ok, proxy));
            let trusted = found.trusted_source().unwrap_or("those of the system");
            checks.push(Check::new("certificates", State::Ok, format!("trusted: {trusted}")));
            Some(found)
        }
        Err(error) => {
            let row = if error.is_about_certificates() { "certificates" } else { "proxy" };
            checks.push(Check::new(row, State::Failed, error.to_string()).remedy(Some(error.remedy)));
            None
        }
    }
}

/// Whether the service answers at all, and what time it is there. One request without a signature finds out.
async fn network(
    session: &Session,
    settings: &Settings,
    surroundings: Surroundings,
    checks: &mut Checks,
) -> bool {
    let base = match endpoints_of(settings) {
        Ok(endpoints) => endpoints.base(Service::Compute),
        Err(error) => {
            checks.push(failed("network", &error));
            return false;
        }
    };
    let url = format!("{}://{}{}/20160918/", base.scheme, base.authority, base.prefix);
    let request = http::Request::get(&url).header("host", base.authority.as_str()).body(Bytes::new());
    let (Ok(transport), Ok(request)) = (Https::new(), request) else {
        checks.push(Check::new("network", State::Failed, format!("no request can be sent to {url}")));
        return false;
    };
    // Plain http goes only to this machine, so proxies are irrelevant.
    let is_https = base.scheme.as_str() == "https";
    if surroundings.proxy_source().is_none() || !is_https {
        checks.push(dns(base.authority.as_str(), is_https, settings.endpoint.is_some()).await);
        if checks.has_failed("dns") {
            return false;
        }
    }
    let unreachable = unreachable(settings, surroundings.proxy_source().filter(|_| is_https));
    let transport = if is_https { transport.in_surroundings(surroundings) } else { transport };
    match transport.send(request).await {
        Ok(response) => {
            checks.push(Check::new("network", State::Ok, format!("{} responds", base.authority)));
            checks.push(clock(&response, session.now()));
            true
        }
        Err(error) => {
            let remedy = if error.lasts {
                "the certificate of the server is not trusted: name your company's in SSL_CERT_FILE"
                    .to_owned()
            } else {
                unreachable
            };
            let found = format!("{} does not respond: {error}", base.authority);
            checks.push(Check::new("network", State::Failed, found).remedy(Some(remedy)));
            false
        }
    }
}

/// Whether the name of the host has an address. A proxy looks the name up itself.
async fn dns(authority: &str, is_https: bool, is_named: bool) -> Check {
    let usual = if is_https { 443 } else { 80 };
    let (host, port) = host_and_port(authority, usual);
    let looked = tokio::time::timeout(DOCTOR_DNS, tokio::net::lookup_host((host, port))).await;
    let found = looked.map(|found| found.map(Iterator::count).unwrap_or_default()).unwrap_or_default();
    if found > 0 {
        return Check::new("dns", State::Ok, format!("{host} has an address"));
    }
    let remedy = if is_named {
        "correct `endpoint`, or check the DNS server of this machine"
    } else {
        "check the name of the region and the DNS server of this machine, or set HTTPS_PROXY"
    };
    Check::new("dns", State::Failed, format!("{host} has no address")).remedy(Some(remedy))
}

/// What to do about a service that does not respond. `proxy` is the variable that names the proxy of the request, if one does.
fn unreachable(settings: &Settings, proxy: Option<&str>) -> String {
    match (proxy, &settings.endpoint) {
        (Some(proxy), _) => {
            format!("the request goes through the proxy of {proxy}: correct the variable, or unset it")
        }
        (None, Some(endpoint)) => format!(
            "correct `endpoint`, or start what listens there: for a simulated region, `oci-insta-scale sim serve --listen {}`",
            endpoint.rsplit('/').find(|part| !part.is_empty()).unwrap_or_default()
        ),
        (None, None) => "check the name of the region, the firewall and HTTPS_PROXY".to_owned(),
    }
}

/// The host and the port of an authority. An IPv6 address is in brackets there, and is looked up without them.
fn host_and_port(authority: &str, usual: u16) -> (&str, u16) {
    let (host, port) = match authority.rsplit_once(':') {
        // The colon of a bare address is within its brackets.
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().unwrap_or(usual)),
        _ => (authority, usual),
    };
    (host.trim_start_matches('[').trim_end_matches(']'), port)
}

/// The clock of this machine beside the `Date` of a response.
fn clock(response: &http::Response<Bytes>, now: Timestamp) -> Check {
    let date = response.headers().get(http::header::DATE).and_then(|date| date.to_str().ok());
    let there = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok()).map(|at| at.timestamp());
    let Some(there) = there else {
        return Check::new("clock", State::Warning, "the response has no readable date");
    };
    let ahead = now.duration_since(there).as_secs_f64();
    let found =
        format!("{:.0} s {} the service's", ahead.abs(), if ahead < 0.0 { "behind" } else { "ahead of" });
    if ahead.abs() > CLOCK_TOLERANCE {
        let remedy =
            "OCI refuses signatures that are more than 5 minutes off: set the clock, for example with NTP";
        return Check::new("clock", State::Failed, found).remedy(Some(remedy));
    }
    Check::new("clock", State::Ok, found)
}

/// Whether the service accepts the login.
fn login(connection: &Connection<'_>, answer: &Preflight, checks: &mut Checks) -> Exit {
    let signed_as = match connection.signed_as() {
        none if none.is_empty() => "unsigned".to_owned(),
        text => text,
    };
    let left =
        connection.client.signer_facts().ends.map(|ends| ends.duration_since(connection.session.now()));
    let left =
        left.map(|left| format!("; {} left of its token", count(left.as_mins().max(0) as u64, "minute")));
    let signed_as = signed_as + &left.unwrap_or_default();
    match (answer.authenticated, &answer.unasked) {
        (Some(false), _) => {
            let refused = answer.findings.iter().find(|finding| finding.level == Level::Stop);
            let why = refused.map_or_else(|| "OCI refused it".to_owned(), |finding| finding.message.clone());
            let remedy = refused.and_then(|finding| finding.remedy.clone());
            let has_signer = why.contains(&connection.signed_as());
            let found = if has_signer { why } else { format!("{signed_as}: {why}") };
            checks.push(Check::new("login", State::Failed, found).remedy(remedy));
            Exit::NotAuthenticated
        }
        (_, Some(unasked)) => {
            let remedy = "try again; if this continues, `-vv` shows each request";
            checks.push(Check::new("login", State::Failed, unasked.message.clone()).remedy(Some(remedy)));
            Exit::NoneLaunched
        }
        (Some(true), None) => {
            checks.push(Check::new("login", State::Ok, signed_as));
            Exit::Done
        }
        (None, None) => {
            checks.push(Check::new(
                "login",
                State::Warning,
                format!("{signed_as}; OCI did not say whether it accepts it"),
            ));
            Exit::Done
        }
    }
}

/// What earlier launches left behind, and its price.
async fn leftovers(connection: &Connection<'_>, domains: &[String]) -> Result<Check, CommandError> {
    let session = connection.session;
    let Some(store) = session.ledger_of_the_past().ok().flatten() else {
        return Ok(Check::new("leftovers", State::Ok, "no run is recorded here"));
    };
    let scope = Scope {
        compartment: connection.compartment.clone(),
        run: None,
        expired_only: false,
        kept_volumes: false,
        made_reservations: false,
        networks: false,
        now: session.now(),
    };
    let prices = &connection.settings.prices;
    let looked = connection.ask(async {
        let evidence = cleanup::gather(&*store).await?;
        let found = cleanup::find(&connection.questions, &evidence, &scope, domains, prices);
        Ok::<_, CommandError>(Box::pin(found).await?)
    });
    Ok(match looked.await {
        Ok(left) if left.is_empty() => Check::new("leftovers", State::Ok, "none"),
        Ok(left) => {
            let (hour, unknown) = left.hour(prices);
            let plus = if unknown == 0 { "" } else { " and more of unknown price" };
            let found = format!(
                "{} cost {} {} per hour{plus}{}",
                count(left.len() as u64, "leftover"),
                thousands(hour, 4),
                prices.currency(),
                if left.instances.is_empty() { "" } else { ", without the volumes of instances" }
            );
            Check::new("leftovers", State::Warning, found)
                .remedy(Some("`oci-insta-scale cleanup` shows them and asks before it deletes them"))
        }
        Err(CommandError::Interrupted) => return Err(CommandError::Interrupted),
        Err(error) => Check { state: State::Warning, ..failed("leftovers", &error) },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_address_is_looked_up_without_its_brackets() {
        assert_eq!(host_and_port("[::1]:8080", 443), ("::1", 8080));
        assert_eq!(host_and_port("[::1]", 443), ("::1", 443));
        assert_eq!(host_and_port("iaas.us-phoenix-1.oraclecloud.com", 443).1, 443);
        assert_eq!(host_and_port("localhost:80", 443), ("localhost", 80));
    }

    #[test]
    fn a_clock_more_than_five_minutes_off_fails() {
        let now: Timestamp = "2026-11-29T12:00:00Z".parse().unwrap();
        let at = |date: &str| {
            let response = http::Response::builder().header("date", date).body(Bytes::new()).unwrap();
            let check = clock(&response, now);
            (check.state, check.found)
        };
        assert_eq!(at("Sun, 29 Nov 2026 11:59:58 GMT"), (State::Ok, "2 s ahead of the service's".to_owned()));
        assert_eq!(
            at("Sun, 29 Nov 2026 12:05:30 GMT"),
            (State::Failed, "330 s behind the service's".to_owned())
        );
        assert_eq!(at("a moment ago").0, State::Warning);
    }
}
