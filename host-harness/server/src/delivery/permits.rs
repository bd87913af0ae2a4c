//! May a mail still go? Asked before each try: what was allowed when it was made may be no more.

use std::collections::HashMap;

use async_trait::async_trait;
use std::sync::{Mutex, PoisonError};
use tokio::sync::oneshot;

use scheduled_exports_store::StorageError;

/// Knows which mails may still go.
#[async_trait]
pub trait Permits: Send + Sync {
    /// Those of these mails that nobody gets any more, and why. The answer holds for this moment: whoever asks tries at once, and
    /// asks again before the next try.
    ///
    /// # Errors
    /// Where that can't be found out. Nothing is tried then.
    async fn withheld(&self, mails: &[u64]) -> Result<HashMap<u64, String>, StorageError>;
}

/// Lets every mail go: for a transport that is tried by itself.
#[derive(Clone, Copy, Debug)]
pub struct Everything;

#[async_trait]
impl Permits for Everything {
    async fn withheld(&self, _mails: &[u64]) -> Result<HashMap<u64, String>, StorageError> {
        Ok(HashMap::new())
    }
}

type Waiting = (u64, oneshot::Sender<Option<String>>);

/// Asks one question at a time, about all mails that somebody wants to know of when it begins.
pub(super) struct Desk<'a> {
    permits: &'a dyn Permits,
    waiting: Mutex<Vec<Waiting>>,
    asking: tokio::sync::Mutex<()>,
}

impl<'a> Desk<'a> {
    pub(super) fn new(permits: &'a dyn Permits) -> Self {
        Self {
            permits,
            waiting: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        }
    }

    /// Why nobody gets this mail any more; none: it may go. Found out after this was called.
    pub(super) async fn withheld(&self, mail: u64) -> Result<Option<String>, StorageError> {
        let (tell, mut told) = oneshot::channel();
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((mail, tell));
        let _turn = self.asking.lock().await;
        if let Ok(answer) = told.try_recv() {
            return Ok(answer);
        }
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let mut mails: Vec<u64> = waiting.iter().map(|(mail, _)| *mail).chain([mail]).collect();
        mails.sort_unstable();
        mails.dedup();
        let withheld = self.permits.withheld(&mails).await?;
        for (other, tell) in waiting {
            // Who does not wait any more has been dropped.
            let _ = tell.send(withheld.get(&other).cloned());
        }
        Ok(withheld.get(&mail).cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;
    use tokio::sync::Semaphore;

    /// Withholds mail 2, and answers one question for each permit.
    struct Gated {
        asked: Mutex<Vec<Vec<u64>>>,
        open: Semaphore,
        fails: bool,
    }

    #[async_trait]
    impl Permits for Gated {
        async fn withheld(&self, mails: &[u64]) -> Result<HashMap<u64, String>, StorageError> {
            self.asked.lock().unwrap().push(mails.to_vec());
            self.open.acquire().await.unwrap().forget();
            if self.fails {
                return Err(StorageError::Unavailable("for the test".to_owned()));
            }
            Ok(HashMap::from([(2, "gone".to_owned())]))
        }
    }

    fn gated(permits: usize, fails: bool) -> Gated {
        Gated {
            asked: Mutex::default(),
            open: Semaphore::new(permits),
            fails,
        }
    }

    #[tokio::test]
    async fn who_asks_while_a_question_is_under_way_shares_the_next_one() {
        let permits = gated(0, false);
        let desk = Desk::new(&permits);
        let asking = join_all([1, 2, 2, 3].map(|mail| desk.withheld(mail)));
        let opening = async {
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            permits.open.add_permits(2);
        };
        let (answers, ()) = tokio::join!(asking, opening);
        let answers: Vec<Option<String>> = answers.into_iter().map(Result::unwrap).collect();
        let gone = Some("gone".to_owned());
        assert_eq!(answers, [None, gone.clone(), gone, None]);
        // The first began before the others had come.
        assert_eq!(*permits.asked.lock().unwrap(), [vec![1], vec![2, 3]]);
    }

    #[tokio::test]
    async fn who_shared_a_question_that_failed_asks_again() {
        let permits = gated(9, true);
        let desk = Desk::new(&permits);
        let answers = join_all([1, 2, 3].map(|mail| desk.withheld(mail))).await;
        assert!(answers.iter().all(Result::is_err), "{answers:?}");
    }
}
