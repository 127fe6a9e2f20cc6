//! `weighted`: both sides brought to one dimension by PCA, their weighted mean.
//!
//! A baseline of the literature. The principal axes of two sides have nothing to do with each other, so the mean adds
//! numbers of different meaning; `concat` keeps them apart and is rarely worse.

use super::{FuseError, l2_normalize};
use crate::project::Pca;
use ndarray::{Array2, ArrayView2};

/// Dimension of the mean, where none is given and the sides allow it.
const N_COMPONENTS: usize = 128;

/// `weighted`: `(1 - text_weight) · A + text_weight · B`, `[n, n_components]`, where `A` and `B` are the leading
/// principal components of `image` and `text`, every row of them L2-normalised.
///
/// `n_components` is 128 where `None`; at most what the smaller side has (its columns, or `n`). `text_weight` lies in
/// [0, 1]; signs of components are [`Pca`]'s, so the result does not depend on chance.
///
/// # Errors
/// [`FuseError::Rows`], [`FuseError::Parameter`], and PCA's own for an empty matrix or a number that is not finite.
pub fn weighted(
    image: ArrayView2<'_, f32>,
    text: ArrayView2<'_, f32>,
    text_weight: f32,
    n_components: Option<usize>,
) -> Result<Array2<f32>, FuseError> {
    if image.nrows() != text.nrows() {
        return Err(FuseError::Rows { first: image.nrows(), other: text.nrows() });
    }
    if !(0.0..=1.0).contains(&text_weight) {
        let (name, value, range) = ("text_weight", f64::from(text_weight), "in 0..=1");
        return Err(FuseError::Parameter { name, value, range });
    }
    let dimension = n_components.unwrap_or(N_COMPONENTS).min(image.ncols()).min(text.ncols());
    Ok(reduce(image, dimension)? * (1.0 - text_weight) + reduce(text, dimension)? * text_weight)
}

/// The leading principal components, rows of length 1.
fn reduce(side: ArrayView2<'_, f32>, n_components: usize) -> Result<Array2<f32>, FuseError> {
    let mut components = Pca::fit(side, n_components)?.transform(side);
    l2_normalize(&mut components);
    Ok(components)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{FuseError, reduce, weighted};
    use crate::random::RandomState;
    use ndarray::Array2;

    fn normal(rows: usize, columns: usize, seed: u32) -> Array2<f32> {
        let mut rng = RandomState::new(seed);
        Array2::from_shape_simple_fn((rows, columns), || rng.standard_normal() as f32)
    }

    #[test]
    fn the_ends_are_the_parts() {
        let (image, text) = (normal(20, 9, 1), normal(20, 5, 2));
        assert_eq!(weighted(image.view(), text.view(), 1.0, None).unwrap(), reduce(text.view(), 5).unwrap());
        let mean = weighted(image.view(), text.view(), 0.25, Some(3)).unwrap();
        assert_eq!(mean.dim(), (20, 3));
        let ends = [0.0, 1.0].map(|w| weighted(image.view(), text.view(), w, Some(3)).unwrap());
        let expected = &ends[0] * 0.75 + &ends[1] * 0.25;
        assert!(mean.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-6));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let error = weighted(normal(3, 2, 1).view(), normal(4, 2, 1).view(), 0.5, None).unwrap_err();
        assert!(matches!(error, FuseError::Rows { first: 3, other: 4 }));
        let error = weighted(normal(3, 2, 1).view(), normal(3, 2, 1).view(), f32::NAN, None).unwrap_err();
        assert!(error.to_string().contains("text_weight is NaN"));
        assert!(weighted(normal(3, 2, 1).view(), normal(3, 2, 1).view(), 0.5, Some(0)).is_err());
        assert!(weighted(Array2::zeros((0, 2)).view(), Array2::zeros((0, 2)).view(), 0.5, None).is_err());
    }
}
