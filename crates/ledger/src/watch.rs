//! Who is told of commits.

/// Is told when the writing of a commit begins and when it has ended. The ledger has no clock: who is told measures.
pub trait CommitWatch: Send + Sync {
    /// The writing of a batch begins, its flush included.
    fn begins(&self);
    /// It has ended, whether it succeeded or not.
    fn ended(&self);
}
