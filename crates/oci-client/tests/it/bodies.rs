//! Whatever a server returns, with any status, a call ends in a model or in a failure that fits on one line. A fuzz target
//! tests the same (`fuzz/fuzz_targets/error_body.rs`).

use crate::fake::{Fake, launch};
use bytes::Bytes;
use http::Response;
use oci_client::{FailureClass, RetryPolicy};
use proptest::prelude::*;

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        ("[A-Za-z]{0,20}|.{0,20}", ".{0,600}").prop_map(|(code, message)| {
            serde_json::json!({"code": code, "message": message}).to_string().into_bytes()
        }),
        r#"(\{|\}|\[|\]|"code"|"message"|"id"|:|,|null|1e999|"\\u001b"|\\ud800| ){0,12}"#
            .prop_map(String::into_bytes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_answer_is_a_model_or_a_failure_that_can_be_shown(status in 200..600_u16, body in body()) {
        let answer = Response::builder().status(status).body(Bytes::from(body)).unwrap();
        let client = Fake::new([Ok(answer)]).builder().retry(RetryPolicy::never()).build();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        if let Err(failure) = runtime.block_on(launch(&client, "token")) {
            let text = failure.to_string();
            prop_assert!(!text.chars().any(char::is_control), "{:?}", text);
            prop_assert!(text.chars().count() < 2000, "{}", text);
            prop_assert_eq!(FailureClass::by_name(failure.class.name()), Some(failure.class));
        }
    }
}
