//! The OpenCredits gateway.

fn main() {}
