//! The size of a flexible shape: OCPUs and memory, within the range of the shape.

use super::asking::{Asking, Question};
use crate::args::InitArgs;
use crate::config::shapes::check_whole;
use crate::error::CommandError;
use crate::output::text::amount;
use fleet::price::Size;
use oci_api::models::Shape;

/// The OCPUs of a flexible shape unless the person says otherwise.
const OCPUS: f64 = 1.0;

/// The chosen shape and its size.
#[derive(Clone, Debug, Default)]
pub struct SizedShape {
    /// What the service says of the shape; only the name if it says nothing.
    pub shape: Shape,
    /// OCPUs and GB of a flexible shape.
    pub size: Option<(f64, f64)>,
    /// Whether the file says this size already.
    pub size_is_kept: bool,
}

/// What an existing file says.
#[derive(Clone, Debug, Default)]
pub struct PresentShape {
    /// The shape.
    pub shape: String,
    /// The size, as the question is answered.
    pub size: Option<String>,
    /// Whether it is also launched where the file says, so that the shape may be there although it is not listed.
    pub is_here: bool,
}

/// Chooses the size of a shape.
pub(super) async fn sized(
    asking: &mut Asking,
    args: &InitArgs,
    row: Shape,
    present: Option<&PresentShape>,
) -> Result<SizedShape, CommandError> {
    let same = present.filter(|present| present.shape == row.shape);
    // In full, so that it can be compared with the answer.
    let before = same.and_then(|same| same.size.as_deref()).and_then(|size| checked_size(&row, size).ok());
    let said = same.and_then(|same| same.size.as_deref()).and_then(parse_size).and_then(|(_, gb)| gb);
    let size = size(asking, args, &row, before.clone(), said).await?;
    let text = size.map(|(ocpus, gb)| format!("{ocpus}:{gb}"));
    let size_is_kept = same.is_some() && text == before;
    Ok(SizedShape { shape: row, size, size_is_kept })
}

/// The size that is proposed for a shape.
pub(super) fn default_size(row: &Shape) -> Size {
    if !is_flexible(row) {
        return Size { ocpus: row.ocpus, memory_gb: row.memory_in_gbs };
    }
    let least = row.ocpu_options.as_deref().and_then(|options| options.min).unwrap_or(OCPUS);
    let ocpus = OCPUS.max(least);
    Size { ocpus: Some(ocpus), memory_gb: Some(memory_for(row, ocpus)) }
}

/// The memory that a flexible shape has for these OCPUs if a launch does not say.
fn memory_for(row: &Shape, ocpus: f64) -> f64 {
    let options = row.memory_options.as_deref();
    let default = options.and_then(|options| options.default_per_ocpu_in_gbs).map(|gb| gb * ocpus);
    let of_row = row.memory_in_gbs.zip(row.ocpus).map(|(gb, of)| gb / of * ocpus);
    let most = options.and_then(|options| options.max_in_gbs).unwrap_or(f64::INFINITY);
    default.or(of_row).unwrap_or(6.0 * ocpus).min(most)
}

/// Whether the size of a shape has to be chosen.
fn is_flexible(row: &Shape) -> bool {
    row.is_flexible.unwrap_or(false) || row.ocpu_options.is_some() || row.shape.ends_with(".Flex")
}

/// Chooses the size of a flexible shape in one answer: OCPUs and, if they differ from the default, GB of memory. `memory` is what an
/// existing file says, which an answer without GB leaves as it is.
async fn size(
    asking: &mut Asking,
    args: &InitArgs,
    row: &Shape,
    present: Option<String>,
    memory: Option<f64>,
) -> Result<Option<(f64, f64)>, CommandError> {
    if !is_flexible(row) {
        return match args.ocpus.or(args.memory) {
            Some(_) => Err(CommandError::usage(
                format!("{} has a fixed size", row.shape),
                "remove --ocpus and --memory, or choose a shape whose name ends in .Flex",
            )),
            None => Ok(None),
        };
    }
    let before = present.as_deref().and_then(parse_size).map_or(OCPUS, |(ocpus, _)| ocpus);
    let given = args.ocpus.or(args.memory.map(|_| before));
    let given = given.map(|ocpus| match args.memory {
        Some(memory) => format!("{ocpus}:{memory}"),
        None => ocpus.to_string(),
    });
    let question = Question {
        what: "size, OCPUs:GB",
        flag: "--ocpus",
        given: given.as_deref(),
        kinds: &[],
        is_complete: true,
    };
    let default = default_size(row);
    let default = default.ocpus.zip(default.memory_gb).map(|(ocpus, gb)| format!("{ocpus}:{gb}"));
    let default = present.or(default);
    let chosen = asking.text(question, default, &|text| size_beside(row, text, memory)).await?;
    Ok(parse_size(&chosen).and_then(|(ocpus, gb)| Some((ocpus, gb?))))
}

fn parse_size(text: &str) -> Option<(f64, Option<f64>)> {
    let mut parts = text.split([':', ' ', ',', 'x']).filter(|part| !part.is_empty());
    let number = |part: &str| part.parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0);
    let ocpus = number(parts.next()?)?;
    let gb = match parts.next() {
        Some(part) => Some(number(part)?),
        None => None,
    };
    parts.next().is_none().then_some((ocpus, gb))
}

/// A size as [`checked_size`] takes it; without GB, it has those that the file says.
fn size_beside(row: &Shape, text: &str, memory: Option<f64>) -> Result<String, String> {
    let (Some((ocpus, None)), Some(gb)) = (parse_size(text), memory) else { return checked_size(row, text) };
    checked_size(row, &format!("{ocpus}:{gb}")).map_err(|wrong| match checked_size(row, text) {
        // With other memory, these OCPUs would do.
        Ok(_) => format!("{wrong}; the file says {gb} GB, so give both (`2:16`, or --ocpus and --memory)"),
        Err(own) => own,
    })
}

/// A size within the range of the shape, written in full.
fn checked_size(row: &Shape, text: &str) -> Result<String, String> {
    let (ocpus, gb) = parse_size(text).ok_or("expected OCPUs, or OCPUs and GB as in `2:16`".to_owned())?;
    let within = |value: f64, least: Option<f64>, most: Option<f64>, unit: &str| {
        let (least, most) = (least.unwrap_or(0.0), most.unwrap_or(f64::INFINITY));
        if (least..=most).contains(&value) {
            Ok(())
        } else {
            Err(format!("{} takes {least} to {most} {unit}", row.shape))
        }
    };
    if let Some(options) = row.ocpu_options.as_deref() {
        within(ocpus, options.min, options.max, "OCPUs")?;
    }
    check_whole(&row.shape, ocpus)?;
    let gb = gb.unwrap_or_else(|| memory_for(row, ocpus));
    if let Some(options) = row.memory_options.as_deref() {
        within(gb, options.min_in_gbs, options.max_in_gbs, "GB")?;
        let each = |gb: Option<f64>| gb.map(|gb| gb * ocpus);
        let unit = format!("GB with {}", amount(ocpus, "OCPU"));
        within(gb, each(options.min_per_ocpu_in_gbs), each(options.max_per_ocpu_in_gbs), &unit)?;
    }
    Ok(format!("{ocpus}:{gb}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use oci_api::models::{ShapeMemoryOptions, ShapeOcpuOptions};

    fn flexible() -> Shape {
        let ocpus = ShapeOcpuOptions { min: Some(1.0), max: Some(64.0), ..ShapeOcpuOptions::default() };
        let memory = ShapeMemoryOptions {
            min_in_gbs: Some(1.0),
            max_in_gbs: Some(1024.0),
            default_per_ocpu_in_gbs: Some(16.0),
            min_per_ocpu_in_gbs: Some(1.0),
            max_per_ocpu_in_gbs: Some(64.0),
            ..ShapeMemoryOptions::default()
        };
        Shape {
            shape: "VM.Standard.E4.Flex".to_owned(),
            ocpu_options: Some(Box::new(ocpus)),
            memory_options: Some(Box::new(memory)),
            ..Shape::default()
        }
    }

    #[test]
    fn a_size_is_kept_within_the_range_of_the_shape() {
        let size = |text: &str| checked_size(&flexible(), text);
        assert_eq!(size("2"), Ok("2:32".to_owned()), "the shape's own memory");
        assert_eq!(size("1:6"), Ok("1:6".to_owned()));
        assert_eq!(size("2 16"), Ok("2:16".to_owned()));
        for wrong in ["", "0", "-1", "a", "1:2:3", "1:", "NaN", "65", "1:65", "4:3", "inf", "1.5:8"] {
            let wanted = if wrong == "1:" { Ok("1:16".to_owned()) } else { Err(()) };
            assert_eq!(size(wrong).map_err(drop), wanted, "{wrong}");
        }
    }

    #[test]
    fn ocpus_alone_leave_the_memory_that_a_file_says() {
        let size = |text: &str, memory| size_beside(&flexible(), text, memory);
        assert_eq!(size("2", Some(8.0)), Ok("2:8".to_owned()));
        assert_eq!(size("2:20", Some(8.0)), Ok("2:20".to_owned()));
        assert_eq!(size("2", None), Ok("2:32".to_owned()), "the shape's own memory");
        let wrong = size("16", Some(8.0)).unwrap_err();
        assert!(wrong.contains("takes 16 to 1024 GB with 16 OCPUs; the file says 8 GB"), "{wrong}");
        for other in ["1.5", "65", "0.5"] {
            let wrong = size(other, Some(8.0)).unwrap_err();
            assert!(!wrong.contains("the file says"), "{other}: {wrong}");
        }
    }
}
