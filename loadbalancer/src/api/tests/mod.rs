//! Requests over real sockets to a fake daemon.

mod opening;
mod pages;
mod routes;
