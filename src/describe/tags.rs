//! A classifier's opinion put into words, and into one vector.

use ndarray::{Array2, ArrayView1, ArrayView2, Axis};

use crate::linalg::matmul;

/// Classes that a sentence names at most.
const NAMED: usize = 3;
/// From here on the first class is stated, not guessed.
const SURE: f32 = 0.6;

/// Softmax of every row of `logits` `[n, classes]`.
pub fn probabilities(logits: ArrayView2<'_, f32>) -> Array2<f32> {
    let mut result = logits.to_owned();
    for mut row in result.axis_iter_mut(Axis(0)) {
        let largest = row.fold(f32::NEG_INFINITY, |a, b| a.max(*b));
        row.mapv_inplace(|v| (v - largest).exp());
        let total = row.sum();
        row.mapv_inplace(|v| v / total);
    }
    result
}

/// The most likely classes, most likely first, at most `count`; ties by class index.
pub fn top(probabilities: ArrayView1<'_, f32>, count: usize) -> Vec<(usize, f32)> {
    let mut classes: Vec<(usize, f32)> = probabilities.iter().copied().enumerate().collect();
    let count = count.min(classes.len());
    if count == 0 {
        return Vec::new();
    }
    let order = |a: &(usize, f32), b: &(usize, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    classes.select_nth_unstable_by(count - 1, order);
    classes.truncate(count);
    classes.sort_by(order);
    classes
}

/// One sentence for a picture: "a photo of guacamole, perhaps burrito or mashed potato" when the classifier is sure of
/// the first name, "a photo of guacamole, burrito or mashed potato" when it guesses.
///
/// The runners-up are always named, however unlikely: sentences that leave them out cluster worse (stanford40: ARI .22
/// against .27), because they still tell the scene.
pub fn sentence(probabilities: ArrayView1<'_, f32>, names: &[&str]) -> String {
    let best = top(probabilities, NAMED);
    let named: Vec<&str> = best.iter().map(|(class, _)| names.get(*class).copied().unwrap_or("something")).collect();
    match (best.first(), named.split_first()) {
        (Some((_, p)), Some((first, rest))) if *p >= SURE && !rest.is_empty() => {
            format!("a photo of {first}, perhaps {}", alternatives(rest))
        }
        (Some(_), _) => format!("a photo of {}", alternatives(&named)),
        _ => String::new(),
    }
}

/// "a", "a or b", "a, b or c".
fn alternatives(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
    }
}

/// What is said of one class when its name alone is turned into a vector.
pub fn class_sentence(name: &str) -> String {
    format!("a photo of {name}")
}

/// The probability-weighted mean of the class names' vectors: `[n, classes] x [classes, d]`.
pub fn mean_vectors(probabilities: ArrayView2<'_, f32>, class_vectors: ArrayView2<'_, f32>) -> Array2<f32> {
    matmul(probabilities, class_vectors)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    const NAMES: [&str; 4] = ["ice cream", "hot dog", "pizza", "burrito"];

    #[test]
    fn confidence_chooses_the_words() {
        let say = |p: [f32; 4]| sentence(ndarray::arr1(&p).view(), &NAMES);
        assert_eq!(say([0.97, 0.01, 0.01, 0.01]), "a photo of ice cream, perhaps hot dog or pizza");
        assert_eq!(say([0.1, 0.7, 0.06, 0.14]), "a photo of hot dog, perhaps burrito or ice cream");
        assert_eq!(say([0.3, 0.3, 0.25, 0.15]), "a photo of ice cream, hot dog or pizza");
        assert_eq!(sentence(ndarray::arr1(&[0.5, 0.5]).view(), &NAMES), "a photo of ice cream or hot dog");
        assert_eq!(sentence(ndarray::arr1(&[1.0]).view(), &NAMES), "a photo of ice cream");
        assert_eq!(sentence(ndarray::arr1(&[]).view(), &[]), "");
    }

    #[test]
    fn probabilities_are_a_softmax_that_does_not_overflow() {
        let p = probabilities(array![[1000.0, 1000.0], [0.0, -1000.0]].view());
        assert_eq!(p, array![[0.5, 0.5], [1.0, 0.0]]);
    }

    #[test]
    fn the_mean_is_weighted() {
        let vectors = mean_vectors(array![[0.25f32, 0.75]].view(), array![[1.0f32, 0.0], [0.0, 2.0]].view());
        assert_eq!(vectors, array![[0.25, 1.5]]);
    }
}
