//! Fixtures, doubles, a replay upstream and conformance suites, for tests.
