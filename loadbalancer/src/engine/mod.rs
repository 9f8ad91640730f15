//! From what is wanted and what is healthy to what the maps shall hold.
//!
//! Pure up to [`crate::datapath`]: [`build()`] makes an [`Image`], [`Changes::between`] finds what
//! differs from the image before, and the datapath applies that in order. What must outlive a
//! change (ids, and where lookup tables lie) is in the [`Allocation`], which each build takes from
//! the one before and which a new daemon restores from the pinned maps.

mod allocation;
mod backend;
mod build;
mod catalog;
mod changes;
mod error;
mod ids;
mod image;
mod regions;
#[cfg(test)]
mod tests;

pub use allocation::Allocation;
pub use backend::state;
pub use build::{Inputs, Plan, build};
pub use catalog::{Catalog, CatalogBackend, CatalogRule, CatalogService};
pub use changes::Changes;
pub use error::EngineError;
pub use image::{Features, Image, Table};
