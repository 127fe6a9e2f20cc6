//! English names of the 1000 ImageNet-1k classes, in the order of the logits.
//!
//! Source: the category list that torchvision 0.14 publishes with its ImageNet weights
//! (`torchvision.models._meta`, BSD-3-Clause), which shortens the WordNet synsets of
//! ILSVRC 2012 to one name each.

/// The name of each class.
pub fn class_names() -> impl ExactSizeIterator<Item = &'static str> + Clone {
    NAMES.iter().copied()
}

static NAMES: std::sync::LazyLock<Vec<&'static str>> =
    std::sync::LazyLock::new(|| include_str!("imagenet_classes.txt").lines().collect());

#[cfg(test)]
mod tests {
    #[test]
    fn one_name_a_class() {
        let names: Vec<_> = super::class_names().collect();
        assert_eq!(names.len(), crate::efficientnet_lite0::CLASSES);
        assert_eq!((names[0], names[924], names[999]), ("tench", "guacamole", "toilet tissue"));
        assert!(names.iter().all(|n| !n.trim().is_empty()));
    }
}
