//! Wire dialects of AI providers: requests, streams, metering, transport.
