//! The memory of a launch of many instances against a region in another process.

use crate::Measured;
use crate::launches::launched;
use lab::served::Served;
use lab::size;
use lab::subjects::ROOMY;
use serde_json::json;

/// One run of each size, in a fresh region. A subnet has at most 65,533 addresses.
pub fn measure() -> Measured {
    let mut rows = Vec::new();
    for count in size([10_000, 60_000], [5, 10]) {
        let region = Served::start(&format!("speed: 30\n{ROOMY}"))?;
        let ran = launched(&region, count, &[])?;
        rows.push((count, ran.peak_mb));
        crate::say(&format!("{count} instances: {:.1} MB, {:.1} s", ran.peak_mb, ran.wall_s));
    }
    let [(few, least), .., (many, most)] = rows.as_slice() else { return Err("there are two sizes".into()) };
    let per_slot = (most - least) * 1024.0 * 1024.0 / f64::from(many - few);
    Ok(json!({
        "few": few, "many": many, "peak_mb_few": least, "peak_mb_many": most,
        "bytes_per_slot": per_slot, "reach_bytes_per_slot": 600.0,
    }))
}
