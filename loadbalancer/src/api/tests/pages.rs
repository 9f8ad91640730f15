use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    time::timeout,
};

use crate::api::{Listener, fake};

async fn get(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn pages_can_be_read_and_nothing_can_be_changed() {
    let (handle, controller) = fake::controller(Arc::new(Mutex::new(Vec::new())));
    let listener = Listener::open("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.address().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(listener.serve(handle, async move {
        stopped.await.ok();
    }));

    let metrics = get(address, "GET /metrics").await;
    assert!(metrics.starts_with("HTTP/1.1 200"), "{metrics}");
    assert!(metrics.contains("content-type: application/openmetrics-text; version=1.0.0"));
    let line = r#"loadbalancer_events_total{event="nat_port_reused"} 12"#;
    assert!(metrics.lines().any(|found| found == line), "{metrics}");
    assert!(get(address, "GET /healthz").await.ends_with("\r\n\r\nok\n"));
    assert!(get(address, "GET /").await.contains("/metrics"));
    assert!(get(address, "GET /v1/status").await.starts_with("HTTP/1.1 404"));
    assert!(get(address, "POST /metrics").await.starts_with("HTTP/1.1 405"));

    controller.abort();
    controller.await.unwrap_err();
    assert!(get(address, "GET /healthz").await.starts_with("HTTP/1.1 503"));

    // A client that says nothing does not keep the daemon from stopping.
    let _idle = TcpStream::connect(address).await.unwrap();
    stop.send(()).unwrap();
    timeout(Duration::from_secs(10), server).await.unwrap().unwrap().unwrap();
}
