//! Signing in, on SQLite.

use crate::engines::Folder;
use opencredits_store::conformance::{self, NOW, user};
use opencredits_store::{CodeChallenge, CodeChallenges, Users};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_answers_at_once_no_two_take_the_same_attempt_and_one_spends() {
    let folder = Folder::new();
    let store = folder.open();
    store.add_user(&user(1)).await.unwrap();
    store.add_challenge(&CodeChallenge { attempts_left: 5, ..conformance::challenge(1) }).await.unwrap();
    let mut racing = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let store = store.clone();
        racing.spawn(async move {
            let taken = store.take_attempt(1, NOW).await.unwrap()?;
            Some((taken.attempts_left, store.spend_challenge(1).await.unwrap()))
        });
    }
    let took: Vec<_> = racing.join_all().await.into_iter().flatten().collect();
    let mut attempts: Vec<u8> = took.iter().map(|(left, _)| *left).collect();
    attempts.sort_unstable();
    attempts.dedup();
    assert_eq!(attempts.len(), took.len(), "{took:?}");
    assert_eq!(took.iter().filter(|(_, spent)| *spent).count(), 1, "{took:?}");
}
