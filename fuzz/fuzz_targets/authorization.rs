//! Whatever text an `Authorization` header holds, it is read or refused, and what was read can be written and read
//! again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oci_simulator::server::Authorization;

fuzz_target!(|text: &str| {
    let Ok(read) = Authorization::parse(text) else { return };
    let written = format!(
        r#"Signature algorithm="rsa-sha256",headers="{}",keyId="{}",signature="{}",version="1""#,
        read.headers.join(" "),
        read.key_id,
        read.signature
    );
    assert_eq!(Authorization::parse(&written), Ok(read));
});
