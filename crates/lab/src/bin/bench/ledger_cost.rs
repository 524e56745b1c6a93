//! The cost of the ledger in a run: the same run with the ledger on disk and in memory, alternating.

use crate::Measured;
use crate::server::sign_in;
use fleet::{Environment, LaunchOptions, no_sink};
use lab::clock::Stopwatch;
use lab::served::Served;
use lab::subjects::{Ground, ROOMY};
use lab::{middle, size};
use ledger::{MemoryStore, SqliteStore, Store};
use oci_client::{Client, Endpoints, RequestCounts, SystemClock, transport::Https};
use serde_json::json;
use std::error::Error;
use std::io;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

pub fn measure() -> Measured {
    let (count, pairs) = (size(1000, 10), size(5, 1));
    // Beside the program, because a file system in memory would make the sync look too fast.
    let program = std::env::current_exe()?;
    let folder = tempfile::tempdir_in(program.parent().unwrap_or(&program))?;
    let (mut memory, mut disk, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for pair in 0..pairs {
        let on_disk = || -> Result<f64, Box<dyn Error>> {
            run(count, Arc::new(SqliteStore::open(&folder.path().join(pair.to_string()))?))
        };
        let in_memory = || run(count, Arc::new(MemoryStore::new()));
        // The first one may run on a colder machine.
        let (with, without) = if pair % 2 == 0 {
            let without = in_memory()?;
            (on_disk()?, without)
        } else {
            (on_disk()?, in_memory()?)
        };
        ratios.push(with / without);
        disk.push(with);
        memory.push(without);
    }
    Ok(json!({
        "instances": count, "pairs": pairs, "disk_s": middle(&mut disk), "memory_s": middle(&mut memory),
        "ratio": middle(&mut ratios), "all_ratios": ratios, "reach_ratio": 1.05,
    }))
}

/// The wall time of one unthrottled run in a fresh region, in seconds.
fn run(count: u32, store: Arc<dyn Store>) -> Result<f64, Box<dyn Error>> {
    let region = Served::start(ROOMY)?;
    let plan = ground(&region)?.plan(count)?;
    let requests = Arc::new(RequestCounts::default());
    let client =
        Client::builder(Endpoints::at(&format!("http://{}", region.address()))?, Arc::new(Https::new()?))
            .signer(Arc::new(sign_in(&region)?))
            .observer(requests.clone())
            .build();
    let env = Environment {
        client,
        requests: Some(requests),
        store,
        memory: None,
        clock: Arc::new(SystemClock),
        seed: 1,
    };
    let options = LaunchOptions { wait: false, ..LaunchOptions::default() };
    // As many threads as the program itself uses.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let watch = Stopwatch::start();
    let summary = runtime.block_on(fleet::launch(
        &env,
        env.new_run_id(),
        &plan,
        &options,
        no_sink(),
        CancellationToken::new(),
    ))?;
    let seconds = watch.seconds();
    if summary.launched != count {
        return Err(format!("{} of {count} were launched", summary.launched).into());
    }
    Ok(seconds)
}

/// The OCIDs for a fleet in a served region.
pub fn ground(region: &Served) -> io::Result<Ground> {
    Ok(Ground {
        tenancy: region.value("tenancy_ocid")?,
        compartment: region.value("compartment_id")?,
        subnet: region.value("subnet_id")?,
        image: region.value("image_id")?,
        availability_domain: "Uocm:PHX-AD-1".to_owned(),
    })
}
