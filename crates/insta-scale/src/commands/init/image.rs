//! The image: the newest build of an operating system that the shape can boot, or an image of one's own.

use super::access::{Access, Needs};
use super::asking::{Asking, Question};
use super::draft::Named;
use super::keeping::{Unlisted, propose};
use super::matching::Candidate;
use crate::args::InitArgs;
use crate::error::CommandError;
use crate::output::text::clean;
use fleet::policy::PolicyScope;
use oci_api::models::{Image, ImageLifecycleState, Shape};
use oci_client::services::compute::ImageFilter;
use std::cmp::Ordering;

/// The operating systems that are proposed first.
const USUAL: [&str; 2] = ["Oracle Linux", "Canonical Ubuntu"];

/// Chooses the image.
pub async fn image(
    access: &Access<'_>,
    asking: &mut Asking,
    args: &InitArgs,
    compartment: &str,
    shape: &Shape,
    present: Option<&str>,
    is_here: bool,
) -> Result<Named, CommandError> {
    let needs = Needs {
        what: "images",
        verb: "read",
        resource: "instance-images",
        scope: PolicyScope::Compartment(compartment),
    };
    let filter = ImageFilter {
        compartment_id: compartment.to_owned(),
        shape: Some(shape.shape.clone()),
        ..ImageFilter::default()
    };
    let listed = Box::pin(access.list(asking, needs, access.client.list_images(&filter))).await?;
    let is_listed = listed.is_some();
    let listed = listed.unwrap_or_default();
    let former = listed.iter().find(|image| Some(image.id.as_str()) == present).map(commented);
    let (mut choices, default) = choices(listed, shape, present);
    let given = args.image.as_deref();
    if choices.is_empty() && is_listed && given.is_none() {
        asking.say(&format!(
            "no image of this compartment can boot {}; choose another shape, or give the OCID of an image",
            shape.shape
        ));
    }
    let question =
        Question { what: "image", flag: "--image", given, kinds: &["image"], is_complete: is_listed };
    let unlisted = if is_here { Unlisted::Ocid } else { Unlisted::Nothing };
    let proposed = propose(&mut choices, present, unlisted, default);
    let question = Question { is_complete: is_listed && !proposed.is_lost, ..question };
    let chosen = asking.choose(question, &choices, proposed.at).await?;
    let mut named = Named::beside(&chosen, proposed.present_in(&choices));
    named.former = former.or(named.former);
    // The build is what is pinned, so it is said beside the operating system.
    if let (Some(name), [build]) = (&mut named.name, chosen.also.as_slice()) {
        *name = format!("{name} ({})", clean(build));
    }
    Ok(named)
}

/// The comment beside the OCID of an image.
fn commented(image: &Image) -> String {
    let name = clean(image.display_name.as_deref().unwrap_or_default());
    if image.compartment_id.is_some() {
        return name;
    }
    format!("{} {} ({name})", clean(&image.operating_system), clean(&image.operating_system_version))
}

/// The newest build of each operating system and version, then the images of the compartment itself; and the usual one of them.
/// An image that is `present` in the config stays available.
fn choices(mut images: Vec<Image>, shape: &Shape, present: Option<&str>) -> (Vec<Candidate>, Option<usize>) {
    let has_gpus = shape.gpus.is_some_and(|gpus| gpus > 0);
    images.retain(|image| {
        matches!(image.lifecycle_state, ImageLifecycleState::Available)
            || image.lifecycle_state.as_str().is_empty()
    });
    images.sort_by_key(|image| std::cmp::Reverse(image.time_created));
    let is_own = |image: &Image| image.compartment_id.is_some();
    let mut systems: Vec<&Image> = Vec::new();
    for image in images.iter().filter(|image| !is_own(image)) {
        // A build for GPUs boots elsewhere too, but carries drivers that nothing needs there.
        let is_for_gpus = image.display_name.as_deref().is_some_and(|name| name.contains("-GPU-"));
        if is_for_gpus == has_gpus || !is_for_gpus {
            let known = systems.iter().any(|known| is_same_system(known, image));
            if !known {
                systems.push(image);
            }
        }
    }
    systems.sort_by(|a, b| {
        let rank = |image: &Image| {
            USUAL.iter().position(|usual| *usual == image.operating_system).unwrap_or(USUAL.len())
        };
        let names = || a.operating_system.cmp(&b.operating_system);
        let versions = || compare_versions(&b.operating_system_version, &a.operating_system_version);
        rank(a).cmp(&rank(b)).then_with(names).then_with(versions)
    });
    let mut choices: Vec<Candidate> = systems
        .iter()
        .map(|image| Candidate {
            value: image.id.clone(),
            name: format!("{} {}", image.operating_system, image.operating_system_version),
            also: image.display_name.iter().cloned().collect(),
            about: build(image),
        })
        .collect();
    for image in images.iter().filter(|image| is_own(image)) {
        let name = image.display_name.clone().unwrap_or_else(|| image.id.clone());
        let about = format!("your own, {} {}", image.operating_system, image.operating_system_version);
        choices.push(Candidate { value: image.id.clone(), name, also: Vec::new(), about });
    }
    let is_in_use = |image: &&Image| Some(image.id.as_str()) == present;
    if let Some(image) =
        images.iter().find(is_in_use).filter(|image| choices.iter().all(|one| one.value != image.id))
    {
        let name = image.display_name.clone().unwrap_or_else(|| image.id.clone());
        choices.insert(
            0,
            Candidate { value: image.id.clone(), name, also: Vec::new(), about: "as in the file".to_owned() },
        );
    }
    let default = if choices.is_empty() { None } else { Some(0) };
    (choices, default)
}

fn is_same_system(one: &Image, other: &Image) -> bool {
    (&one.operating_system, &one.operating_system_version)
        == (&other.operating_system, &other.operating_system_version)
}

fn build(image: &Image) -> String {
    let created = image.time_created.map(|at| at.strftime("%Y-%m-%d").to_string()).unwrap_or_default();
    let name = image.display_name.as_deref().unwrap_or("newest build");
    if created.is_empty() { name.to_owned() } else { format!("{name} of {created}") }
}

/// Compares versions by their numbers: 10 is above 9.
fn compare_versions(one: &str, other: &str) -> Ordering {
    let numbers = |version: &str| -> Vec<u64> {
        version.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
    };
    numbers(one).cmp(&numbers(other)).then_with(|| one.cmp(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(id: &str, system: &str, version: &str, name: &str, day: &str, own: bool) -> Image {
        Image {
            id: id.to_owned(),
            operating_system: system.to_owned(),
            operating_system_version: version.to_owned(),
            display_name: Some(name.to_owned()),
            time_created: format!("2026-11-{day}T00:00:00Z").parse().ok(),
            compartment_id: own.then(|| "ocid1.compartment.oc1..a".to_owned()),
            lifecycle_state: ImageLifecycleState::Available,
            ..Image::default()
        }
    }

    #[test]
    fn each_system_has_its_newest_build_and_own_images_stay_apart() {
        let images = vec![
            image("old", "Oracle Linux", "9", "Oracle-Linux-9.5", "01", false),
            image("gpu", "Oracle Linux", "9", "Oracle-Linux-9.6-Gen2-GPU-2026", "03", false),
            image("new", "Oracle Linux", "9", "Oracle-Linux-9.6", "02", false),
            image("ten", "Oracle Linux", "10", "Oracle-Linux-10.0", "01", false),
            image("windows", "Windows", "Server 2022", "Windows", "01", false),
            image("mine", "Oracle Linux", "9", "golden", "09", true),
        ];
        let values = |present| -> Vec<String> {
            choices(images.clone(), &Shape::default(), present).0.into_iter().map(|one| one.value).collect()
        };
        assert_eq!(values(None), ["ten", "new", "windows", "mine"]);
        assert_eq!(values(Some("old")), ["old", "ten", "new", "windows", "mine"]);
        assert_eq!(choices(Vec::new(), &Shape::default(), None), (Vec::new(), None));
    }
}
