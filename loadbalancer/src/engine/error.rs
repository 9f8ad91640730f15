//! Why a configuration does not fit the maps.

/// A configuration that the maps as they were created cannot hold. What runs stays as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// More of something than its map has entries; ids in use before the change count too.
    #[error("there is no room for {what} {name}: the maps hold {limit}")]
    Full {
        /// What there is too much of, such as "backend".
        what: &'static str,
        /// The one that did not fit.
        name: String,
        /// The key in `[datapath.limits]`.
        key: &'static str,
        /// Its value when the maps were created.
        limit: u32,
    },
    /// No free place in the lookup tables' array is long enough.
    #[error(
        "there is no room for the lookup table of service {service}: no {size} free slots in a \
         row, of {limit}"
    )]
    NoRegion {
        /// Name of the service.
        service: String,
        /// Slots that it needs.
        size: u32,
        /// `lookup_slots` when the maps were created.
        limit: u32,
    },
}

impl EngineError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        let key = match self {
            Self::Full { key, .. } => key,
            Self::NoRegion { .. } => "lookup_slots",
        };
        format!(
            "raise `{key}` in [datapath.limits]; limits take effect when the maps are created: \
             after `loadbalancer detach`, at the next `loadbalancer run`"
        )
    }
}
