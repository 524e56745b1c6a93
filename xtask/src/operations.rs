//! Renders the table of operations.

use crate::Result;
use crate::facts::{Facts, Operation, OperationBounds, Parameter};
use crate::names;
use crate::schema::{kind, render_bounds};
use serde_json::Value;
use std::fmt::Write as _;

pub fn render(facts: &Facts) -> Result<String> {
    let mut out = String::from(
        "use crate::operation::{Answer, Method, OperationInfo, Parameter, Service};\nuse crate::schema::{Bounds, Kind};\n\n",
    );
    writeln!(
        out,
        "/// An operation of the API.\n#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]"
    )?;
    writeln!(out, "pub enum Operation {{")?;
    for operation in &facts.operations {
        writeln!(out, "/// `{} {}`\n{},", operation.method, operation.url_path, operation.name)?;
    }
    writeln!(
        out,
        "}}\n\nimpl Operation {{\n/// Every operation, in the order of the facts.\npub const ALL: &'static [Self] = &["
    )?;
    for operation in &facts.operations {
        writeln!(out, "Self::{},", operation.name)?;
    }
    writeln!(
        out,
        "];\n\n/// What is known of it.\npub fn info(self) -> &'static OperationInfo {{ &OPERATIONS[self as usize] }}\n}}\n"
    )?;
    writeln!(out, "static OPERATIONS: &[OperationInfo] = &[")?;
    let none = OperationBounds {
        params: std::collections::BTreeMap::new(),
        responses: std::collections::BTreeMap::new(),
    };
    for operation in &facts.operations {
        let bounds = facts.operation_bounds.get(&operation.name).unwrap_or(&none);
        entry(&mut out, operation, bounds)?;
    }
    writeln!(out, "];")?;
    Ok(out)
}

fn entry(out: &mut String, operation: &Operation, bounds: &OperationBounds) -> Result<()> {
    let list = operation.response.as_deref().and_then(|kind| kind.strip_prefix("list[")?.strip_suffix(']'));
    let response = match (&operation.response, list) {
        (None, _) => "Answer::Empty".to_owned(),
        (Some(_), Some(model)) => format!("Answer::List({model:?})"),
        (Some(model), None) => format!("Answer::One({model:?})"),
    };
    writeln!(out, "OperationInfo {{ operation: Operation::{0}, name: \"{0}\",", operation.name)?;
    writeln!(
        out,
        "service: Service::{}, method: Method::{},",
        names::variant(&operation.service),
        names::variant(&operation.method)
    )?;
    writeln!(
        out,
        "path: {:?}, body: {:?}, body_required: {},",
        operation.url_path,
        operation.body,
        operation.body_required.unwrap_or(operation.body.is_some())
    )?;
    writeln!(out, "response: {response}, paginated: {},", operation.paginated)?;
    writeln!(
        out,
        "retry_token: {}, default_retry: {}, work_request: {},",
        operation.sdk_auto_retry_token, operation.sdk_default_retry, operation.sdk_reads_opc_work_request_id
    )?;
    for (name, parameters) in [
        ("path_parameters", &operation.path_params),
        ("query", &operation.query_params),
        ("headers", &operation.headers),
    ] {
        write!(out, "{name}: &[")?;
        for parameter in parameters {
            render_parameter(out, &operation.name, parameter, bounds.params.get(&parameter.name))?;
        }
        writeln!(out, "],")?;
    }
    let success = bounds.responses.iter().find(|(status, _)| status.starts_with('2'));
    let (status, headers) = match success {
        Some((status, headers)) => (status.as_str(), headers.as_array().cloned().unwrap_or_default()),
        None => ("200", Vec::new()),
    };
    let headers: Vec<&str> = headers.iter().filter_map(Value::as_str).collect();
    writeln!(out, "success: {status}, success_headers: &{headers:?} }},")?;
    Ok(())
}

/// Parameters that the older constraints document requires but the service no longer does (SDK 2.189).
const OPTIONAL_SINCE: [(&str, &str); 4] = [
    ("ListBlockVolumeReplicas", "availabilityDomain"),
    ("ListBootVolumeReplicas", "availabilityDomain"),
    ("ListBootVolumes", "availabilityDomain"),
    ("ListVlans", "vcnId"),
];

fn render_parameter(
    out: &mut String,
    operation: &str,
    parameter: &Parameter,
    bounds: Option<&Value>,
) -> Result<()> {
    let once = bounds.and_then(|b| b.get("required")).and_then(Value::as_bool) == Some(true);
    let required =
        parameter.required || (once && !OPTIONAL_SINCE.contains(&(operation, parameter.name.as_str())));
    let default = bounds.and_then(|b| b.get("default")).and_then(Value::as_str);
    let kind = if parameter.kind.is_empty() { "Kind::Str".to_owned() } else { kind(&parameter.kind) };
    write!(
        out,
        "Parameter {{ name: {:?}, kind: {kind}, required: {required}, values: &{:?}, default: {default:?}, bounds: {} }},",
        parameter.name,
        parameter.values,
        render_bounds(bounds)
    )?;
    Ok(())
}
