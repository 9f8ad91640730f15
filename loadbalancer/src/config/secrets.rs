//! What no view of a configuration shows.

use toml_edit::{
    DocumentMut, Item, KeyMut,
    visit_mut::{VisitMut, visit_table_like_kv_mut},
};

/// What stands in the place of a secret.
const HIDDEN: &str = "hidden";

/// A text with its secrets replaced, and else as it is.
pub(super) fn without_secrets(text: &str) -> String {
    let Ok(mut document) = text.parse::<DocumentMut>() else {
        return String::new(); // it was read before, so this is never reached
    };
    let mut hide = Hide { in_quic_lb: false, found: false };
    hide.visit_document_mut(&mut document);
    // Untouched where there is none: to the byte.
    if hide.found { document.to_string() } else { text.to_owned() }
}

/// Replaces every `key` below `quic_lb`.
struct Hide {
    in_quic_lb: bool,
    found: bool,
}

impl VisitMut for Hide {
    fn visit_table_like_kv_mut(&mut self, key: KeyMut<'_>, node: &mut Item) {
        if self.in_quic_lb && key.get() == "key" {
            self.found = true;
            let decor = node.as_value().map(|value| value.decor().clone());
            let mut hidden = toml_edit::Value::from(HIDDEN);
            if let Some(decor) = decor {
                *hidden.decor_mut() = decor;
            }
            *node = Item::Value(hidden);
            return;
        }
        let outside = self.in_quic_lb;
        self.in_quic_lb |= key.get() == "quic_lb";
        visit_table_like_kv_mut(self, key, node);
        self.in_quic_lb = outside;
    }
}
