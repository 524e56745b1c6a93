//! Says what a command waits for once that takes longer than some seconds.

use crate::output::console;
use crate::session::Session;
use crate::tuning::{WAIT_IS_TOLD, WAIT_IS_TOLD_AGAIN};
use tokio::time::Instant;

/// Awaits something, and says what it is if it takes longer.
pub async fn telling<T>(session: &Session, what: &str, work: impl Future<Output = T>) -> T {
    let say = |waited_s: u64| {
        tracing::info!(what, waited_s, "still waiting");
        if !session.is_quiet() {
            console::line(&format!("waiting for {waited_s} s: {what}"));
        }
    };
    saying(say, work).await
}

async fn saying<T>(say: impl Fn(u64), work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    let began = Instant::now();
    let mut next = WAIT_IS_TOLD;
    loop {
        tokio::select! {
            biased;
            answer = &mut work => return answer,
            () = tokio::time::sleep_until(began + next) => {
                say(next.as_secs());
                next += WAIT_IS_TOLD_AGAIN;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::time::Duration;

    async fn told_of(work: Duration) -> Vec<u64> {
        let told = RefCell::new(Vec::new());
        let answer = saying(|waited| told.borrow_mut().push(waited), async {
            tokio::time::sleep(work).await;
            7
        });
        assert_eq!(answer.await, 7);
        told.into_inner()
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_long_wait_is_told_and_told_again() {
        assert_eq!(told_of(Duration::from_secs(4)).await, [0; 0]);
        assert_eq!(told_of(Duration::from_secs(70)).await, [5, 35, 65]);
    }
}
