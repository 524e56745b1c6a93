//! Where a process dies. Each access to the ledger or the network is a point; the process dies at the one that the seed
//! chooses, before or after the access takes effect.

use std::{
    future::{pending, poll_fn},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Poll, Waker},
};

#[derive(Default)]
pub struct Fuse {
    points_left: AtomicU64,
    blown: AtomicBool,
    undertaker: Mutex<Option<Waker>>,
}

impl Fuse {
    /// Blows at this point, counted from 1; never at 0.
    pub fn at(point: u64) -> Self {
        Self { points_left: AtomicU64::new(point), ..Self::default() }
    }

    /// A point. A process that is dead, or dies here, never continues.
    pub async fn point(&self) {
        let alive = !self.blown.load(Ordering::Relaxed);
        if alive && self.points_left.load(Ordering::Relaxed) != 1 {
            let left = self.points_left.load(Ordering::Relaxed);
            self.points_left.store(left.saturating_sub(1), Ordering::Relaxed);
            return;
        }
        self.blown.store(true, Ordering::Relaxed);
        if let Some(waker) = self.undertaker.lock().unwrap().take() {
            waker.wake();
        }
        pending::<()>().await;
    }

    /// Returns when the process is dead.
    pub async fn blown(&self) {
        poll_fn(|context| {
            if self.blown.load(Ordering::Relaxed) {
                return Poll::Ready(());
            }
            *self.undertaker.lock().unwrap() = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}
