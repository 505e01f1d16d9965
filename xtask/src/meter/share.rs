//! A share, as an argument.

use std::str::FromStr;

/// A part of all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Share {
    pub(super) percent: f64,
}

impl FromStr for Share {
    type Err = String;

    /// Below one it is a fraction, unless a percent sign follows.
    fn from_str(text: &str) -> Result<Self, String> {
        let bare = text.trim_end_matches('%').trim_end();
        let number = bare.parse::<f64>().ok().filter(|number| (0.0..=100.0).contains(number));
        let number = number.ok_or_else(|| format!("{text} is no share; write 15, 15% or 0.15"))?;
        let fraction = bare.len() == text.len() && number < 1.0;
        Ok(Self { percent: if fraction { number * 100.0 } else { number } })
    }
}
