//! A picture's most probable names out of a person's list, as a sentence.

use ndarray::{Array2, ArrayView1, ArrayView2};

use super::tags::{probabilities, top};

/// Above this probability the first name is stated, not guessed.
const SURE: f32 = 0.5;
/// Names that a guess mentions.
const NAMED: usize = 3;

/// What is compared with pictures: CLIP's prompt for a name (Radford et al., 2021, <https://arxiv.org/abs/2103.00020>).
pub fn prompt(name: &str) -> String {
    format!("a photo of a {name}.")
}

/// How logits become probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// One of the names is right: softmax (CLIP).
    OneOfAll,
    /// Each by itself may be right: sigmoid (SigLIP).
    EachAlone,
}

impl Judgement {
    /// `[pictures, names]` logits to probabilities.
    pub fn probabilities(self, logits: ArrayView2<'_, f32>) -> Array2<f32> {
        match self {
            Self::OneOfAll => probabilities(logits),
            Self::EachAlone => logits.mapv(|logit| 1.0 / (1.0 + (-logit).exp())),
        }
    }
}

/// "This is a dog." where the first name is more probable than not, else "This might be a dog, but it could also be a fox
/// or a wolf."; nothing without names.
pub fn sentence(probabilities: ArrayView1<'_, f32>, names: &[String]) -> String {
    let best = top(probabilities, NAMED);
    let named: Vec<&str> = best.iter().filter_map(|(name, _)| names.get(*name).map(String::as_str)).collect();
    match (best.first(), named.as_slice()) {
        (Some((_, probability)), [first, ..]) if *probability > SURE => format!("This is a {first}."),
        (_, [first]) => format!("This might be a {first}."),
        (_, [first, second]) => format!("This might be a {first}, but it could also be a {second}."),
        (_, [first, second, third, ..]) => {
            format!("This might be a {first}, but it could also be a {second} or a {third}.")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{arr1, arr2};

    #[test]
    fn confidence_chooses_the_words() {
        let names = ["cat", "dog", "fox", "wolf"].map(str::to_owned);
        let say = |p: &[f32]| sentence(arr1(p).view(), &names[..p.len()]);
        assert_eq!(say(&[0.1, 0.6, 0.2, 0.1]), "This is a dog.");
        assert_eq!(say(&[0.1, 0.5, 0.15, 0.25]), "This might be a dog, but it could also be a wolf or a fox.");
        assert_eq!(say(&[0.3, 0.4]), "This might be a dog, but it could also be a cat.");
        assert_eq!([say(&[0.2]), say(&[])], ["This might be a cat.".to_owned(), String::new()]);
    }

    #[test]
    fn names_are_judged_together_or_alone() {
        let logits = arr2(&[[0.0f32, 0.0, f32::MIN]]);
        assert_eq!(Judgement::OneOfAll.probabilities(logits.view()), arr2(&[[0.5, 0.5, 0.0]]));
        assert_eq!(Judgement::EachAlone.probabilities(logits.view()), arr2(&[[0.5, 0.5, 0.0]]));
        let sure = arr2(&[[50.0f32, 50.0]]);
        assert_eq!(Judgement::EachAlone.probabilities(sure.view()), arr2(&[[1.0, 1.0]]));
    }
}
