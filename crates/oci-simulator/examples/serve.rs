//! Runs a simulated region until Ctrl-C: `serve [HOME] [SCENARIO] [LISTEN]`.

use oci_simulator::scenario::Scenario;
use oci_simulator::server::{Options, start};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let home = arguments.next().unwrap_or_else(|| ".oci-sim".into());
    let scenario = Scenario::load(&arguments.next().unwrap_or_else(|| "roomy".into()))?;
    let mut options = Options { home: Some(home.into()), scenario, ..Options::default() };
    if let Some(listen) = arguments.next() {
        options.listen = listen.parse()?;
    }
    let running = start(options).await?;
    {
        use std::io::Write;
        writeln!(std::io::stdout(), "listening on {}", running.endpoint())?;
    }
    tokio::signal::ctrl_c().await?;
    running.shutdown().await?;
    Ok(())
}
