//! HTTP and JSON on a Unix socket, and a read-only listener on TCP.
