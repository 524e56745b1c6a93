//! The shapes that the region knows, and the families of hosts on which they run.
//!
//! The maxima of the flexible shapes are from Oracle's "Compute Shapes". The default memory of E4 (16 GB per OCPU) is
//! documented; that of other families and the sizes of hosts are likely or invented. Saved worlds refer to these tables by
//! position: append to them, but do not reorder them.

use serde::{Deserialize, Serialize};

/// A family: shapes that share hosts and service limits.
#[derive(Debug)]
pub(super) struct Family {
    /// Its name in service limits: `standard-e4`.
    pub name: &'static str,
    /// OCPUs of a host.
    pub ocpus: u32,
    /// Memory of a host, in GB.
    pub memory: u32,
    /// GPUs of a host. Families with GPUs have one limit, which counts GPUs.
    pub gpus: u32,
    /// The processor, as ListShapes describes it.
    pub processor: &'static str,
    /// Whether it is Arm.
    pub arm: bool,
    /// Default memory per OCPU of the flexible shape, in GB.
    pub default_memory: u32,
}

/// Families by their number.
pub(super) const FAMILIES: &[Family] = &[
    family("standard-e3", 128, 2048, 0, "2.25 GHz AMD EPYC™ 7742 (Rome)", 16),
    family("standard-e4", 128, 2048, 0, "2.55 GHz AMD EPYC™ 7J13 (Milan)", 16),
    family("standard-e5", 192, 2304, 0, "2.4 GHz AMD EPYC™ 9J14 (Genoa)", 12),
    family("standard-e6", 256, 3072, 0, "2.7 GHz AMD EPYC™ 9J45 (Turin)", 11),
    family("standard3", 64, 1024, 0, "2.6 GHz Intel® Xeon® Platinum 8358 (Ice Lake)", 16),
    family("optimized3", 36, 512, 0, "3.0 GHz Intel® Xeon® 6354 (Ice Lake)", 14),
    arm("standard-a1", 160, 1024, "3.0 GHz Ampere® Altra™", 6),
    arm("standard-a2", 156, 1920, "3.0 GHz AmpereOne®", 6),
    arm("standard-a4", 48, 768, "AmpereOne® M", 14),
    family("dense-io-e4", 128, 2048, 0, "2.55 GHz AMD EPYC™ 7J13 (Milan)", 16),
    family("standard2", 52, 768, 0, "2.0 GHz Intel® Xeon® Platinum 8167M (Skylake)", 15),
    family("standard-e2-micro", 64, 64, 0, "2.0 GHz AMD EPYC™ 7551 (Naples)", 1),
    family("gpu-a10", 64, 1024, 4, "2.6 GHz Intel® Xeon® Platinum 8358 (Ice Lake)", 16),
    family("gpu-a100-v2", 128, 2048, 8, "2.55 GHz AMD EPYC™ 7J13 (Milan)", 16),
    family("gpu-h100", 112, 2048, 8, "2.0 GHz Intel® Xeon® Platinum 8480+ (Sapphire Rapids)", 16),
    family("gpu-h200", 112, 3072, 8, "2.0 GHz Intel® Xeon® Platinum 8480+ (Sapphire Rapids)", 16),
    family("gpu-b200", 128, 4096, 8, "Intel® Xeon® Platinum 8592+ (Emerald Rapids)", 16),
    family("gpu-l40s", 112, 1024, 4, "2.0 GHz Intel® Xeon® Platinum 8480+ (Sapphire Rapids)", 16),
    family("gpu-mi300x", 112, 2048, 8, "2.0 GHz Intel® Xeon® Platinum 8480+ (Sapphire Rapids)", 16),
];

const fn family(
    name: &'static str,
    ocpus: u32,
    memory: u32,
    gpus: u32,
    processor: &'static str,
    default_memory: u32,
) -> Family {
    Family { name, ocpus, memory, gpus, processor, arm: false, default_memory }
}

const fn arm(name: &'static str, ocpus: u32, memory: u32, processor: &'static str, default: u32) -> Family {
    Family { name, ocpus, memory, gpus: 0, processor, arm: true, default_memory: default }
}

impl Family {
    /// The maker of its processor, as platform configs name it; none of Arm.
    pub fn maker(&self) -> Option<&'static str> {
        if self.arm {
            None
        } else if self.processor.contains("AMD") {
            Some("AMD")
        } else {
            Some("INTEL")
        }
    }

    /// The family with this name.
    pub fn find(name: &str) -> Option<u8> {
        FAMILIES.iter().position(|family| family.name == name).and_then(|at| u8::try_from(at).ok())
    }
}

/// How much of a host a shape uses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Size {
    /// The launch specifies the size up to these OCPUs and GB: at least 1 OCPU, and 1 to 64 GB per OCPU.
    Flexible { ocpus: u32, memory: u32 },
    /// One of these pairs of OCPUs and GB.
    OneOf(&'static [(u32, u32)]),
    /// Always these OCPUs, GB and GPUs.
    Fixed { ocpus: u32, memory: u32, gpus: u32 },
    /// A whole host.
    BareMetal,
}

/// A shape.
#[derive(Debug)]
pub(super) struct Shape {
    /// Its name: `VM.Standard.E4.Flex`.
    pub name: &'static str,
    /// Number of its family.
    pub family: u8,
    /// How much of a host it takes.
    pub size: Size,
    /// Whether its instances can be preemptible (Oracle: "Preemptible Instances", and Oracle's own launcher).
    pub preemptible: bool,
    /// Whether a launch can ask for a baseline below 100 %.
    pub burstable: bool,
    /// Whether it is billed while stopped (Oracle: "Resource Billing for Stopped Instances").
    pub billed_when_stopped: bool,
}

/// The number of a shape in [`SHAPES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct ShapeId(pub u16);

impl ShapeId {
    /// The shape with this name.
    pub fn find(name: &str) -> Option<Self> {
        SHAPES.iter().position(|shape| shape.name == name).and_then(|at| u16::try_from(at).ok()).map(Self)
    }

    /// The shape. An unknown number (from a damaged file) gives the first shape instead of a panic.
    pub fn get(self) -> &'static Shape {
        SHAPES.get(usize::from(self.0)).unwrap_or(&SHAPES[0])
    }

    /// All shapes.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..SHAPES.len() as u16).map(Self)
    }
}

impl Shape {
    /// Its family.
    pub fn family(&self) -> &'static Family {
        &FAMILIES[usize::from(self.family)]
    }

    /// Whether it is a whole machine.
    pub fn is_bare_metal(&self) -> bool {
        self.size == Size::BareMetal
    }

    /// Whether the launch specifies its size.
    pub fn is_flexible(&self) -> bool {
        matches!(self.size, Size::Flexible { .. } | Size::OneOf(_))
    }

    /// Its GPUs.
    pub fn gpus(&self) -> u32 {
        match self.size {
            Size::Fixed { gpus, .. } => gpus,
            Size::BareMetal => self.family().gpus,
            Size::Flexible { .. } | Size::OneOf(_) => 0,
        }
    }

    /// The OCPUs and GB if the launch does not specify them.
    pub fn default_size(&self) -> (u32, u32) {
        match self.size {
            Size::Flexible { .. } => (1, self.family().default_memory),
            Size::OneOf(sizes) => sizes.first().copied().unwrap_or((1, 1)),
            Size::Fixed { ocpus, memory, .. } => (ocpus, memory),
            Size::BareMetal => (self.family().ocpus, self.family().memory),
        }
    }

    /// Its ports and bandwidth in Gbps for RDMA, of a shape that can be in a cluster (Oracle: "Compute Shapes"; the ports of the three
    /// newest are likely).
    pub fn rdma(&self) -> Option<(i64, i64)> {
        Some(match self.name {
            "BM.Optimized3.36" => (1, 100),
            "BM.GPU.A100-v2.8" => (16, 1600),
            "BM.GPU.H100.8" => (16, 3200),
            "BM.GPU.H200.8" | "BM.GPU.B200.8" | "BM.GPU.MI300X.8" => (8, 3200),
            _ => return None,
        })
    }

    /// The local drives of an instance with this many OCPUs (Oracle: "Compute Shapes", VM.DenseIO.E4.Flex).
    pub fn drives(&self, ocpus: f64) -> u32 {
        if matches!(self.size, Size::OneOf(_)) { (ocpus / 8.0).round() as u32 } else { 0 }
    }

    /// Virtual CPUs for this many OCPUs: two per OCPU, but one on A1.
    pub fn vcpus(&self, ocpus: f64) -> i64 {
        let threads = if self.family().name == "standard-a1" { 1.0 } else { 2.0 };
        (ocpus * threads).round() as i64
    }
}

const DENSE_IO_SIZES: &[(u32, u32)] = &[(8, 128), (16, 256), (32, 512)];

const fn flex(
    name: &'static str,
    family: u8,
    ocpus: u32,
    memory: u32,
    preemptible: bool,
    burst: bool,
) -> Shape {
    let size = Size::Flexible { ocpus, memory };
    Shape { name, family, size, preemptible, burstable: burst, billed_when_stopped: false }
}

const fn fixed(name: &'static str, family: u8, ocpus: u32, memory: u32, gpus: u32) -> Shape {
    let size = Size::Fixed { ocpus, memory, gpus };
    Shape {
        name,
        family,
        size,
        preemptible: gpus == 0 && family == 10,
        burstable: false,
        billed_when_stopped: false,
    }
}

const fn metal(name: &'static str, family: u8, billed_when_stopped: bool) -> Shape {
    Shape { name, family, size: Size::BareMetal, preemptible: false, burstable: false, billed_when_stopped }
}

/// The shapes.
pub(super) const SHAPES: &[Shape] = &[
    flex("VM.Standard.E3.Flex", 0, 64, 1024, true, true),
    flex("VM.Standard.E4.Flex", 1, 64, 1024, true, true),
    flex("VM.Standard.E5.Flex", 2, 126, 1049, true, true),
    flex("VM.Standard.E6.Flex", 3, 126, 1454, true, true),
    flex("VM.Standard3.Flex", 4, 32, 512, true, true),
    flex("VM.Optimized3.Flex", 5, 18, 256, true, true),
    flex("VM.Standard.A1.Flex", 6, 76, 472, true, false),
    flex("VM.Standard.A2.Flex", 7, 78, 946, false, false),
    flex("VM.Standard.A4.Flex", 8, 45, 700, true, false),
    Shape {
        name: "VM.DenseIO.E4.Flex",
        family: 9,
        size: Size::OneOf(DENSE_IO_SIZES),
        preemptible: false,
        burstable: false,
        billed_when_stopped: true,
    },
    fixed("VM.Standard2.1", 10, 1, 15, 0),
    fixed("VM.Standard2.2", 10, 2, 30, 0),
    fixed("VM.Standard2.4", 10, 4, 60, 0),
    fixed("VM.Standard2.8", 10, 8, 120, 0),
    fixed("VM.Standard2.16", 10, 16, 240, 0),
    fixed("VM.Standard2.24", 10, 24, 320, 0),
    fixed("VM.Standard.E2.1.Micro", 11, 1, 1, 0),
    fixed("VM.GPU.A10.1", 12, 15, 240, 1),
    fixed("VM.GPU.A10.2", 12, 30, 480, 2),
    metal("BM.Standard.E3.128", 0, false),
    metal("BM.Standard.E4.128", 1, false),
    metal("BM.Standard.E5.192", 2, false),
    metal("BM.Standard.E6.256", 3, false),
    metal("BM.Standard3.64", 4, false),
    metal("BM.Optimized3.36", 5, true),
    metal("BM.Standard.A1.160", 6, false),
    metal("BM.Standard.A4.48", 8, false),
    metal("BM.DenseIO.E4.128", 9, true),
    metal("BM.Standard2.52", 10, false),
    metal("BM.GPU.A10.4", 12, true),
    metal("BM.GPU.A100-v2.8", 13, true),
    metal("BM.GPU.H100.8", 14, true),
    metal("BM.GPU.H200.8", 15, true),
    metal("BM.GPU.B200.8", 16, true),
    metal("BM.GPU.L40S.4", 17, true),
    metal("BM.GPU.MI300X.8", 18, true),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_fits_a_host_of_its_family() {
        for id in ShapeId::all() {
            let (shape, family) = (id.get(), id.get().family());
            let (ocpus, memory) = match shape.size {
                Size::Flexible { ocpus, memory } | Size::Fixed { ocpus, memory, .. } => (ocpus, memory),
                Size::OneOf(sizes) => sizes[sizes.len() - 1],
                Size::BareMetal => shape.default_size(),
            };
            assert!(ocpus <= family.ocpus && memory <= family.memory, "{}", shape.name);
            assert!(shape.gpus() <= family.gpus, "{}", shape.name);
            assert_eq!(ShapeId::find(shape.name), Some(id));
        }
    }
}
