//! The kernel object: maps from it, and programs with their constants.

use std::path::Path;

use aya::{
    Ebpf, EbpfLoader,
    programs::{ProgramError, Xdp},
};
use loadbalancer_common::{Mac, MacWord};

use super::{
    DatapathError,
    maps::{MAPS, entries},
    pins::Pins,
};
use crate::{config::Limits, engine::Features};

static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/loadbalancer-ebpf"));

const PROGRAM: &str = "loadbalancer";

/// A loaded, verified instance of the program. Dropping it does not detach what is pinned.
#[derive(Debug)]
pub struct Program {
    ebpf: Ebpf,
}

impl Program {
    /// Loads the program with these constants; the maps are those pinned below `maps`.
    pub(super) fn load(
        maps: &Path,
        limits: &Limits,
        features: Features,
        own_mac: Mac,
    ) -> Result<Self, DatapathError> {
        let mut ebpf = object(maps, limits, features, own_mac)?;
        let program: &mut Xdp = find(&mut ebpf)?;
        program.load().map_err(DatapathError::from_program)?;
        Ok(Self { ebpf })
    }

    /// The program.
    ///
    /// # Errors
    ///
    /// When the embedded object does not hold it, which only a broken build can cause.
    pub fn xdp(&mut self) -> Result<&mut Xdp, DatapathError> {
        find(&mut self.ebpf)
    }

    /// The whole object, for the log's ring buffer.
    pub(super) fn ebpf(&mut self) -> &mut Ebpf {
        &mut self.ebpf
    }
}

/// Loads an instance that is attached nowhere, over maps pinned in `maps`: to run packets through.
///
/// # Errors
///
/// As for [`super::Datapath::open`].
pub fn load_unattached(
    datapath: &super::Datapath,
    features: Features,
    own_mac: Mac,
) -> Result<Program, DatapathError> {
    Program::load(&datapath.pins.maps(), &datapath.limits, features, own_mac)
}

/// Creates the maps that are not pinned yet.
pub(super) fn create_maps(pins: &Pins, limits: &Limits) -> Result<(), DatapathError> {
    object(&pins.maps(), limits, Features::default(), [0; 6]).map(drop)
}

fn object(
    maps: &Path,
    limits: &Limits,
    features: Features,
    own_mac: Mac,
) -> Result<Ebpf, DatapathError> {
    let firewall = u8::from(features.firewall);
    let quic = u8::from(features.quic);
    let own = MacWord::new(own_mac);
    let mut loader = EbpfLoader::new();
    loader
        .override_global("FIREWALL", &firewall, true)
        .override_global("NAT_PORT_FIRST", &features.nat_port_first, true)
        .override_global("NAT_PORT_COUNT", &features.nat_port_count, true)
        .override_global("OWN_MAC", &own, true)
        .override_global("QUIC", &quic, true);
    for map in MAPS {
        loader.map_pin_path(map, maps.join(map));
        if let Some(entries) = entries(map, limits) {
            loader.map_max_entries(map, entries);
        }
    }
    loader.load(OBJECT).map_err(DatapathError::from_load)
}

fn find(ebpf: &mut Ebpf) -> Result<&mut Xdp, DatapathError> {
    ebpf.program_mut(PROGRAM)
        .ok_or(ProgramError::NotLoaded)
        .and_then(TryInto::try_into)
        .map_err(DatapathError::from_program)
}
