//! The operator's command line of OpenCredits.

fn main() {}
