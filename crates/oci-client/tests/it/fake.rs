//! A server in this process that returns scripted responses and keeps the requests.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use oci_api::models::{Instance, LaunchInstanceDetails};
use oci_client::transport::{Transport, TransportError};
use oci_client::{Answered, Client, ClientBuilder, Clock, Endpoints, Failure};

/// One scripted response.
pub type Answer = Result<Response<Bytes>, TransportError>;

#[derive(Clone, Default)]
pub struct Fake {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    pub requests: Arc<Mutex<Vec<Request<Bytes>>>>,
}

impl Fake {
    pub fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self { answers: Arc::new(Mutex::new(answers.into_iter().collect())), requests: Arc::default() }
    }

    pub fn builder(&self) -> ClientBuilder {
        let endpoints = Endpoints::for_region("us-phoenix-1").unwrap();
        Client::builder(endpoints, Arc::new(self.clone())).clock(Arc::new(Noon))
    }

    pub fn client(&self) -> Client {
        self.builder().build()
    }

    /// The number of requests received.
    pub fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    /// A header of each request.
    pub fn header(&self, name: &str) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        let of = |request: &Request<Bytes>| Some(request.headers().get(name)?.to_str().unwrap().to_owned());
        requests.iter().filter_map(of).collect()
    }

    /// The path and query of each request.
    pub fn targets(&self) -> Vec<String> {
        self.requests.lock().unwrap().iter().map(|request| request.uri().to_string()).collect()
    }
}

impl Transport for Fake {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Answer> {
        self.requests.lock().unwrap().push(request);
        // When the script has run out, the server never responds.
        match self.answers.lock().unwrap().pop_front() {
            Some(answer) => std::future::ready(answer).boxed(),
            None => std::future::pending().boxed(),
        }
    }
}

/// A clock that stands still.
#[derive(Debug)]
pub struct Noon;

impl Clock for Noon {
    fn now(&self) -> jiff::Timestamp {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }
}

/// Launches an instance with arbitrary details.
pub async fn launch(client: &Client, token: &str) -> Result<Answered<Instance>, Failure> {
    client.launch_instance(&LaunchInstanceDetails::default(), token).await
}

#[expect(clippy::unnecessary_wraps, reason = "it stands beside answers that are errors")]
pub fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    Ok(response.body(Bytes::from(body.to_owned())).unwrap())
}

pub fn ok(body: &str) -> Answer {
    answer(200, &[("opc-request-id", "req-ok")], body)
}

pub fn refusal(status: u16, code: &str, message: &str) -> Answer {
    let body = serde_json::json!({"code": code, "message": message}).to_string();
    answer(status, &[("opc-request-id", "req-1")], &body)
}

pub fn lost() -> Answer {
    Err(TransportError::may_have_arrived("ConnectionLost", "connection reset by peer"))
}

pub fn unreachable_host() -> Answer {
    Err(TransportError::not_sent("ConnectFailed", "connection refused"))
}
