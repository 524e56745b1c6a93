//! The session in a home folder, as `oci session authenticate` would leave it: a key, a token, and a profile that names both.

use super::error::{HomeError, io};
use super::files::{CONFIG, KEY, PUBLIC_KEY, SESSION, SESSIONS, TOKEN, private, write_over};
use super::identity::Identity;
use crate::server::auth::PublicKey;
use std::path::{Path, PathBuf};

/// Writes the session's key, unless the folder has one, and its profile. Returns the public key, for which a token is issued.
///
/// Blocks: making a key takes some tenths of a second.
pub(in crate::server) fn prepare(home: &Path, identity: &Identity) -> Result<PublicKey, HomeError> {
    let folder = folder(home);
    std::fs::create_dir_all(&folder).map_err(|source| io("make the folder", &folder, source))?;
    for folder in [&home.join(SESSIONS), &folder] {
        private(folder, 0o700).map_err(|source| io("protect the folder", folder, source))?;
    }
    let key = folder.join(KEY);
    let known = std::fs::read_to_string(&key).ok().and_then(|pem| PublicKey::from_pem(&pem).ok());
    let public = if let Some(public) = known {
        public
    } else {
        let own = Identity::generate(Some(identity.caller.clone()), &identity.region)?;
        write_over(&key, &own.private_key_pem).map_err(|source| io("write", &key, source))?;
        let path = folder.join(PUBLIC_KEY);
        write_over(&path, &own.public_key.to_pem()).map_err(|source| io("write", &path, source))?;
        own.public_key
    };
    let config = home.join(CONFIG);
    let text = std::fs::read_to_string(&config).map_err(|source| io("read", &config, source))?;
    let header = format!("[{SESSION}]");
    // Everything after the header is ours; the folder may have been moved since.
    let before = text.split(&header).next().unwrap_or_default().trim_end();
    let section = format!(
        "{before}\n\n{header}\nfingerprint={}\nkey_file={}\ntenancy={}\nregion={}\nsecurity_token_file={}\n",
        public.fingerprint(),
        key.display(),
        identity.caller.tenancy,
        identity.region,
        folder.join(TOKEN).display()
    );
    write_over(&config, &section).map_err(|source| io("write", &config, source))?;
    Ok(public)
}

/// Writes the token of the session.
pub(in crate::server) fn write_token(home: &Path, token: &str) -> Result<(), HomeError> {
    let path = folder(home).join(TOKEN);
    write_over(&path, token).map_err(|source| io("write", &path, source))
}

pub(super) fn folder(home: &Path) -> PathBuf {
    home.join(SESSIONS).join(SESSION)
}
