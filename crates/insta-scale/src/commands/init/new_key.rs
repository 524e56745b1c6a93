//! Makes an API key and its profile, as `oci setup config` does, and waits until OCI accepts it.

use super::asking::{Asking, Question};
use super::file;
use super::profiles::{self, PROFILE, unwritable};
use crate::apart;
use crate::config::read_limited;
use crate::environment;
use crate::error::CommandError;
use crate::output::console;
use crate::session::Session;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oci_api::{Ocid, Region};
use oci_client::credentials::{ApiKey, ApiKeySettings, ConfigFile, PrivateKey, expand_home};
use oci_client::{Client, Endpoints, FailureClass};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// How many names are tried for the key, because an existing file is never replaced.
const NAMES_TRIED: u32 = 100;
/// No public key is longer.
const PUBLIC_MAX: usize = 16 << 10;

/// What a person has to say about themselves.
struct Person {
    user: String,
    tenancy: String,
    region: String,
}

/// A new pair of keys in PEM.
struct Pair {
    private: Zeroizing<String>,
    public: String,
    fingerprint: String,
}

/// Makes a key and a profile in `config`, which has the profiles of `existing` or does not exist, shows what to paste in the console, and
/// waits until the key works. Returns the name of the profile.
pub async fn make_key(
    session: &Session,
    asking: &mut Asking,
    config: &Path,
    existing: Option<&ConfigFile>,
    region: Option<&str>,
) -> Result<String, CommandError> {
    let why = if existing.is_some() { "This makes" } else { "No credentials were found, so this makes" };
    asking.say(&format!(
        "{why} an API key for you. The console shows your OCIDs: profile menu (top right) > User settings, and profile menu > \
         Tenancy."
    ));
    let name = match existing {
        Some(existing) => profiles::ask_name(asking, config, existing).await?,
        None => PROFILE.to_owned(),
    };
    let person = ask_person(asking, region).await?;
    let pair = apart::run_apart(&session.stop, generate).await??;
    let folder = config.parent().unwrap_or(Path::new(""));
    make_folder(folder).map_err(|error| unwritable(folder, &error))?;
    let key = write_pair(folder, &pair)?;
    let profile = format!(
        "[{name}]\nuser={}\nfingerprint={}\nkey_file={}\ntenancy={}\nregion={}\n",
        person.user,
        pair.fingerprint,
        key.display(),
        person.tenancy,
        person.region
    );
    match existing {
        Some(_) => profiles::append(config, &name, &profile)?,
        None => create(config, profile.as_bytes()).map_err(|error| unwritable(config, &error))?,
    }
    let kept = format!("The key is in {}, its profile [{name}] in {}.", key.display(), config.display());
    show_key(&kept, &pair.public, &pair.fingerprint);
    let client = client(session, session.flags.endpoint.clone(), &person, &pair.fingerprint, &key)?;
    let public = public_half(&key).unwrap_or_else(|| key.clone());
    wait_until_accepted(session, asking, &client, &person, &public).await?;
    Ok(name)
}

async fn ask_person(asking: &mut Asking, region: Option<&str>) -> Result<Person, CommandError> {
    let ocid = |kind: &'static str| {
        move |text: &str| match Ocid::parse(text) {
            Ok(ocid) if ocid.resource_type == kind => Ok(text.to_owned()),
            Ok(ocid) => Err(format!("that is the OCID of a {}", ocid.resource_type)),
            Err(error) => Err(error.to_string()),
        }
    };
    let question = |what| Question { what, flag: "--profile", given: None, kinds: &[], is_complete: true };
    let user = asking.text(question("OCID of your user"), None, &ocid("user")).await?;
    let tenancy = asking.text(question("OCID of the tenancy"), None, &ocid("tenancy")).await?;
    let known = |text: &str| match Region::find(text) {
        Some(region) => Ok(region.name.to_owned()),
        None if environment::added_regions().find(text).is_some() => Ok(text.to_owned()),
        None => Err("there is no such region; for example us-phoenix-1".to_owned()),
    };
    let asked = Question { what: "region", flag: "--region", given: region, kinds: &[], is_complete: true };
    let region = asking.text(asked, None, &known).await?;
    Ok(Person { user, tenancy, region })
}

/// A key of 2048 bits, which is what OCI asks for.
fn generate() -> Result<Pair, CommandError> {
    let failed = || CommandError::System {
        what: "no key can be made",
        source: std::io::Error::other("the random source failed"),
    };
    let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| failed())?;
    let private: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| failed())?;
    let private = Zeroizing::new(pem("PRIVATE KEY", private.as_ref()));
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(|_| failed())?;
    let public = pem("PUBLIC KEY", public.as_ref());
    let fingerprint = PrivateKey::from_pem(private.as_bytes(), None, "the new key")?.fingerprint()?;
    Ok(Pair { private, public, fingerprint })
}

fn pem(label: &str, der: &[u8]) -> String {
    const LINE: usize = 64;
    let encoded = Zeroizing::new(STANDARD.encode(der));
    let mut text = String::with_capacity(encoded.len() + encoded.len() / LINE + 2 * label.len() + 40);
    text.push_str("-----BEGIN ");
    text.push_str(label);
    text.push_str("-----\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str("-----END ");
    text.push_str(label);
    text.push_str("-----\n");
    text
}

/// Writes both halves under the first free name, and returns the path of the private one.
fn write_pair(folder: &Path, pair: &Pair) -> Result<PathBuf, CommandError> {
    for number in 1..=NAMES_TRIED {
        let stem = if number == 1 { "oci_api_key".to_owned() } else { format!("oci_api_key_{number}") };
        let (private, public) =
            (folder.join(format!("{stem}.pem")), folder.join(format!("{stem}_public.pem")));
        if public.symlink_metadata().is_ok() {
            continue;
        }
        match create(&private, pair.private.as_bytes()) {
            Ok(()) => {
                create(&public, pair.public.as_bytes()).map_err(|error| unwritable(&public, &error))?;
                return Ok(private);
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(unwritable(&private, &error)),
        }
    }
    Err(CommandError::usage(
        format!("{} has {NAMES_TRIED} keys already", folder.display()),
        "move those that are not used elsewhere",
    ))
}

/// Makes a file that only its owner may read, never over an existing one; a half of it does not stay.
fn create(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        // The first error is the one to report.
        let _ = std::fs::remove_file(path);
    }
    written
}

fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Goes on with a key that OCI does not accept yet, if it was made here: its public half lies beside it.
pub async fn wait_for_made_key(
    session: &Session,
    asking: &mut Asking,
    config: &ConfigFile,
    name: &str,
    endpoint: Option<String>,
) -> Result<(), CommandError> {
    let Ok(profile) = config.profile(name) else { return Ok(()) };
    let value = |key: &str| profile.get(key).map(str::to_owned);
    let (Some(key), Some(user), Some(tenancy), Some(fingerprint), Some(region)) =
        (value("key_file"), value("user"), value("tenancy"), value("fingerprint"), value("region"))
    else {
        return Ok(());
    };
    let key = expand_home(Path::new(&key), &environment::variable);
    let Some(public) = public_half(&key).filter(|public| public.is_file()) else { return Ok(()) };
    let person = Person { user, tenancy, region };
    // What else is wrong with the profile is said where it is used.
    let Ok(client) = client(session, endpoint, &person, &fingerprint, &key) else { return Ok(()) };
    match session.ask(async { Ok::<_, CommandError>(client.get_user(&person.user).await) }).await? {
        Err(failure) if failure.class == FailureClass::Authentication => {}
        _ => return Ok(()),
    }
    let text = read_limited(&public, PUBLIC_MAX).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    show_key(
        &format!("OCI does not accept the key of the profile [{name}] yet."),
        &text.unwrap_or_default(),
        &fingerprint,
    );
    wait_until_accepted(session, asking, &client, &person, &public).await
}

/// `oci_api_key_public.pem` for `oci_api_key.pem`.
fn public_half(key: &Path) -> Option<PathBuf> {
    let stem = key.file_stem()?.to_str()?;
    Some(key.with_file_name(format!("{stem}_public.pem")))
}

/// Says what to do with the public key. These lines are for copying, so they are neither wrapped nor left out.
fn show_key(what: &str, public: &str, fingerprint: &str) {
    console::line(&format!(
        "\n{what} Add the public key in the console:\nprofile menu > User settings > Tokens and keys (or API keys) > Add API key > \
         Paste a public key\n\n{public}\nIts fingerprint is {fingerprint}."
    ));
}

/// A client that signs with the key.
fn client(
    session: &Session,
    endpoint: Option<String>,
    person: &Person,
    fingerprint: &str,
    key: &Path,
) -> Result<Client, CommandError> {
    let endpoints = match endpoint {
        Some(url) => Endpoints::at(&url)?,
        None => Endpoints::for_region_or(&person.region, &environment::added_regions())?,
    };
    let settings = ApiKeySettings {
        tenancy: person.tenancy.clone(),
        user: person.user.clone(),
        fingerprint: fingerprint.to_owned(),
        key_path: key.to_owned(),
        passphrase: None,
    };
    let (signer, _) = ApiKey::load(&settings)?;
    let (client, _) = session.client(endpoints, Some(Arc::new(signer)))?;
    Ok(crate::connection::for_questions(&client))
}

/// Asks OCI with the key, until it is accepted or the person stops. Any response but a refused login shows that it is.
async fn wait_until_accepted(
    session: &Session,
    asking: &mut Asking,
    client: &Client,
    person: &Person,
    public: &Path,
) -> Result<(), CommandError> {
    asking.has_kept_key = true;
    loop {
        let answer = asking.line("Enter when the key is added, or `later`:").await?;
        if answer.eq_ignore_ascii_case("later") {
            return Err(CommandError::usage(
                "the key is not in use yet: no config was written, and the key and its profile are kept",
                format!(
                    "add the public key ({}) in the console, then go on with `{}`",
                    public.display(),
                    file::command(session)
                ),
            ));
        }
        match session.ask(async { Ok::<_, CommandError>(client.get_user(&person.user).await) }).await? {
            Err(failure) if failure.class == FailureClass::Authentication => {
                let text = crate::output::text::clean(&failure.message);
                asking.say(&format!(
                    "OCI does not accept the key: {text}. A new key takes up to a minute; try again."
                ));
            }
            Err(failure) if failure.class == FailureClass::Network => {
                asking.say(&format!(
                    "OCI does not answer: {}",
                    crate::output::text::clean(&failure.to_string())
                ));
            }
            _ => {
                asking.say("OCI accepts the key.");
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_is_private_and_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let pair = generate().unwrap();
        std::fs::write(folder.path().join("oci_api_key.pem"), "mine").unwrap();
        let key = write_pair(folder.path(), &pair).unwrap();
        assert_eq!(key.file_name().unwrap(), "oci_api_key_2.pem");
        assert_eq!(std::fs::read_to_string(folder.path().join("oci_api_key.pem")).unwrap(), "mine");
        let read = PrivateKey::read(&key, None).unwrap();
        assert_eq!(read.key.fingerprint().unwrap(), pair.fingerprint);
        assert_eq!(read.warning, None, "only the owner may read it");
        assert!(pair.public.starts_with("-----BEGIN PUBLIC KEY-----\nMII"));
        assert!(pair.public.lines().all(|line| line.len() <= 64));
        create(&key, b"").unwrap_err();
    }
}
