//! What runs: the maps as they are, and how they come to what is wanted.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

use loadbalancer_common::BackendFlags;

use crate::{
    config::{BackendConfig, Config, Forward, Limits, PortRange, ServiceConfig},
    datapath::{Datapath, DatapathError},
    engine::{self, Allocation, Catalog, Changes, EngineError, Image, Inputs, Plan},
    health::{BackendName, Health},
    network::{self, NextHop},
    stats::BackendState,
};

/// A change that could not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum PlaneError {
    /// It does not fit in the maps; nothing changed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The kernel refused a step.
    #[error(transparent)]
    Datapath(#[from] DatapathError),
}

impl PlaneError {
    pub(super) fn hint(&self) -> String {
        match self {
            Self::Engine(error) => error.hint(),
            Self::Datapath(error) => error.hint(),
        }
    }
}

/// The data plane with its names and ids.
pub(super) struct Plane {
    pub(super) datapath: Datapath,
    pub(super) catalog: Catalog,
    limits: Limits,
    image: Image,
    allocation: Allocation,
    reserved: Option<PortRange>,
}

impl Plane {
    /// Takes over what the maps hold.
    pub(super) fn new(datapath: Datapath, limits: Limits) -> Result<Self, DatapathError> {
        let image = datapath.maps().image()?;
        let allocation = Allocation::restored(&image);
        let catalog = Catalog::default();
        Ok(Self { datapath, catalog, limits, image, allocation, reserved: None })
    }

    /// Whether a backend may take new flows as the maps stand.
    pub(super) fn serves(&self, service: &ServiceConfig, backend: &BackendConfig) -> bool {
        let protocol = service.protocol.number();
        self.allocation
            .backend_id(service.address, protocol, backend.address)
            .and_then(|id| self.image.backends.get(&id))
            .is_some_and(|entry| entry.flags.contains(BackendFlags::NEW_FLOWS))
    }

    /// What the maps would hold.
    pub(super) fn plan(
        &self,
        config: &Config,
        health: &BTreeMap<BackendName, Health>,
        next_hops: &HashMap<IpAddr, NextHop>,
    ) -> Result<Plan, EngineError> {
        let healthy = |service: &str, backend: &str| {
            let name = BackendName { service: service.to_owned(), backend: backend.to_owned() };
            health.get(&name).is_some_and(|health| health.healthy)
        };
        engine::build(&Inputs {
            config,
            limits: self.limits,
            health: &healthy,
            next_hops,
            previous: &self.allocation,
        })
    }

    /// Brings the maps to the plan. After a refusal, what the maps hold is read back, so that the
    /// next change starts from the truth.
    pub(super) fn apply(&mut self, plan: Plan) -> Result<(), PlaneError> {
        let changes = Changes::between(&self.image, &plan.image);
        if !changes.is_empty() {
            if let Err(error) = self.datapath.apply(&changes) {
                self.read_back();
                return Err(error.into());
            }
            tracing::debug!(%changes, "the maps changed");
        }
        self.tell_states(&plan.catalog);
        let Plan { image, allocation, catalog } = plan;
        (self.image, self.allocation, self.catalog) = (image, allocation, catalog);
        Ok(())
    }

    fn read_back(&mut self) {
        match self.datapath.maps().image() {
            Ok(mut image) => {
                image.features = self.datapath.features();
                self.allocation = Allocation::restored(&image);
                self.image = image;
            }
            Err(error) => tracing::error!(%error, "the maps cannot be read back"),
        }
    }

    /// Logs services that lost their last backend, or got one.
    fn tell_states(&self, next: &Catalog) {
        let usable = |catalog: &Catalog, id: u32| {
            let service = catalog.services.iter().find(|service| service.id == id)?;
            let healthy = |state: BackendState| state == BackendState::Healthy;
            Some(service.backends.iter().filter(|backend| healthy(backend.state)).count())
        };
        for service in &next.services {
            match (usable(&self.catalog, service.id), usable(next, service.id)) {
                (Some(before), Some(0)) if before > 0 => {
                    tracing::error!(
                        service = service.name,
                        "the service has no healthy backend: its packets drop"
                    );
                }
                (Some(0), Some(now)) if now > 0 => {
                    tracing::info!(service = service.name, "the service has a healthy backend");
                }
                _ => {}
            }
        }
    }

    /// Keeps the translation's ports out of the host's own use, while any service translates.
    pub(super) fn reserve_ports(&mut self, config: &Config) {
        let translates = config.services.iter().any(|service| service.forward == Forward::Nat);
        let wanted = translates.then_some(config.nat.ports);
        if wanted == self.reserved {
            return;
        }
        let given_back = self.reserved.map_or(Ok(false), network::release_ports);
        let reserved = wanted.map_or(Ok(false), network::reserve_ports);
        for result in [given_back, reserved] {
            if let Err(error) = result {
                tracing::warn!(%error, hint = error.hint(), "the host may use translation ports");
            }
        }
        if let Err(error) = self.datapath.note_ports(wanted) {
            tracing::warn!(%error, "`detach` will not give the reserved ports back");
        }
        self.reserved = wanted;
    }
}
