//! The shapes: which of Oracle's parts each one is charged for, and in which amounts. Prices are in the list (`list.rs`).
//!
//! A shape that is not here has no known price. Sizes of bare metal are from Oracle, "Compute Shapes", and Oracle's cost
//! estimator (April 2026).

/// The parts that a shape is charged for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Charge {
    /// OCPUs and memory, each by their part.
    OcpuAndMemory(&'static str, &'static str),
    /// OCPUs, including memory.
    Ocpu(&'static str),
    /// GPUs, including everything.
    Gpu(&'static str),
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

/// Local NVMe drives that are charged separately, and the part of a TB-hour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Drives {
    /// TB for every 8 OCPUs.
    PerEightOcpus(f64, &'static str),
    /// TB of the shape.
    Whole(f64, &'static str),
}

/// One shape.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// The shape; a trailing `*` matches any digits.
    pub shape: &'static str,
    pub charge: Charge,
    pub size: Fixed,
    pub drives: Option<Drives>,
    /// Whether it is sold as preemptible (cost estimator, `allowPreemptible`, 2026-04).
    pub preemptible: bool,
}

impl Row {
    const fn new(shape: &'static str, charge: Charge, size: Fixed) -> Self {
        Self { shape, charge, size, drives: None, preemptible: false }
    }

    const fn preemptible(self) -> Self {
        Self { preemptible: true, ..self }
    }

    const fn with(self, drives: Drives) -> Self {
        Self { drives: Some(drives), ..self }
    }
}

const fn flex(shape: &'static str, ocpu: &'static str, memory: &'static str) -> Row {
    Row::new(shape, Charge::OcpuAndMemory(ocpu, memory), Fixed::Open)
}

const fn metal(shape: &'static str, ocpu: &'static str, memory: &'static str, ocpus: f64, gb: f64) -> Row {
    Row::new(shape, Charge::OcpuAndMemory(ocpu, memory), Fixed::Size { ocpus, gb })
}

const fn whole(shape: &'static str, ocpu: &'static str) -> Row {
    Row::new(shape, Charge::Ocpu(ocpu), Fixed::InTheName)
}

const fn gpu(shape: &'static str, part: &'static str) -> Row {
    Row::new(shape, Charge::Gpu(part), Fixed::InTheName)
}

/// The shape that is always free, twice in each tenancy.
pub(super) const ALWAYS_FREE: &str = "VM.Standard.E2.1.Micro";
/// The shape of which some hours are free in each tenancy and month.
pub(super) const FREE_HOURS: &str = "VM.Standard.A1.Flex";

/// Every known shape.
pub(super) const ROWS: &[Row] = &[
    flex("VM.Standard.E3.Flex", "B92306", "B92307").preemptible(),
    flex("VM.Standard.E4.Flex", "B93113", "B93114").preemptible(),
    flex("VM.Standard.E5.Flex", "B97384", "B97385").preemptible(),
    flex("VM.Standard.E6.Flex", "B111129", "B111130").preemptible(),
    flex("VM.Standard.E6.Ax.Flex", "B112530", "B112531"),
    flex("VM.Standard3.Flex", "B94176", "B94177").preemptible(),
    flex("VM.Standard4.Ax.Flex", "B112141", "B112142"),
    flex("VM.Optimized3.Flex", "B93311", "B93312").preemptible(),
    flex(FREE_HOURS, "B93297", "B93298").preemptible(),
    flex("VM.Standard.A2.Flex", "B109529", "B109530"),
    flex("VM.Standard.A4.Flex", "B112145", "B112146").preemptible(),
    flex("VM.Standard.A4.Ax.Flex", "B112532", "B112533"),
    flex("VM.DenseIO.E4.Flex", "B93121", "B93122").with(Drives::PerEightOcpus(6.8, "B93123")),
    flex("VM.DenseIO.E5.Flex", "B98202", "B98203").with(Drives::PerEightOcpus(6.8, "B98204")),
    // An eighth of an OCPU; the service counts it as 1.
    Row::new(ALWAYS_FREE, Charge::Ocpu("B91444"), Fixed::Size { ocpus: 1.0, gb: 1.0 }),
    whole("VM.Standard.E2.*", "B90425"),
    whole("VM.Standard1.*", "B88317"),
    whole("BM.Standard1.*", "B88315"),
    whole("VM.Standard.B1.*", "B91120"),
    whole("BM.Standard.B1.44", "B91119"),
    whole("VM.Standard2.*", "B88514").preemptible(),
    whole("BM.Standard2.52", "B88513"),
    whole("VM.DenseIO1.*", "B88516").preemptible(),
    whole("BM.DenseIO1.36", "B88515"),
    whole("VM.DenseIO2.*", "B88516").preemptible(),
    whole("BM.DenseIO2.52", "B88515"),
    whole("BM.HPC2.36", "B90398"),
    whole("BM.HPC.E5.144", "B96531"),
    metal("BM.Standard.E3.128", "B92306", "B92307", 128.0, 2048.0),
    metal("BM.Standard.E4.128", "B93113", "B93114", 128.0, 2048.0),
    metal("BM.Standard.E5.192", "B97384", "B97385", 192.0, 2304.0),
    metal("BM.Standard.E6.256", "B111129", "B111130", 256.0, 3072.0),
    metal("BM.Standard.E6.Ax.192", "B112530", "B112531", 192.0, 1536.0),
    metal("BM.Standard3.64", "B94176", "B94177", 64.0, 1024.0),
    metal("BM.Standard4.Ax.120", "B112141", "B112142", 120.0, 1152.0),
    metal("BM.Optimized3.36", "B93311", "B93312", 36.0, 512.0),
    metal("BM.Standard.A1.160", "B93297", "B93298", 160.0, 1024.0),
    metal("BM.Standard.A4.48", "B112145", "B112146", 48.0, 768.0),
    metal("BM.Standard.A4.Ax.48", "B112532", "B112533", 48.0, 768.0),
    metal("BM.DenseIO.E4.128", "B93121", "B93122", 128.0, 2048.0).with(Drives::Whole(54.4, "B93123")),
    metal("BM.DenseIO.E5.128", "B98202", "B98203", 128.0, 1536.0).with(Drives::Whole(81.6, "B98204")),
    gpu("VM.GPU2.*", "B88518").preemptible(),
    gpu("BM.GPU2.*", "B88518"),
    gpu("VM.GPU3.*", "B89734").preemptible(),
    gpu("BM.GPU3.*", "B89734"),
    gpu("BM.GPU4.8", "B92740"),
    gpu("VM.GPU.A10.*", "B95909"),
    gpu("BM.GPU.A10.4", "B95909"),
    gpu("BM.GPU.A100-v2.8", "B95907"),
    gpu("BM.GPU.H100.8", "B98415"),
    gpu("BM.GPU.H100T.8", "B109480"),
    gpu("BM.GPU.H200.8", "B110519"),
    gpu("BM.GPU.B200.8", "B110978"),
    gpu("BM.GPU.B300.8", "B112237"),
    gpu("BM.GPU.GB200.4", "B110979"),
    gpu("BM.GPU.GB300.4", "B112140"),
    gpu("BM.GPU.L40S.4", "B109479"),
    gpu("BM.GPU.MI300X.8", "B109485"),
    gpu("BM.GPU.MI355X.8", "B111758"),
];

/// A Windows licence that OCI provides: per OCPU-hour.
pub(super) const WINDOWS: &str = "B88318";
/// Boot volumes: per GB-month.
pub(super) const BOOT_VOLUME_GB_MONTH: &str = "B91961";
/// Boot volumes: per performance unit (VPU), GB and month.
pub(super) const BOOT_VOLUME_VPU_GB_MONTH: &str = "B91962";

/// The default performance of a boot volume: 10 VPUs per GB ("balanced").
pub(crate) const BOOT_VOLUME_VPUS: f64 = 10.0;
/// The default size of a boot volume, in GB.
pub(super) const BOOT_VOLUME_GB: f64 = 50.0;

/// Unused reserved capacity costs this fraction of the on-demand price (Oracle: "Capacity Reservations").
pub const UNUSED_RESERVATION: f64 = 0.85;
/// A preemptible instance costs this fraction of the on-demand price (Oracle: "Preemptible Instances").
pub(crate) const PREEMPTIBLE: f64 = 0.5;

impl Charge {
    /// The part numbers: of OCPUs or GPUs, then of memory.
    pub(super) fn parts(self) -> Vec<&'static str> {
        match self {
            Self::OcpuAndMemory(ocpu, memory) => vec![ocpu, memory],
            Self::Ocpu(part) | Self::Gpu(part) => vec![part],
        }
    }
}

impl Row {
    /// Every part number of the shape.
    pub(super) fn parts(&self) -> Vec<&'static str> {
        let drives = self.drives.map(|drives| match drives {
            Drives::PerEightOcpus(_, part) | Drives::Whole(_, part) => part,
        });
        self.charge.parts().into_iter().chain(drives).collect()
    }
}

/// Every part number that a price depends on.
pub(super) fn parts() -> impl Iterator<Item = &'static str> {
    let others = [WINDOWS, BOOT_VOLUME_GB_MONTH, BOOT_VOLUME_VPU_GB_MONTH];
    ROWS.iter().flat_map(Row::parts).chain(others)
}

/// The row of a shape.
pub(super) fn row(shape: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| match row.shape.strip_suffix('*') {
        _ if row.shape == shape => true,
        Some(start) => shape
            .strip_prefix(start)
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit())),
        None => false,
    })
}
