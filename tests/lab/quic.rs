//! QUIC: a real client that comes from one address after another stays with its server.
//!
//! quinn on both sides. Its servers issue connection ids as QUIC-LB has them; its client takes a new
//! one whenever it moves to another socket, as RFC 9000 asks for.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "only tests run this: what goes wrong shall end one at its place"
)]

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use loadbalancer_common::quic::encode;
use loadbalancer_tests::{Config, Family, Forward, Host, Lab, Service, addresses};
use quinn::{
    Connection, ConnectionId, ConnectionIdGenerator, Endpoint, EndpointConfig, TokioRuntime,
    TransportConfig,
    rustls::{
        RootCertStore,
        pki_types::{CertificateDer, PrivateKeyDer},
    },
};

const PORT: u16 = 443;
const BACKENDS: u8 = 3;
/// Connections of a test: enough that servers differ.
const CONNECTIONS: usize = 6;
/// Addresses that each connection comes from, one after the other.
const MOVES: u16 = 6;
const ROTATION: u8 = 5;
const KEY: u128 = 0xfdf7_26a9_893e_c05c_0632_d395_6680_baf0;
/// Longest wait for an answer: a path that leads elsewhere shows as a timeout.
const LIMIT: Duration = Duration::from_secs(10);

/// How servers write their ids.
#[derive(Clone, Copy, Debug)]
struct Form {
    nonce: usize,
    is_encrypted: bool,
}

const IN_THE_OPEN: Form = Form { nonce: 5, is_encrypted: false };
/// With server ids of 3 bytes, 9 in all: not a block, and odd.
const FOUR_PASS: Form = Form { nonce: 6, is_encrypted: true };
/// One block.
const SINGLE_PASS: Form = Form { nonce: 13, is_encrypted: true };

const fn server_id(number: u8) -> [u8; 3] {
    [0x5e, number, 0x17]
}

#[test]
fn a_nat_connection_over_ipv4_stays_with_ids_in_the_open() -> Result<()> {
    stays_wherever_its_client_goes(Family::V4, Forward::Nat, IN_THE_OPEN)
}

#[test]
fn a_nat_connection_over_ipv6_stays_with_ids_in_four_passes() -> Result<()> {
    stays_wherever_its_client_goes(Family::V6, Forward::Nat, FOUR_PASS)
}

#[test]
fn a_nat_connection_over_ipv4_stays_with_ids_in_a_single_pass() -> Result<()> {
    stays_wherever_its_client_goes(Family::V4, Forward::Nat, SINGLE_PASS)
}

#[test]
fn a_dsr_connection_over_ipv4_stays_with_ids_in_four_passes() -> Result<()> {
    stays_wherever_its_client_goes(Family::V4, Forward::Dsr, FOUR_PASS)
}

#[test]
fn a_dsr_connection_over_ipv6_stays_with_ids_in_the_open() -> Result<()> {
    stays_wherever_its_client_goes(Family::V6, Forward::Dsr, IN_THE_OPEN)
}

fn stays_wherever_its_client_goes(family: Family, forward: Forward, form: Form) -> Result<()> {
    let service = service(family, forward, form);
    let vip = service.address;
    let lab = Lab::with(Config::new([service])).start()?;
    let client = lab.client(1)?;
    let addresses = [client.address(family), second_address(client, family)?];
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let _inside = runtime.enter();

    let identity = Identity::new()?;
    for (number, backend) in (1..).zip(lab.network().backends()) {
        let socket = bind(backend.host(), any(family), PORT)?;
        let endpoint = identity.server(socket, form, number)?;
        runtime.spawn(serve(endpoint, backend.name().to_owned()));
    }

    let mut servers = BTreeSet::new();
    for _ in 0..CONNECTIONS {
        let endpoint = identity.client(bind(client, addresses[0], 0)?)?;
        let connection = runtime.block_on(connect(&endpoint, vip))?;
        let (server, mut seen_from) = runtime.block_on(ask(&connection))?;
        for turn in 0..MOVES {
            let address = addresses[usize::from(turn + 1) % addresses.len()];
            endpoint.rebind(bind(client, address, 0)?)?;
            let (now, from) = runtime
                .block_on(moved(&connection, &seen_from))
                .with_context(|| format!("move {turn} of a connection to {server}"))?;
            ensure!(now == server, "move {turn}: {now} answered on a connection to {server}");
            seen_from = from;
        }
        servers.insert(server);
        endpoint.close(0_u8.into(), b"");
    }
    ensure!(servers.len() > 1, "all connections went to {servers:?}: their servers tell nothing");
    Ok(())
}

fn service(family: Family, forward: Forward, form: Form) -> Service {
    let Form { nonce, is_encrypted } = form;
    let key = if is_encrypted { format!(", key = \"{KEY:032x}\"") } else { String::new() };
    let lb = format!("config_rotation = {ROTATION}, nonce_length = {nonce}{key}");
    let mut service = Service::dns(family, forward, BACKENDS);
    "h3".clone_into(&mut service.name);
    service.address.set_port(PORT);
    service.quic = Some(format!("quic = true\nquic_lb = [{{ {lb} }}]"));
    for (number, backend) in (1..).zip(&mut service.backends) {
        backend.address.set_port(PORT);
        let [a, b, c] = server_id(number);
        backend.server_id = Some(format!("{a:02x}{b:02x}{c:02x}"));
    }
    service
}

/// One more address for the client's NIC.
fn second_address(client: &Host, family: Family) -> Result<IpAddr> {
    let address = addresses::client(family, 20);
    let length = if family == Family::V4 { "24 dev eth0" } else { "64 dev eth0 nodad" };
    client.namespace().ip_batch(&format!("addr add {address}/{length}\n"))?;
    Ok(address)
}

fn any(family: Family) -> IpAddr {
    match family {
        Family::V4 => [0; 4].into(),
        Family::V6 => [0_u16; 8].into(),
    }
}

fn bind(host: &Host, address: IpAddr, port: u16) -> Result<UdpSocket> {
    let bound = host.namespace().enter(|| UdpSocket::bind((address, port)))?;
    bound.with_context(|| format!("cannot bind {address} on {}", host.name()))
}

/// What clients know servers by.
struct Identity {
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

const NAME: &str = "h3.lab.test";

impl Identity {
    fn new() -> Result<Self> {
        let made = rcgen::generate_simple_self_signed([NAME.to_owned()])?;
        Ok(Self { certificate: made.cert.der().clone(), key: made.signing_key.serialize_der() })
    }

    fn server(&self, socket: UdpSocket, form: Form, number: u8) -> Result<Endpoint> {
        let key = PrivateKeyDer::Pkcs8(self.key.clone().into());
        let mut server =
            quinn::ServerConfig::with_single_cert(vec![self.certificate.clone()], key)?;
        server.transport_config(transport());
        let mut config = EndpointConfig::default();
        config.cid_generator(move || Box::new(Ids { form, number, serial: 0 }));
        Ok(Endpoint::new(config, Some(server), socket, Arc::new(TokioRuntime))?)
    }

    fn client(&self, socket: UdpSocket) -> Result<Endpoint> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone())?;
        let mut client = quinn::ClientConfig::with_root_certificates(Arc::new(roots))?;
        client.transport_config(transport());
        let config = EndpointConfig::default();
        let mut endpoint = Endpoint::new(config, None, socket, Arc::new(TokioRuntime))?;
        endpoint.set_default_client_config(client);
        Ok(endpoint)
    }
}

/// The program sees frames as they are, so nothing may be left for a NIC to cut up.
fn transport() -> Arc<TransportConfig> {
    let mut transport = TransportConfig::default();
    transport.enable_segmentation_offload(false);
    Arc::new(transport)
}

/// The connection ids of a server.
#[derive(Clone, Copy, Debug)]
struct Ids {
    form: Form,
    number: u8,
    serial: u32,
}

impl ConnectionIdGenerator for Ids {
    fn generate_cid(&mut self) -> ConnectionId {
        self.serial += 1;
        let mut nonce = vec![0xa5; self.form.nonce];
        nonce[..4].copy_from_slice(&self.serial.to_be_bytes());
        let key = self.form.is_encrypted.then(|| KEY.to_be_bytes());
        let id = encode(ROTATION, &server_id(self.number), &nonce, key.as_ref()).unwrap();
        ConnectionId::new(&id.bytes[..self.cid_len()])
    }

    fn cid_len(&self) -> usize {
        1 + server_id(0).len() + self.form.nonce
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

/// Answers every stream with the server's name and what it sees the client come from.
async fn serve(endpoint: Endpoint, name: String) {
    while let Some(incoming) = endpoint.accept().await {
        let name = name.clone();
        tokio::spawn(async move {
            let connection = incoming.await?;
            while let Ok((mut answer, mut question)) = connection.accept_bi().await {
                question.read_to_end(64).await?;
                let text = format!("{name} {}", connection.remote_address());
                answer.write_all(text.as_bytes()).await?;
                answer.finish()?;
            }
            Ok::<(), anyhow::Error>(())
        });
    }
}

async fn connect(endpoint: &Endpoint, vip: SocketAddr) -> Result<Connection> {
    let connecting = endpoint.connect(vip, NAME)?;
    Ok(tokio::time::timeout(LIMIT, connecting).await.context("no handshake")??)
}

/// Asks on a stream of its own who is there, and what they see the client come from.
async fn ask(connection: &Connection) -> Result<(String, String)> {
    let exchange = async {
        let (mut question, mut answer) = connection.open_bi().await?;
        question.write_all(b"who?").await?;
        question.finish()?;
        Ok::<_, anyhow::Error>(answer.read_to_end(256).await?)
    };
    let answer = tokio::time::timeout(LIMIT, exchange).await.context("no answer")??;
    let text = String::from_utf8(answer)?;
    let (name, from) = text.split_once(' ').context("half an answer")?;
    Ok((name.to_owned(), from.to_owned()))
}

/// Asks until the server has followed the client away from where it was `before`.
async fn moved(connection: &Connection, before: &str) -> Result<(String, String)> {
    let follows = async {
        loop {
            let (name, from) = ask(connection).await?;
            if from != before {
                return Ok((name, from));
            }
        }
    };
    tokio::time::timeout(LIMIT, follows).await.context("the server stays with the old path")?
}
