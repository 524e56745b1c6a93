//! Whether and where traces are sent, as OpenTelemetry's variables say.
//!
//! The exporter reads the rest itself: the address, headers, time limit and compression.

/// What the variables say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Export {
    /// Traces are sent.
    On,
    /// A receiver is named, but this program cannot do what another variable asks for.
    Unusable(String),
}

impl Export {
    /// `None` if nobody asked for traces.
    pub(super) fn read(variable: &dyn Fn(&str) -> Option<String>) -> Option<Self> {
        let of_traces = |name: &str| {
            let both = [format!("OTEL_EXPORTER_OTLP_TRACES_{name}"), format!("OTEL_EXPORTER_OTLP_{name}")];
            both.into_iter().find_map(|name| Some((variable(&name)?, name)))
        };
        let (endpoint, endpoint_name) = of_traces("ENDPOINT")?;
        if variable("OTEL_SDK_DISABLED").is_some_and(|is| is.eq_ignore_ascii_case("true")) {
            return None;
        }
        match variable("OTEL_TRACES_EXPORTER").as_deref() {
            None | Some("otlp") => {}
            Some("none") => return None,
            Some(other) => {
                return Some(Self::Unusable(format!(
                    "OTEL_TRACES_EXPORTER is {other:?}; there is only `otlp`"
                )));
            }
        }
        let is_http = |uri: http::Uri| matches!(uri.scheme_str(), Some("http" | "https"));
        if !endpoint.parse().is_ok_and(is_http) {
            // The value may contain a password.
            let why = format!("{endpoint_name} is no URL such as http://localhost:4318");
            return Some(Self::Unusable(why));
        }
        match of_traces("PROTOCOL") {
            Some((protocol, name)) if protocol != "http/protobuf" => {
                let why =
                    format!("{name} is {protocol:?}; there is only `http/protobuf`, usually at port 4318");
                Some(Self::Unusable(why))
            }
            _ => Some(Self::On),
        }
    }
}
