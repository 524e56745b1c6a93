//! What is made from an instance: custom images and console histories.

use super::region::Region;
use oci_api::Operation;
use oci_simulator::world::{ApiAnswer, ApiError};
use serde_json::{Value, json};

fn send(
    region: &mut Region,
    operation: Operation,
    id: Option<(&'static str, &Value)>,
    body: Value,
) -> Result<ApiAnswer, ApiError> {
    let mut request = region.request(operation);
    if let Some((name, id)) = id {
        request = request.path(name, id.as_str().unwrap());
    }
    if !body.is_null() {
        request = request.body(body);
    }
    region.world.handle(&request)
}

fn image_of(region: &mut Region, instance: &str) -> Result<Value, ApiError> {
    let body = json!({
        "compartmentId": region.defaults.compartment, "instanceId": instance, "displayName": "golden",
        "freeformTags": {"team": "a"},
    });
    send(region, Operation::CreateImage, None, body).map(|answer| answer.json())
}

#[test]
fn an_image_of_an_instance_boots_another_one() {
    let mut region = Region::roomy();
    let instance = region.launch_running("one");
    let image = image_of(&mut region, &instance).unwrap();
    assert_eq!(
        (&image["lifecycleState"], &image["operatingSystem"]),
        (&json!("PROVISIONING"), &json!("Oracle Linux"))
    );
    assert_eq!(image["baseImageId"], *region.defaults.image);
    let mut details = region.details("two");
    details["sourceDetails"]["imageId"] = image["id"].clone();
    assert_eq!(region.launch(&details).unwrap_err().code, "IncorrectState", "still PROVISIONING");
    region.advance(120.0);
    region.launch(&details).unwrap();
    let listed = region.list(Operation::ListImages);
    assert!(listed.iter().any(|row| row["id"] == image["id"] && row["lifecycleState"] == "AVAILABLE"));
    let renamed = send(
        &mut region,
        Operation::UpdateImage,
        Some(("imageId", &image["id"])),
        json!({"displayName": "silver"}),
    );
    assert_eq!(renamed.unwrap().json()["displayName"], "silver");
    send(&mut region, Operation::DeleteImage, Some(("imageId", &image["id"])), Value::Null).unwrap();
    assert_eq!(region.launch(&details).unwrap_err().status, 404);
    assert!(region.list(Operation::ListImages).iter().all(|row| row["id"] != image["id"]));
}

#[test]
fn the_images_of_others_are_neither_changed_nor_deleted() {
    let mut region = Region::roomy();
    let image = Value::from(region.defaults.image.clone());
    for (operation, body) in
        [(Operation::UpdateImage, json!({"displayName": "mine"})), (Operation::DeleteImage, Value::Null)]
    {
        assert_eq!(send(&mut region, operation, Some(("imageId", &image)), body).unwrap_err().status, 404);
    }
    assert!(!region.list(Operation::ListImages).is_empty());
}

#[test]
fn an_instance_that_changes_is_not_captured() {
    let mut region = Region::roomy();
    let instance = region.launch(&region.details("one")).unwrap().json()["id"].as_str().unwrap().to_owned();
    assert_eq!(image_of(&mut region, &instance).unwrap_err().code, "Conflict");
    let capture = json!({"instanceId": instance});
    let refused = send(&mut region, Operation::CaptureConsoleHistory, None, capture).unwrap_err();
    assert_eq!((refused.status, refused.code), (409, "Conflict"));
}

#[test]
fn a_console_history_is_read_in_parts_until_it_is_deleted() {
    let mut region = Region::roomy();
    let instance = region.launch_running("one");
    let body = json!({"instanceId": instance});
    let made = send(&mut region, Operation::CaptureConsoleHistory, None, body).unwrap().json();
    assert_eq!(made["lifecycleState"], "GETTING-HISTORY");
    let id = Some(("instanceConsoleHistoryId", &made["id"]));
    let early = send(&mut region, Operation::GetConsoleHistoryContent, id, Value::Null).unwrap_err();
    assert_eq!(early.code, "IncorrectState");
    region.advance(10.0);
    let whole = send(&mut region, Operation::GetConsoleHistoryContent, id, Value::Null).unwrap();
    assert_eq!(whole.bytes_remaining, Some(0));
    let whole = whole.body.unwrap();
    let part = region.request(Operation::GetConsoleHistoryContent);
    let part = part.path("instanceConsoleHistoryId", made["id"].as_str().unwrap());
    let part = region.world.handle(&part.query("offset", "10").query("length", "7")).unwrap();
    assert_eq!(part.body.unwrap(), whole[10..17]);
    assert_eq!(part.bytes_remaining, Some(whole.len() as u64 - 17));
    send(&mut region, Operation::DeleteConsoleHistory, id, Value::Null).unwrap();
    assert!(region.list(Operation::ListConsoleHistories).is_empty());
    assert_eq!(send(&mut region, Operation::GetConsoleHistory, id, Value::Null).unwrap_err().status, 404);
}
