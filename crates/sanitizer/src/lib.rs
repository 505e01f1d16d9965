//! What may cross the gateway, each way.
