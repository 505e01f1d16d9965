//! The use cases of OpenCredits, without HTTP and without SQL.
