//! Make, parse, hash and compare the secrets of OpenCredits.
