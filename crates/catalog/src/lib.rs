//! Which models exist, what they cost, and how a usage is priced.
