//! `http`: a GET over HTTP/1.1; healthy when the status is 200 to 399.
//!
//! The status decides. What follows is read as far as it comes at once, so that a server of small
//! answers can finish writing, and thrown away; then the connection closes with RST.

use std::{net::SocketAddr, pin::pin, time::Duration};

use futures_util::future::{Either, select};
use http_body_util::{BodyExt, Empty};
use hyper::{
    Request,
    body::{Bytes, Incoming},
    client::conn::http1,
    header,
};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::{
    check::{Check, CheckFailure, CheckFuture},
    tcp::connect,
};

/// Longest head of an answer that is read, in bytes.
const MAX_HEAD: usize = 64 * 1024;
/// Bytes of a body that are read before the connection closes.
const MAX_BODY: usize = 16 * 1024;
/// Time that a body is read for before the connection closes.
const BODY_TIME: Duration = Duration::from_millis(20);

/// Asks for a path by GET.
pub(crate) struct Http {
    path: String,
    host: Option<String>,
}

impl Http {
    /// Asks for `path`, of `host` where it is not the backend's own address.
    pub(crate) fn new(path: &str, host: Option<&str>) -> Self {
        Self { path: path.to_owned(), host: host.map(ToOwned::to_owned) }
    }

    fn request(&self, target: SocketAddr) -> Result<Request<Empty<Bytes>>, CheckFailure> {
        // Without the scope of a link-local address, which means nothing to the server.
        let own = || SocketAddr::new(target.ip(), target.port()).to_string();
        Request::get(&self.path)
            .header(header::HOST, self.host.clone().unwrap_or_else(own))
            .header(header::USER_AGENT, concat!("loadbalancer/", env!("CARGO_PKG_VERSION")))
            .header(header::ACCEPT, "*/*")
            .header(header::CONNECTION, "close")
            .body(Empty::new())
            .map_err(|error| CheckFailure::Unasked(error.to_string()))
    }

    async fn ask(&self, target: SocketAddr) -> Result<(), CheckFailure> {
        let request = self.request(target)?;
        let stream = TokioIo::new(connect(target).await?);
        let (mut sender, connection) =
            http1::Builder::new().max_buf_size(MAX_HEAD).handshake(stream).await?;
        let exchange = pin!(async move {
            let answer = sender.send_request(request).await?;
            let status = answer.status().as_u16();
            let read = timeout(BODY_TIME, read_some(answer.into_body())).await;
            drop(read); // also an unfinished or broken body follows a status that counts
            Ok::<u16, hyper::Error>(status)
        });
        let status = match select(exchange, pin!(connection)).await {
            Either::Left((status, _)) => status?,
            Either::Right((_, exchange)) => exchange.await?,
        };
        if (200..400).contains(&status) { Ok(()) } else { Err(CheckFailure::Status(status)) }
    }
}

impl Check for Http {
    fn kind(&self) -> &'static str {
        "http"
    }

    fn check(&self, target: SocketAddr) -> CheckFuture<'_> {
        Box::pin(self.ask(target))
    }
}

async fn read_some(mut body: Incoming) {
    let mut length = 0;
    while let Some(Ok(frame)) = body.frame().await {
        length += frame.data_ref().map_or(0, Bytes::len);
        if length > MAX_BODY {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        task::JoinHandle,
    };

    use super::*;

    /// A server that answers one request with `answer` and then hangs up; it returns the request.
    async fn server(answer: &'static str) -> (SocketAddr, JoinHandle<String>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(request).unwrap()
        });
        (address, served)
    }

    async fn outcome(answer: &'static str) -> Result<(), String> {
        let (address, _served) = server(answer).await;
        Http::new("/healthz", None).check(address).await.map_err(|failure| failure.to_string())
    }

    #[tokio::test]
    async fn status_200_to_399_is_healthy() {
        assert_eq!(outcome("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await, Ok(()));
        assert_eq!(outcome("HTTP/1.1 204 No Content\r\n\r\n").await, Ok(()));
        assert_eq!(outcome("HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n").await, Ok(()));
        assert_eq!(outcome("HTTP/1.0 200 OK\r\n\r\nuntil the end").await, Ok(()));
    }

    #[tokio::test]
    async fn another_status_is_told() {
        let missing = outcome("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await;
        assert_eq!(missing, Err("HTTP status 404".to_owned()));
        let broken = outcome("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n").await;
        assert_eq!(broken, Err("HTTP status 503".to_owned()));
    }

    #[tokio::test]
    async fn what_is_not_http_is_told() {
        let greeting = outcome("220 mail.example ESMTP\r\n").await;
        assert_eq!(greeting, Err("answer is not HTTP/1.1".to_owned()));
        let nothing = outcome("").await;
        assert_eq!(nothing, Err("connection closed without an answer".to_owned()));
    }

    #[tokio::test]
    async fn a_body_that_never_ends_does_not_hold_the_check() {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nthe beginning";
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            let mut rest = Vec::new();
            // Ends only when the check closes its connection.
            stream.read_to_end(&mut rest).await
        });
        assert!(Http::new("/", None).check(address).await.is_ok());
        let closed = timeout(Duration::from_secs(5), server).await.unwrap().unwrap();
        assert_eq!(closed.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    }

    #[tokio::test]
    async fn request_is_http_1_1_with_host_and_close() {
        let ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        let (address, served) = server(ok).await;
        Http::new("/a?b=c", None).check(address).await.unwrap();
        let version = env!("CARGO_PKG_VERSION");
        let expected = format!(
            "GET /a?b=c HTTP/1.1\r\nhost: {address}\r\nuser-agent: loadbalancer/{version}\r\n\
             accept: */*\r\nconnection: close\r\n\r\n"
        );
        assert_eq!(served.await.unwrap(), expected);

        let (address, served) = server(ok).await;
        Http::new("/", Some("www.example.com")).check(address).await.unwrap();
        assert!(served.await.unwrap().contains("\r\nhost: www.example.com\r\n"));
    }

    #[tokio::test]
    async fn a_path_that_cannot_be_asked_says_nothing_of_the_backend() {
        let failure = Http::new("not a path", None).check(([127, 0, 0, 1], 9).into()).await;
        assert!(!failure.unwrap_err().is_of_backend());
    }
}
