//! The price list: data and sources, nothing else. It is the only file to change when Oracle changes a price.
//!
//! US dollars, pay as you go, one list for all commercial regions. A shape that is not listed has no known price.

/// The day on which the list was last compared with its sources.
pub const AS_OF: &str = "2026-08-04";

/// The sources of the prices.
pub const SOURCE: &str = "Oracle price list (USD, pay as you go); rates of shapes as in oracle/karpenter-provider-oci, \
                          oci-shape-meta.json (2026-04)";

/// How a shape is charged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Rate {
    /// US dollars per OCPU-hour, and per GB of memory and hour.
    OcpuAndMemory { ocpu: f64, gb: f64 },
    /// US dollars per OCPU-hour, including memory.
    Ocpu(f64),
    /// US dollars per GPU-hour, including everything.
    Gpu(f64),
}

/// The OCPUs, memory in GB or GPUs of an instance whose shape has a fixed size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fixed {
    /// The user chooses the size (or ListShapes states it).
    Open,
    /// This many OCPUs and GB.
    Size { ocpus: f64, gb: f64 },
    /// The number at the end of the shape's name, which counts OCPUs or GPUs.
    InTheName,
}

/// One line of the list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// The shape; a trailing `*` matches any digits.
    pub shape: &'static str,
    pub rate: Rate,
    pub size: Fixed,
    /// Local NVMe drives: TB per 8 OCPUs, and US dollars per TB-hour.
    pub nvme: Option<(f64, f64)>,
    /// Oracle's part numbers: OCPU, memory.
    pub parts: &'static [&'static str],
}

const fn flex(shape: &'static str, ocpu: f64, gb: f64, parts: &'static [&'static str]) -> Row {
    Row { shape, rate: Rate::OcpuAndMemory { ocpu, gb }, size: Fixed::Open, nvme: None, parts }
}

const fn metal(
    shape: &'static str,
    ocpu: f64,
    gb: f64,
    size: (f64, f64),
    parts: &'static [&'static str],
) -> Row {
    let size = Fixed::Size { ocpus: size.0, gb: size.1 };
    Row { shape, rate: Rate::OcpuAndMemory { ocpu, gb }, size, nvme: None, parts }
}

const fn gpu(shape: &'static str, each: f64) -> Row {
    Row { shape, rate: Rate::Gpu(each), size: Fixed::InTheName, nvme: None, parts: &[] }
}

/// Every known price. Sizes of bare metal are from Oracle, "Compute Shapes".
pub(super) const ROWS: &[Row] = &[
    flex("VM.Standard.E3.Flex", 0.025, 0.0015, &["B92306", "B92307"]),
    flex("VM.Standard.E4.Flex", 0.025, 0.0015, &["B93113", "B93114"]),
    flex("VM.Standard.E5.Flex", 0.03, 0.002, &["B97384", "B97385"]),
    flex("VM.Standard.E6.Flex", 0.03, 0.002, &["B111129", "B111130"]),
    flex("VM.Standard3.Flex", 0.04, 0.0015, &["B94176", "B94177"]),
    flex("VM.Optimized3.Flex", 0.054, 0.0015, &["B93311", "B93312"]),
    flex("VM.Standard.A1.Flex", 0.01, 0.0015, &["B93297", "B93298"]),
    flex("VM.Standard.A2.Flex", 0.014, 0.002, &["B109529", "B109530"]),
    // Oracle's part numbers for A4 are likely, but not confirmed.
    flex("VM.Standard.A4.Flex", 0.0138, 0.0027, &["B112145", "B112146"]),
    Row {
        // The unit of the drives' price (TB-hour) is likely, but not confirmed. 6.8 TB per drive: "Compute Shapes".
        nvme: Some((6.8, 0.0612)),
        ..flex("VM.DenseIO.E4.Flex", 0.025, 0.0015, &["B93121", "B93122"])
    },
    Row {
        shape: "VM.Standard2.*",
        rate: Rate::Ocpu(0.0638),
        size: Fixed::InTheName,
        nvme: None,
        parts: &["B88514"],
    },
    gpu("VM.GPU.A10.*", 2.0),
    gpu("BM.GPU.A10.4", 2.0),
    gpu("BM.GPU.A100-v2.8", 4.0),
    gpu("BM.GPU.H100.8", 10.0),
    gpu("BM.GPU.H200.8", 10.0),
    gpu("BM.GPU.B200.8", 14.0),
    gpu("BM.GPU.L40S.4", 3.5),
    gpu("BM.GPU.MI300X.8", 6.0),
    metal("BM.Standard.E4.128", 0.025, 0.0015, (128.0, 2048.0), &["B93113", "B93114"]),
    metal("BM.Standard.E5.192", 0.03, 0.002, (192.0, 2304.0), &["B97384", "B97385"]),
    metal("BM.Standard.E6.256", 0.03, 0.002, (256.0, 3072.0), &["B111129", "B111130"]),
    metal("BM.Standard3.64", 0.04, 0.0015, (64.0, 1024.0), &["B94176", "B94177"]),
    metal("BM.Standard.A1.160", 0.01, 0.0015, (160.0, 1024.0), &["B93297", "B93298"]),
    flex("BM.Standard.A4.48", 0.0138, 0.0027, &["B112145", "B112146"]),
];

/// Boot volumes: US dollars per GB-month.
pub(super) const BOOT_VOLUME_GB_MONTH: f64 = 0.0255;
/// Boot volumes: US dollars per performance unit (VPU), GB and month.
pub(super) const BOOT_VOLUME_VPU_GB_MONTH: f64 = 0.0017;
/// The default performance of a boot volume: 10 VPUs per GB ("balanced").
pub(crate) const BOOT_VOLUME_VPUS: f64 = 10.0;
/// The default size of a boot volume, in GB.
pub(super) const BOOT_VOLUME_GB: f64 = 50.0;
/// Hours in a month for converting prices per month (8,760 / 12).
pub(super) const HOURS_IN_A_MONTH: f64 = 730.0;

/// Unused reserved capacity costs this fraction of the on-demand price (Oracle: "Capacity Reservations").
pub const UNUSED_RESERVATION: f64 = 0.85;
/// A preemptible instance costs this fraction of the on-demand price (Oracle: "Preemptible Instances").
pub(crate) const PREEMPTIBLE: f64 = 0.5;
