//! `tcp`: healthy when the handshake completes. Closes with RST, so no TIME-WAIT stays.

use std::{io, net::SocketAddr};

use tokio::net::TcpStream;

use super::check::{Check, CheckFuture};

/// Asks for a TCP handshake and nothing else.
pub(crate) struct Tcp;

impl Check for Tcp {
    fn kind(&self) -> &'static str {
        "tcp"
    }

    fn check(&self, target: SocketAddr) -> CheckFuture<'_> {
        Box::pin(async move {
            connect(target).await?;
            Ok(())
        })
    }
}

/// A connection that closes with RST, whenever it is dropped: thousands of checks a second must
/// not leave sockets in TIME-WAIT or FIN-WAIT behind.
pub(crate) async fn connect(target: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(target).await?;
    stream.set_zero_linger()?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use std::{fs, net::Ipv4Addr, time::Duration};

    use tokio::{
        net::{TcpListener, TcpSocket},
        time::timeout,
    };

    use super::*;

    /// States, as `/proc/net/tcp` numbers them, of the connections to `target` that remain.
    fn remaining(target: SocketAddr) -> Vec<String> {
        let port = format!(":{:04X}", target.port());
        fs::read_to_string("/proc/net/tcp")
            .unwrap()
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .filter(|fields| fields[2].ends_with(&port))
            .map(|fields| fields[3].to_owned())
            .collect()
    }

    #[tokio::test]
    async fn a_listener_is_healthy_and_no_socket_stays() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let target = listener.local_addr().unwrap();
        assert!(Tcp.check(target).await.is_ok());
        assert_eq!(remaining(target), Vec::<String>::new());
    }

    #[tokio::test]
    async fn a_closed_port_is_refused() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let target = listener.local_addr().unwrap();
        drop(listener);
        let failure = Tcp.check(target).await.unwrap_err();
        assert_eq!(failure.to_string(), "connection refused");
    }

    #[tokio::test]
    async fn a_check_given_up_leaves_nothing_behind() {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let listener = socket.listen(1).unwrap();
        let target = listener.local_addr().unwrap();
        let mut accepted = Vec::new();
        let short = Duration::from_millis(50);
        while let Ok(stream) = timeout(short, connect(target)).await {
            accepted.push(stream.unwrap()); // until the backlog is full
        }
        assert!(timeout(short, Tcp.check(target)).await.is_err());
        drop((accepted, listener));
        assert_eq!(remaining(target), Vec::<String>::new());
    }
}
