//! The sizes of flexible shapes (Oracle: "Compute Shapes", 2026).
//!
//! Shapes that the table lacks are not checked: the service decides, and new shapes appear.

use crate::output::text::amount;

/// The limits of one flexible shape.
#[derive(Debug)]
pub struct FlexShape {
    /// Its name.
    pub name: &'static str,
    /// The most OCPUs.
    pub max_ocpus: f64,
    /// The most memory, in GB.
    pub max_memory: f64,
    /// The only possible sizes, as (OCPUs, GB); empty if every size within the limits is valid.
    pub sizes: &'static [(f64, f64)],
}

/// The minimum memory per OCPU of a Standard or Optimized flexible shape in GB, and at least 1 GB in total.
const MIN_GB_PER_OCPU: f64 = 1.0;
/// The maximum memory per OCPU in GB, up to the shape's maximum.
const MAX_GB_PER_OCPU: f64 = 64.0;

const fn flex(name: &'static str, max_ocpus: f64, max_memory: f64) -> FlexShape {
    FlexShape { name, max_ocpus, max_memory, sizes: &[] }
}

/// The flexible shapes. E4 is listed with its extended memory, as ListShapes reports it.
pub const FLEX_SHAPES: &[FlexShape] = &[
    flex("VM.Standard.E3.Flex", 64.0, 1024.0),
    flex("VM.Standard.E4.Flex", 114.0, 1760.0),
    flex("VM.Standard.E5.Flex", 126.0, 1049.0),
    flex("VM.Standard.E6.Flex", 126.0, 1454.0),
    flex("VM.Standard3.Flex", 32.0, 512.0),
    flex("VM.Optimized3.Flex", 18.0, 256.0),
    flex("VM.Standard.A1.Flex", 76.0, 472.0),
    flex("VM.Standard.A2.Flex", 78.0, 946.0),
    flex("VM.Standard.A4.Flex", 45.0, 700.0),
    FlexShape {
        name: "VM.DenseIO.E4.Flex",
        max_ocpus: 32.0,
        max_memory: 512.0,
        sizes: &[(8.0, 128.0), (16.0, 256.0), (32.0, 512.0)],
    },
];

/// Whether the shape has no size of its own and needs a `shape_config`.
pub fn is_flexible(shape: &str) -> bool {
    shape.ends_with(".Flex")
}

/// The shape's row.
pub fn find_shape(shape: &str) -> Option<&'static FlexShape> {
    FLEX_SHAPES.iter().find(|row| row.name == shape)
}

/// The vCPUs per OCPU: one core on A1, otherwise two threads or two cores (Oracle: "Compute Shapes"). `None` for a shape that
/// is not listed here.
pub fn vcpus_per_ocpu(shape: &str) -> Option<i64> {
    find_shape(shape).map(|row| if row.name.contains(".A1.") { 1 } else { 2 })
}

/// Whether two sizes are equal; they are written with few digits.
fn same(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-6
}

/// The part of a size that is out of range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SizeError {
    /// The OCPUs, and their valid values.
    Ocpus(String),
    /// The memory, and its valid values.
    Memory(String),
}

impl SizeError {
    /// The valid values.
    pub fn text(&self) -> &str {
        let (Self::Ocpus(text) | Self::Memory(text)) = self;
        text
    }
}

/// Whether a shape has Arm processors: `VM.Standard.A1.Flex`, but not `VM.GPU.A10.1`.
pub fn is_arm(shape: &str) -> bool {
    let mut parts = shape.split('.').skip(1);
    let is_standard = parts.next() == Some("Standard");
    let number = parts.next().and_then(|part| part.strip_prefix('A'));
    is_standard && number.is_some_and(|number| number.starts_with(|digit: char| digit.is_ascii_digit()))
}

/// Checks that OCPUs are whole (OpenAPI of the Core Services: the bounds of an image's OCPUs are integers). A share of an OCPU is a
/// baseline of a burstable instance. Newer shapes than the table's may differ.
pub fn check_whole(shape: &str, ocpus: f64) -> Result<(), String> {
    if ocpus.fract() == 0.0 || find_shape(shape).is_none() {
        return Ok(());
    }
    let (below, above) = (ocpus.floor(), ocpus.ceil());
    let near = if below < 1.0 { format!("{above}") } else { format!("{below} or {above}") };
    Err(format!("{shape} takes whole OCPUs, such as {near}"))
}

impl FlexShape {
    /// Checks a size. Memory that is omitted, so that the service chooses it, is not checked.
    pub fn check(&self, ocpus: f64, memory: Option<f64>) -> Result<(), SizeError> {
        let name = self.name;
        if !self.sizes.is_empty() {
            let fits = self
                .sizes
                .iter()
                .any(|&(o, m)| same(o, ocpus) && memory.is_none_or(|memory| same(memory, m)));
            let all: Vec<String> = self.sizes.iter().map(|(o, m)| format!("{o} OCPUs with {m} GB")).collect();
            return if fits {
                Ok(())
            } else {
                Err(SizeError::Ocpus(format!("{name} comes as {}", all.join(", "))))
            };
        }
        if !(1.0..=self.max_ocpus).contains(&ocpus) {
            return Err(SizeError::Ocpus(format!("{name} has 1 to {} OCPUs", self.max_ocpus)));
        }
        check_whole(name, ocpus).map_err(SizeError::Ocpus)?;
        let least = (ocpus * MIN_GB_PER_OCPU).max(1.0);
        let most = (ocpus * MAX_GB_PER_OCPU).min(self.max_memory);
        match memory {
            Some(memory) if !(least..=most).contains(&memory) => Err(SizeError::Memory(format!(
                "{name} with {} takes {least} to {most} GB",
                amount(ocpus, "OCPU")
            ))),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_per_ocpu_and_by_the_shape() {
        let e4 = find_shape("VM.Standard.E4.Flex").unwrap();
        assert_eq!(e4.check(1.0, Some(6.0)), Ok(()));
        assert_eq!(e4.check(1.0, Some(64.0)), Ok(()));
        assert_eq!(e4.check(1.0, None), Ok(()));
        let error = |ocpus, memory| match e4.check(ocpus, Some(memory)) {
            Err(SizeError::Ocpus(text) | SizeError::Memory(text)) => text,
            Ok(()) => "good".to_owned(),
        };
        assert_eq!(error(1.0, 65.0), "VM.Standard.E4.Flex with 1 OCPU takes 1 to 64 GB");
        assert_eq!(error(8.0, 4.0), "VM.Standard.E4.Flex with 8 OCPUs takes 8 to 512 GB");
        assert_eq!(error(114.0, 2000.0), "VM.Standard.E4.Flex with 114 OCPUs takes 114 to 1760 GB");
        assert_eq!(error(0.5, 4.0), "VM.Standard.E4.Flex has 1 to 114 OCPUs");
    }

    #[test]
    fn ocpus_of_a_listed_shape_are_whole() {
        for row in FLEX_SHAPES.iter().filter(|row| row.sizes.is_empty()) {
            assert_eq!(row.check(2.0, None), Ok(()));
            let wanted = format!("{} takes whole OCPUs, such as 1 or 2", row.name);
            assert_eq!(row.check(1.5, Some(8.0)), Err(SizeError::Ocpus(wanted)));
        }
        assert_eq!(check_whole("VM.Standard.E9.Flex", 0.5), Ok(()), "the service decides");
    }

    #[test]
    fn dense_io_comes_in_three_sizes_only() {
        let dense = find_shape("VM.DenseIO.E4.Flex").unwrap();
        assert_eq!(dense.check(16.0, Some(256.0)), Ok(()));
        assert_eq!(
            dense.check(16.0, Some(128.0)),
            Err(SizeError::Ocpus(
                "VM.DenseIO.E4.Flex comes as 8 OCPUs with 128 GB, 16 OCPUs with 256 GB, 32 OCPUs with 512 GB"
                    .into()
            ))
        );
    }

    #[test]
    fn only_ampere_shapes_are_arm() {
        let arm = ["VM.Standard.A1.Flex", "VM.Standard.A2.Flex", "BM.Standard.A1.160"];
        let others =
            ["VM.Standard.E4.Flex", "VM.GPU.A10.1", "BM.GPU.A100-v2.8", "VM.Standard2.1", "nonsense"];
        assert!(arm.into_iter().all(is_arm) && !others.into_iter().any(is_arm));
    }

    #[test]
    fn an_unknown_shape_stays_open() {
        assert!(find_shape("VM.Standard.E9.Flex").is_none());
        assert!(is_flexible("VM.Standard.E9.Flex") && !is_flexible("VM.Standard2.1"));
    }
}
