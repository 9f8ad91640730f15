//! Every refusal with its full text: place, what is wrong, what would be right.

mod backends;
mod firewall;
mod quic;
mod services;
mod settings;
mod structure;

use super::{parse, web};

/// Each text is refused with this message and this hint.
fn refused(cases: &[(&str, &str, &str)]) {
    for (text, message, hint) in cases {
        match parse(text) {
            Ok(_) => panic!("accepted:\n{text}"),
            Err(error) => {
                assert_eq!((error.to_string().as_str(), error.hint()), (*message, *hint), "{text}");
            }
        }
    }
}
