//! The certificate of a lab's TLS servers: made by the lab, for its VIPs, and trusted by nobody
//! who is not given it.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::command::{run, system};

/// A self-made certificate with its key, as files.
#[derive(Clone, Debug)]
pub struct Certificate {
    file: PathBuf,
    key: PathBuf,
}

impl Certificate {
    /// Makes a certificate for `addresses` in `directory`.
    pub(crate) fn create(directory: &Path, addresses: &[IpAddr]) -> Result<Self> {
        let certificate =
            Self { file: directory.join("certificate.pem"), key: directory.join("key.pem") };
        let names: Vec<String> = addresses.iter().map(|address| format!("IP:{address}")).collect();
        let names = format!("subjectAltName={}", names.join(","));
        let mut openssl = system("openssl");
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
        openssl.args(["-nodes", "-days", "2", "-subj", "/CN=lab.test", "-addext", &names]);
        openssl.arg("-keyout").arg(&certificate.key).arg("-out").arg(&certificate.file);
        run(&mut openssl)?.success()?;
        Ok(certificate)
    }

    /// The certificate, for servers to show and clients to trust.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The servers' key.
    pub(crate) fn key(&self) -> &Path {
        &self.key
    }
}
