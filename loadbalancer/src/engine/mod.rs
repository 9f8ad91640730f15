//! From what is wanted and what is healthy to what the maps shall hold.
//!
//! Pure up to [`crate::datapath`]: [`build`] makes an [`Image`], [`Changes::between`] finds what
//! differs from the image before, and the datapath applies that.

mod image;

pub use image::{Features, Image, Table};
