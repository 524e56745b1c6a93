//! Texts that many instances have in common. A listing of a hundred thousand instances would otherwise store each shape, each
//! OCID of an image and each tag as often.

use std::collections::HashSet;
use std::sync::Arc;

/// The maximum number of texts that are looked for again. The common ones occur early; the others, such as the numbers of slots,
/// are as many as instances.
const MOST: usize = 4096;

/// Texts that were met, each stored once.
#[derive(Debug, Default)]
pub struct Texts(HashSet<Arc<str>>);

impl Texts {
    /// The text, shared with its earlier occurrences.
    pub fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        if self.0.len() < MOST {
            self.0.insert(Arc::clone(&new));
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_stored_once() {
        let mut texts = Texts::default();
        let first = texts.shared("VM.Standard.E5.Flex");
        (0..2 * MOST).for_each(|slot| assert_eq!(*texts.shared(&slot.to_string()), *slot.to_string()));
        assert!(Arc::ptr_eq(&first, &texts.shared("VM.Standard.E5.Flex")));
        assert_eq!(texts.0.len(), MOST);
    }
}
