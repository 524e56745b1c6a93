//! Which shapes continue to cost money while their instances are stopped (Oracle: "Resource Billing for Stopped
//! Instances").

/// Whether a stopped instance of this shape is still charged for its OCPUs, memory and GPUs; `None` if unknown. Boot volumes
/// are always charged. The value from ListShapes (`isBilledForStoppedInstance`) takes precedence.
pub fn bills_when_stopped(shape: &str) -> Option<bool> {
    let (kind, series) = shape.split_once('.')?;
    let metal = match kind {
        "VM" => false,
        "BM" => true,
        _ => return None,
    };
    if series.starts_with("Standard") {
        Some(false)
    } else if series.starts_with("Optimized") {
        Some(metal)
    } else if series.starts_with("GPU.A10.") && !metal {
        Some(false)
    } else if ["DenseIO", "HPC", "GPU"].iter().any(|family| series.starts_with(family)) {
        Some(true)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_instance_goes_on_costing_where_oracle_says_so() {
        for (shape, expected) in [
            ("VM.Standard.E4.Flex", Some(false)),
            ("BM.Standard.E4.128", Some(false)),
            ("VM.Optimized3.Flex", Some(false)),
            ("BM.Optimized3.36", Some(true)),
            ("VM.GPU.A10.2", Some(false)),
            ("BM.GPU.A10.4", Some(true)),
            ("BM.GPU.A100-v2.8", Some(true)),
            ("VM.DenseIO.E4.Flex", Some(true)),
            ("BM.HPC2.36", Some(true)),
            ("VM.Quantum1.Flex", None),
            ("nonsense", None),
        ] {
            assert_eq!(bills_when_stopped(shape), expected, "{shape}");
        }
    }
}
