//! Saves the world periodically and at the end.

use super::error::StartError;
use super::region::Region;
use super::save::{self, Hold, SaveError};
use super::threads::blocking;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The interval at which a changed world is saved.
const SAVE_EVERY: Duration = Duration::from_secs(10);

/// The task that saves, and the file that it writes.
#[derive(Debug)]
pub(super) struct Saver {
    path: PathBuf,
    region: Region,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
    _hold: Hold,
}

impl Saver {
    /// Saves at once, so that an unwritable file is found now and not at the end, and then periodically.
    pub async fn start(path: PathBuf, hold: Hold, region: Region) -> Result<Self, StartError> {
        save_once(&path, &region).await?;
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(save_now_and_then(path.clone(), region.clone(), stopped));
        Ok(Self { path, region, stop, task, _hold: hold })
    }

    /// Saves for the last time.
    pub async fn stop(self) -> Result<(), StartError> {
        // The task is asked to end rather than aborted, because its last write must end before the final one begins.
        let _ = self.stop.send(());
        self.task.await.map_err(|error| StartError::Broken(error.to_string()))?;
        save_once(&self.path, &self.region).await
    }
}

async fn save_now_and_then(path: PathBuf, region: Region, mut stopped: oneshot::Receiver<()>) {
    let mut saved = region.changes();
    loop {
        tokio::select! {
            _ = &mut stopped => return,
            () = tokio::time::sleep(SAVE_EVERY) => {}
        }
        let changes = region.changes();
        if changes == saved {
            continue;
        }
        match save_once(&path, &region).await {
            Ok(()) => saved = changes,
            Err(error) => tracing::warn!(%error, "the region is not saved"),
        }
    }
}

async fn save_once(path: &Path, region: &Region) -> Result<(), StartError> {
    let (path, region) = (path.to_owned(), region.clone());
    let saved = blocking(move || {
        let world = save::encode(&region.world()).map_err(|error| SaveError::Io {
            action: "encode the region for",
            path: path.clone(),
            source: error.into(),
        })?;
        save::save(&path, &world)
    });
    Ok(saved.await??)
}
