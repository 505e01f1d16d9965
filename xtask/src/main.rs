//! The checks, benchmarks and end-to-end runs of the project.

fn main() {}
