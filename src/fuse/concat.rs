//! `concat`: both sides set side by side.

use super::l2_normalize;
use ndarray::{Array2, ArrayView2, Axis, concatenate};

/// `concat`: both sides L2-normalised, weighted and set side by side, `[n, a + b]`.
///
/// Squared distances add up as `image_weight² · d_image² + text_weight² · d_text²`. `None` when the sides do not have
/// the same number of rows.
pub fn concat(image: ArrayView2<'_, f32>, text: ArrayView2<'_, f32>, weights: [f32; 2]) -> Option<Array2<f32>> {
    let side = |matrix: ArrayView2<'_, f32>, weight: f32| {
        let mut side = matrix.to_owned();
        l2_normalize(&mut side);
        side * weight
    };
    concatenate(Axis(1), &[side(image, weights[0]).view(), side(text, weights[1]).view()]).ok()
}

/// The weights of [`concat`] that give the text `share` of the squared distance, and the image the rest: their squares
/// are `1 - share` and `share`, so that every row keeps length 1 whatever the share.
pub fn weights_of_share(share: f32) -> [f32; 2] {
    let share = share.clamp(0.0, 1.0);
    [(1.0 - share).sqrt(), share.sqrt()]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{concat, weights_of_share};
    use ndarray::array;

    #[test]
    fn concat_weighs_each_side() {
        let fused = concat(array![[2.0f32, 0.0]].view(), array![[0.0f32, 5.0]].view(), [0.5, 0.25]).unwrap();
        assert_eq!(fused, array![[0.5, 0.0, 0.0, 0.25]]);
        assert!(concat(array![[1.0f32]].view(), array![[1.0f32], [2.0]].view(), [1.0, 1.0]).is_none());
    }

    #[test]
    fn a_share_keeps_rows_at_length_one() {
        assert_eq!(weights_of_share(0.0), [1.0, 0.0]);
        assert_eq!(weights_of_share(2.0), [0.0, 1.0]);
        let fused = concat(array![[3.0f32, 4.0]].view(), array![[0.0f32, 5.0]].view(), weights_of_share(0.3)).unwrap();
        assert!((fused.iter().map(|v| v * v).sum::<f32>() - 1.0).abs() < 1e-6);
    }
}
