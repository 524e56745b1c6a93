//! What the environment says about the connection to the service: proxies and trusted certificates.
//!
//! It is read once, before anything is sent, so that a mistake in a variable is reported instead of ignored.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use reqwest::{Certificate, NoProxy, Proxy};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::causes::chain;
use crate::credentials::{Environment, expand_home};
use crate::text::plain;

/// Variables that name a file of trusted certificates; the first that is set wins. The CLI reads all of them except the second,
/// which most other programs read.
const BUNDLES: [&str; 4] = ["OCI_CLI_CERT_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];

/// The variable of OpenSSL for a file, and its companion for folders: where the first counts, so does the second.
const OPENSSL: (&str, &str) = ("SSL_CERT_FILE", "SSL_CERT_DIR");

/// Variables that name the proxy for https; the first that is set wins. `HTTP_PROXY` applies to plain http, which only ever
/// goes to this machine.
const PROXIES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// Variables that name the hosts that bypass the proxy.
const EXCEPTIONS: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// How to connect to the service.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The proxy that a variable names. Without one, the system's settings apply, if there are any.
    pub(super) proxy: Option<Proxy>,
    /// The variable that names it, with the address but without a password: `HTTPS_PROXY (http://proxy:3128)`.
    proxy_source: Option<String>,
    /// The certificates that are trusted instead of the system's.
    pub(super) bundle: Option<Bundle>,
    /// Whether no proxy is used, not even one of the system's settings.
    pub(super) is_direct: bool,
}

/// Trusted certificates, with the variables that name them.
#[derive(Clone, Debug)]
pub(super) struct Bundle {
    certificates: Vec<CertificateDer<'static>>,
    /// `SSL_CERT_FILE (/etc/ssl/company.pem)`.
    pub source: String,
}

impl Bundle {
    /// The certificates for the HTTP library.
    pub fn certificates(&self) -> reqwest::Result<Vec<Certificate>> {
        self.certificates.iter().map(|certificate| Certificate::from_der(certificate)).collect()
    }

    fn add(&mut self, mut more: Vec<CertificateDer<'static>>, variable: &str, path: &Path) {
        more.retain(|one| !self.certificates.contains(one));
        self.certificates.append(&mut more);
        let new = format!("{variable} ({})", path.display());
        self.source = if self.source.is_empty() { new } else { format!("{} and {new}", self.source) };
    }
}

/// An environment variable whose value cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {what}")]
pub struct SurroundingsError {
    /// The variable.
    pub variable: &'static str,
    /// What is wrong with it. It never contains the whole value of a proxy, which may include a password.
    pub what: String,
    /// The remedy.
    pub remedy: &'static str,
}

impl SurroundingsError {
    /// Whether it is about trusted certificates, rather than about a proxy.
    pub fn is_about_certificates(&self) -> bool {
        BUNDLES.contains(&self.variable) || self.variable == OPENSSL.1
    }
}

impl Surroundings {
    /// Reads the variables.
    pub fn read(env: Environment<'_>) -> Result<Self, SurroundingsError> {
        let proxy_source =
            first(PROXIES, env).map(|(variable, value)| format!("{variable} ({})", shown(value.trim())));
        let bundle = bundle(env, &READ)?;
        Ok(Self { proxy: proxy(env)?, proxy_source, bundle, is_direct: false })
    }

    /// Finds the mistakes for which no certificates have to be read: that takes longer than everything else that a command does
    /// which sends nothing.
    pub fn check(env: Environment<'_>) -> Result<(), SurroundingsError> {
        proxy(env)?;
        bundle(env, &LOOK)?;
        Ok(())
    }

    /// The variable that names the proxy, with the proxy's address but without a password.
    pub fn proxy_source(&self) -> Option<&str> {
        self.proxy_source.as_deref()
    }

    /// The variables, with their files and folders, that name the trusted certificates; `None` if they are the system's.
    pub fn trusted_source(&self) -> Option<&str> {
        self.bundle.as_ref().map(|bundle| bundle.source.as_str())
    }

    /// Trusts only the certificates in a PEM file, and uses no proxy: a server with such certificates is nearby.
    pub(super) fn trusting(path: &Path) -> Result<Self, String> {
        let source = path.display().to_string();
        let certificates = read_file(path).map_err(|why| format!("{source} {why}"))?;
        Ok(Self { bundle: Some(Bundle { certificates, source }), is_direct: true, ..Self::default() })
    }

    /// The certificates (DER) that are trusted instead of the system's, if a variable names some.
    pub fn trusted(&self) -> Option<impl Iterator<Item = &[u8]>> {
        let bundle = self.bundle.as_ref()?;
        Some(bundle.certificates.iter().map(AsRef::as_ref))
    }
}

/// The first of these variables that is set and not empty.
fn first<const N: usize>(names: [&'static str; N], env: Environment<'_>) -> Option<(&'static str, String)> {
    names.into_iter().find_map(|name| Some((name, env(name).filter(|value| !value.trim().is_empty())?)))
}

fn proxy(env: Environment<'_>) -> Result<Option<Proxy>, SurroundingsError> {
    let Some((variable, value)) = first(PROXIES, env) else { return Ok(None) };
    let wrong = |what: String| SurroundingsError {
        variable,
        what,
        remedy: "write it as http://host:port (or https://, socks5://, socks5h://), or unset it",
    };
    let value = value.trim();
    let shown = shown(value);
    let with_scheme = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
    let uri: http::Uri = with_scheme
        .parse()
        .map_err(|error| wrong(format!("is not the address of a proxy ({error}): {shown:?}")))?;
    let scheme = uri.scheme_str().unwrap_or_default();
    if !["http", "https", "socks4", "socks4a", "socks5", "socks5h"].contains(&scheme) {
        return Err(wrong(format!("names an unknown kind of proxy ({scheme}): {shown:?}")));
    }
    let authority = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    let after_user = authority.rsplit('@').next().unwrap_or_default();
    if uri.host().is_none_or(str::is_empty) {
        return Err(wrong(format!("names no host: {shown:?}")));
    }
    if uri.port().is_none() && after_user.trim_end_matches(']').contains(':') && !after_user.starts_with('[')
    {
        return Err(wrong(format!("has a port that is not a number: {shown:?}")));
    }
    let proxy = Proxy::https(&with_scheme).map_err(|error| {
        // The library's text may contain the URL, and therefore a password.
        let why = chain(&error).replace(&with_scheme, "..").replace(value, "..");
        wrong(format!("is not the address of a proxy ({why}): {shown:?}"))
    })?;
    let exceptions = first(EXCEPTIONS, env).map(|(_, hosts)| exceptions(&hosts));
    Ok(Some(proxy.no_proxy(exceptions.as_deref().and_then(NoProxy::from_string))))
}

/// The URL of a proxy without the part before its host, which may be a password.
fn shown(value: &str) -> String {
    let (scheme, rest) = value.split_once("://").unwrap_or(("", value));
    let rest = match rest.rsplit_once('@') {
        Some((_, host)) => format!("..@{host}"),
        None => rest.to_owned(),
    };
    plain(&if scheme.is_empty() { rest } else { format!("{scheme}://{rest}") }, 80)
}

/// Converts a list of hosts to the form that the library accepts: commas between hosts, and a leading dot. Users also write
/// `*.example.com`, blanks and ports, which mean the same.
fn exceptions(hosts: &str) -> String {
    let host = |host: &str| {
        let host = host.strip_prefix("*.").map_or_else(|| host.to_owned(), |rest| format!(".{rest}"));
        match host.rsplit_once(':') {
            Some((name, port)) if !name.contains(':') && port.bytes().all(|byte| byte.is_ascii_digit()) => {
                name.to_owned()
            }
            _ => host,
        }
    };
    let hosts = hosts.split(|c: char| c == ',' || c.is_whitespace()).filter(|host| !host.is_empty());
    hosts.map(host).collect::<Vec<_>>().join(",")
}

type Certificates = Result<Vec<CertificateDer<'static>>, String>;

/// What is done with the file and the folders that variables name.
struct CertificateReader {
    file: fn(&Path) -> Certificates,
    folders: fn(&[PathBuf]) -> Certificates,
}

const READ: CertificateReader = CertificateReader { file: read_file, folders: read_folders };

/// Only looks whether they are there.
const LOOK: CertificateReader = CertificateReader {
    file: |path| open_file(path).map(|_| Vec::new()),
    folders: |folders| {
        if folders.iter().any(|folder| folder.is_dir()) {
            Ok(Vec::new())
        } else {
            Err(without_certificate(folders))
        }
    },
};

fn bundle(env: Environment<'_>, reader: &CertificateReader) -> Result<Option<Bundle>, SurroundingsError> {
    let file = first(BUNDLES, env);
    let folders =
        first([OPENSSL.1], env).filter(|_| file.as_ref().is_none_or(|(variable, _)| *variable == OPENSSL.0));
    let mut bundle = Bundle { certificates: Vec::new(), source: String::new() };
    if let Some((variable, value)) = file {
        let path = expand_home(Path::new(value.trim()), env);
        let read = (reader.file)(&path).map_err(|why| SurroundingsError {
            variable,
            what: format!("names {}, which {why}", shown_path(&path)),
            remedy: "name a PEM file with the certificates of the trusted authorities, or unset it",
        })?;
        bundle.add(read, variable, &path);
    }
    if let Some((variable, value)) = folders {
        let read = (reader.folders)(&listed(&value, env)).map_err(|why| SurroundingsError {
            variable,
            what: format!("names {}, which {why}", shown_path(Path::new(&value))),
            remedy: "name a folder with the certificates of the trusted authorities as PEM files, or unset it",
        })?;
        bundle.add(read, variable, Path::new(&value));
    }
    Ok(Some(bundle).filter(|bundle| !bundle.source.is_empty()))
}

fn shown_path(path: &Path) -> String {
    plain(&path.display().to_string(), 200)
}

/// The certificates of a file, all of which have to be readable.
fn read_file(path: &Path) -> Certificates {
    let mut bytes = Vec::new();
    open_file(path)?.read_to_end(&mut bytes).map_err(|error| format!("cannot be read: {error}"))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let certificates = certificates.map_err(|error| format!("cannot be read: {}", chain(&error)))?;
    if certificates.is_empty() {
        return Err("contains no certificate (`-----BEGIN CERTIFICATE-----`)".to_owned());
    }
    Ok(certificates)
}

fn open_file(path: &Path) -> Result<File, String> {
    if path.is_dir() {
        return Err("is a folder".to_owned());
    }
    File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "does not exist".to_owned(),
        _ => format!("cannot be read: {error}"),
    })
}

/// The folders of a list.
fn listed(list: &str, env: Environment<'_>) -> Vec<PathBuf> {
    std::env::split_paths(list.trim())
        .filter(|folder| !folder.as_os_str().is_empty())
        .map(|folder| expand_home(&folder, env))
        .collect()
}

/// The certificates of folders. As with OpenSSL, a folder may lack and may hold other files, as long as there is one certificate:
/// one that cannot be used must not take the others away.
fn read_folders(folders: &[PathBuf]) -> Certificates {
    let mut usable = Vec::new();
    for folder in folders {
        let found = rustls_native_certs::load_certs_from_paths(None, Some(folder)).certs;
        usable.extend(found.into_iter().filter(|one| RootCertStore::empty().add(one.clone()).is_ok()));
    }
    if usable.is_empty() { Err(without_certificate(folders)) } else { Ok(usable) }
}

/// Why folders have no certificate.
fn without_certificate(folders: &[PathBuf]) -> String {
    let why = match folders {
        [one] if !one.exists() => "does not exist",
        [one] if !one.is_dir() => "is not a folder",
        [_] => "contains no certificate",
        _ => "contain no certificate",
    };
    why.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Surroundings, String> {
        let env = |name: &str| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Surroundings::read(&env).map_err(|error| error.to_string())
    }

    #[test]
    fn a_proxy_that_is_no_address_names_its_variable() {
        let wrong = |name: &str, value: &str| read(&[(name, value)]).unwrap_err();
        insta::assert_snapshot!(wrong("HTTPS_PROXY", "nonsense://::::"), @r#"HTTPS_PROXY is not the address of a proxy (invalid authority): "nonsense://::::""#);
        insta::assert_snapshot!(wrong("https_proxy", "http://"), @r#"https_proxy is not the address of a proxy (empty string): "http://""#);
        insta::assert_snapshot!(wrong("ALL_PROXY", "ftp://proxy:1"), @r#"ALL_PROXY names an unknown kind of proxy (ftp): "ftp://proxy:1""#);
        insta::assert_snapshot!(wrong("all_proxy", "proxy:port"), @r#"all_proxy has a port that is not a number: "proxy:port""#);
        insta::assert_snapshot!(wrong("HTTPS_PROXY", "http://me:hunter2@"), @r#"HTTPS_PROXY is not the address of a proxy (invalid authority): "http://..@""#);
        insta::assert_snapshot!(wrong("HTTPS_PROXY", "http://me:hunter2@proxy:99999"), @r#"HTTPS_PROXY has a port that is not a number: "http://..@proxy:99999""#);
    }

    #[test]
    fn proxies_of_every_usual_form_are_taken() {
        for value in [
            "http://proxy.example.com:3128",
            "https://me:p%40ss@proxy.example.com",
            "proxy.example.com:3128",
            "socks5h://127.0.0.1:1080",
            "http://[::1]:3128/",
            " http://proxy:3128 ",
        ] {
            assert!(read(&[("HTTPS_PROXY", value)]).unwrap().proxy.is_some(), "{value}");
        }
        for none in
            [&[][..], &[("HTTPS_PROXY", "")], &[("HTTP_PROXY", "nonsense://::::")], &[("NO_PROXY", ",;::/")]]
        {
            assert!(read(none).unwrap().proxy.is_none(), "{none:?}");
        }
    }

    #[test]
    fn exceptions_may_have_stars_ports_and_blanks() {
        assert_eq!(
            exceptions("*.oraclecloud.com, host:443 10.0.0.0/8,::1,.x"),
            ".oraclecloud.com,host,10.0.0.0/8,::1,.x"
        );
    }

    #[test]
    fn a_bundle_that_cannot_be_used_names_its_variable() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("empty.pem");
        std::fs::write(&file, "no certificate").unwrap();
        let (file, folder) = (file.display().to_string(), folder.path().display().to_string());
        let wrong = |variables: &[(&str, &str)]| read(variables).unwrap_err().replace(&folder, "~");
        insta::assert_snapshot!(wrong(&[("SSL_CERT_FILE", "/nowhere.pem")]), @"SSL_CERT_FILE names /nowhere.pem, which does not exist");
        insta::assert_snapshot!(wrong(&[("REQUESTS_CA_BUNDLE", &folder)]), @"REQUESTS_CA_BUNDLE names ~, which is a folder");
        insta::assert_snapshot!(wrong(&[("OCI_CLI_CERT_BUNDLE", &file), ("SSL_CERT_FILE", "/nowhere.pem")]), @"OCI_CLI_CERT_BUNDLE names ~/empty.pem, which contains no certificate (`-----BEGIN CERTIFICATE-----`)");
        insta::assert_snapshot!(wrong(&[("CURL_CA_BUNDLE", "~/x.pem"), ("HOME", "/home/me")]), @"CURL_CA_BUNDLE names /home/me/x.pem, which does not exist");
        insta::assert_snapshot!(wrong(&[("SSL_CERT_FILE", "/nowhere.pem"), ("SSL_CERT_DIR", "/etc")]), @"SSL_CERT_FILE names /nowhere.pem, which does not exist");
    }

    #[test]
    fn a_folder_without_certificates_names_its_variable() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("notes.txt"), "no certificate").unwrap();
        let here = folder.path().display().to_string();
        let wrong = |value: &str| read(&[("SSL_CERT_DIR", value)]).unwrap_err().replace(&here, "~");
        insta::assert_snapshot!(wrong("/nowhere"), @"SSL_CERT_DIR names /nowhere, which does not exist");
        insta::assert_snapshot!(wrong(&here), @"SSL_CERT_DIR names ~, which contains no certificate");
        insta::assert_snapshot!(wrong(&format!("{here}/notes.txt")), @"SSL_CERT_DIR names ~/notes.txt, which is not a folder");
        insta::assert_snapshot!(wrong(&format!("/nowhere:{here}")), @"SSL_CERT_DIR names /nowhere:~, which contain no certificate");
    }

    #[test]
    fn a_look_finds_what_is_not_there_and_reads_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("empty.pem");
        std::fs::write(&file, "no certificate").unwrap();
        let (file, here) = (file.display().to_string(), folder.path().display().to_string());
        let look = |name: &str, value: &str| {
            let env = |variable: &str| (variable == name).then(|| value.to_owned());
            Surroundings::check(&env).map_err(|error| error.to_string())
        };
        let of_read = |name: &str, value: &str| Err(read(&[(name, value)]).unwrap_err());
        for (name, value) in [
            ("HTTPS_PROXY", "nonsense://::::"),
            ("SSL_CERT_FILE", "/nowhere.pem"),
            ("REQUESTS_CA_BUNDLE", &here),
            ("SSL_CERT_DIR", "/nowhere"),
            ("SSL_CERT_DIR", &file),
        ] {
            assert_eq!(look(name, value), of_read(name, value), "{name}={value}");
        }
        assert_eq!((look("SSL_CERT_FILE", &file), look("SSL_CERT_DIR", &here)), (Ok(()), Ok(())));
        assert_eq!(look("HTTPS_PROXY", "http://proxy:3128"), Ok(()));
    }

    #[test]
    fn a_file_and_a_folder_of_openssl_are_both_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let (file, certs) = (folder.path().join("one.pem"), folder.path().join("certs"));
        std::fs::create_dir(&certs).unwrap();
        std::fs::write(&file, include_str!("../../tests/data/self-signed.pem")).unwrap();
        std::fs::write(certs.join("two.pem"), include_str!("../../tests/data/self-signed-leaf.pem")).unwrap();
        let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        std::fs::write(certs.join("damaged.pem"), damaged).unwrap();
        let (file, certs) = (file.display().to_string(), certs.display().to_string());
        let trusted = |variables: &[(&str, &str)]| {
            let found = read(variables).unwrap();
            let source =
                found.trusted_source().unwrap_or_default().replace(&certs, "DIR").replace(&file, "FILE");
            (found.trusted().map_or(0, Iterator::count), source)
        };
        let both = [("SSL_CERT_FILE", &*file), ("SSL_CERT_DIR", &*certs)];
        assert_eq!(trusted(&both[..1]), (1, "SSL_CERT_FILE (FILE)".to_owned()));
        assert_eq!(trusted(&both[1..]), (1, "SSL_CERT_DIR (DIR)".to_owned()), "a damaged one is left out");
        assert_eq!(trusted(&both), (2, "SSL_CERT_FILE (FILE) and SSL_CERT_DIR (DIR)".to_owned()));
        let other =
            [("OCI_CLI_CERT_BUNDLE", &*file), ("SSL_CERT_FILE", "/nowhere"), ("SSL_CERT_DIR", &*certs)];
        assert_eq!(trusted(&other), (1, "OCI_CLI_CERT_BUNDLE (FILE)".to_owned()));
        assert_eq!(trusted(&[]), (0, String::new()));
    }
}
