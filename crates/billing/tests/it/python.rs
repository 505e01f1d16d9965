//! What the double says and is told, held against what Stripe publishes.
