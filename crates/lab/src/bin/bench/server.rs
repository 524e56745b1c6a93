//! The processor time of the simulated region's process for one signed GetInstance over loopback, compared with the unavoidable
//! minimum: one verification, and one request to an axum server that does nothing.

use crate::{Measured, cpu_of};
use lab::clock::Cpu;
use lab::served::Served;
use lab::subjects::{ROOMY, Signing};
use lab::{middle, size};
use oci_client::credentials::{ApiKey, ApiKeySettings, Signer as _};
use oci_client::signing::{ToSign, http_date};
use oci_client::{Client, Clock as _, Endpoints, SystemClock, transport::Https};
use serde_json::json;
use std::error::Error;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

/// The argument that makes this program the server that does nothing.
pub const NOTHING: &str = "serve-nothing";
/// The number of concurrent callers, each with its own connection.
const CALLERS: usize = 4;

pub fn measure() -> Measured {
    let region = Served::start(ROOMY)?;
    let request = signed_get(&region)?;
    let nothing = Nothing::start()?;
    let key = Signing::new()?;
    let (mut served, mut empty, mut verified) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..size(3, 1) {
        served.push(per_request(region.address(), &request, || region.cpu_s())?);
        empty.push(per_request(&nothing.address, &request, || nothing.cpu_s())?);
        verified.push(cpu_of(size(20_000, 10), || {
            key.verify();
        }));
    }
    let (served, empty, verified) = (middle(&mut served), middle(&mut empty), middle(&mut verified));
    Ok(json!({
        "get_instance_us": served * 1e6, "nothing_us": empty * 1e6, "verification_us": verified * 1e6,
        "ratio": served / (empty + verified), "reach_ratio": 4.0,
    }))
}

/// The processor time of a server for one request, in seconds.
fn per_request(address: &str, request: &str, cpu_s: impl Fn() -> f64) -> Result<f64, Box<dyn Error>> {
    let requests = size(20_000, 40);
    let before = cpu_s();
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (address, request) = (address.to_owned(), request.to_owned());
            std::thread::spawn(move || call(&address, &request, requests / CALLERS))
        })
        .collect();
    for caller in callers {
        caller.join().map_err(|_| "a caller panicked")??;
    }
    Ok((cpu_s() - before) / requests as f64)
}

/// Sends the same bytes this many times on one connection, each after the previous response.
fn call(address: &str, request: &str, times: usize) -> io::Result<()> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut answers = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    let mut body = Vec::new();
    for _ in 0..times {
        stream.write_all(request.as_bytes())?;
        let mut length = 0;
        let mut line = String::new();
        answers.read_line(&mut line)?;
        if !line.starts_with("HTTP/1.1 200") {
            return Err(io::Error::other(format!("answered {line:?}")));
        }
        while line != "\r\n" {
            line.clear();
            answers.read_line(&mut line)?;
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
        }
        body.resize(length, 0);
        answers.read_exact(&mut body)?;
    }
    Ok(())
}

/// A signed request for an existing instance. The region accepts it for five minutes.
fn signed_get(region: &Served) -> Result<String, Box<dyn Error>> {
    let key = Arc::new(sign_in(region)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ground = crate::ledger_cost::ground(region)?;
    let ocid = runtime.block_on(async {
        let endpoints = Endpoints::at(&format!("http://{}", region.address()))?;
        let client = Client::builder(endpoints, Arc::new(Https::new()?)).signer(key.clone()).build();
        let details = ground.plan(1)?.request(ledger::RunId::new(SystemClock.now(), [1; 10]), 1, 1);
        let launched = client.launch_instance(&details, "one").await.map_err(|failure| failure.message)?;
        Ok::<_, Box<dyn Error>>(launched.value.id)
    })?;
    let (target, now) = (format!("/20160918/instances/{ocid}"), SystemClock.now());
    let date = http_date(now);
    let to_sign = ToSign {
        method: "GET",
        target: &target,
        host: Some(region.address()),
        date: &date,
        body: None,
        on_behalf_of: None,
    };
    let signature = key.sign(to_sign.text().as_bytes(), now)?;
    Ok(format!(
        "GET {target} HTTP/1.1\r\nhost: {}\r\ndate: {date}\r\naccept: application/json\r\nauthorization: {}\r\n\r\n",
        region.address(),
        to_sign.authorization(&signature.key_id, &signature.bytes)
    ))
}

/// The API key of the region's user.
pub fn sign_in(region: &Served) -> Result<ApiKey, Box<dyn Error>> {
    let settings = ApiKeySettings {
        tenancy: region.value("tenancy_ocid")?,
        user: region.value("user_ocid")?,
        fingerprint: region.value("fingerprint")?,
        key_path: region.value("private_key_path")?.into(),
        passphrase: None,
    };
    Ok(ApiKey::load(&settings)?.0)
}

/// The server that does nothing, in a separate process.
struct Nothing {
    process: Child,
    address: String,
}

impl Nothing {
    fn start() -> io::Result<Self> {
        let mut process =
            Command::new(std::env::current_exe()?).arg(NOTHING).stdout(Stdio::piped()).spawn()?;
        let mut address = String::new();
        if let Some(out) = process.stdout.as_mut() {
            BufReader::new(out).read_line(&mut address)?;
        }
        address.truncate(address.trim_end().len());
        Ok(Self { process, address })
    }

    fn cpu_s(&self) -> f64 {
        Cpu::of(self.process.id()).map_or(f64::NAN, Cpu::seconds)
    }
}

impl Drop for Nothing {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns an empty response to everything, until it is killed.
pub fn serve_nothing() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        crate::say(&listener.local_addr()?.to_string());
        axum::serve(listener, axum::Router::new().fallback(|| async {})).await?;
        Ok(())
    })
}
