//! The HTTP face of OpenCredits: routes, handlers, errors.
