//! The kinds of secret keys: what each may do, and in which mode.

/// What follows the kind in the prefix of a key of test mode. No letter of a live key is `_`.
pub(crate) const TEST_MARK: &str = "test_";

/// Whether a key is for real money and real providers, or for trying things out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// Real credits and real providers.
    #[default]
    Live,
    /// Play credits and the sandbox.
    Test,
}

impl Mode {
    /// The mode that the prefix of a key names, whatever follows the prefix.
    #[must_use]
    pub fn of_key(text: &str) -> Self {
        let rest = text.strip_prefix("oc_").and_then(|rest| rest.split_once('_')).map(|(_, rest)| rest);
        if rest.is_some_and(|rest| rest.starts_with(TEST_MARK)) { Self::Test } else { Self::Live }
    }

    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }
}

/// A kind of secret key.
pub trait KeyKind {
    /// What every key of this kind begins with.
    const PREFIX: &'static str;
}

/// A kind of secret key with a counterpart in test mode.
pub trait LiveKind: KeyKind {
    /// The counterpart.
    type InTest: KeyKind;
}

/// Spends a person's balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spends {}

/// Manages a person's keys and reads their account, and spends nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manages {}

/// Reads a partner's own figures, and does nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reports {}

/// Stands for a signed-in browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignsIn {}

/// The same in test mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InTest<K>(K);

/// A key whose kind is no longer told: it can be shown to its owner and stored, and not be read from a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnyKind {}

impl KeyKind for Spends {
    const PREFIX: &'static str = "oc_sk_";
}

impl KeyKind for Manages {
    const PREFIX: &'static str = "oc_mk_";
}

impl KeyKind for Reports {
    const PREFIX: &'static str = "oc_rk_";
}

impl KeyKind for SignsIn {
    const PREFIX: &'static str = "oc_ses_";
}

impl KeyKind for InTest<Spends> {
    const PREFIX: &'static str = "oc_sk_test_";
}

impl KeyKind for InTest<Manages> {
    const PREFIX: &'static str = "oc_mk_test_";
}

impl KeyKind for InTest<Reports> {
    const PREFIX: &'static str = "oc_rk_test_";
}

impl<K: KeyKind> LiveKind for K
where
    InTest<K>: KeyKind,
{
    type InTest = InTest<K>;
}
