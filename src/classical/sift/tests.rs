use std::path::Path;

use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};

use super::{DESCRIPTOR, Features, Keypoint, POOLED, Sift, SiftError};
use crate::random::RandomState;

/// What OpenCV finds in a picture; see tests/golden/classical/sift.py.
struct Golden {
    pixels: Vec<u8>,
    width: usize,
    height: usize,
    features: Features,
    pooled: Vec<f32>,
}

impl Golden {
    fn read(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/classical");
        let grey = |file: String| image::open(folder.join(file)).unwrap().into_luma8();
        let picture = grey(format!("sift_{name}.png"));
        let descriptors = grey(format!("sift_{name}.descriptors.png")).into_raw();
        let bytes = std::fs::read(folder.join(format!("sift_{name}.bin"))).unwrap();
        let words: Vec<[u8; 4]> = bytes.chunks_exact(4).map(|word| word.try_into().unwrap()).collect();
        let (keypoints, pooled) = words[1..].split_at(6 * u32::from_le_bytes(words[0]) as usize);
        let keypoints = keypoints.chunks_exact(6).map(|words| {
            let [x, y, size, angle, response] = [0, 1, 2, 3, 4].map(|i| f32::from_le_bytes(words[i]));
            Keypoint { x, y, size, angle, response, octave: i32::from_le_bytes(words[5]) }
        });
        let descriptors = descriptors.chunks_exact(DESCRIPTOR).map(|row| row.try_into().unwrap());
        Self {
            features: Features { keypoints: keypoints.collect(), descriptors: descriptors.collect() },
            pooled: pooled.iter().map(|&word| f32::from_le_bytes(word)).collect(),
            width: picture.width() as usize,
            height: picture.height() as usize,
            pixels: picture.into_raw(),
        }
    }
}

/// Far closer than two keypoints of a picture ever are.
fn is_same(a: &Keypoint, b: &Keypoint) -> bool {
    let turn = (a.angle - b.angle).abs();
    (a.x - b.x).abs() < 1e-2
        && (a.y - b.y).abs() < 1e-2
        && (a.size / b.size - 1.0).abs() < 1e-2
        && turn.min(360.0 - turn) < 0.1
        // Octave and layer; the offset between layers is in `size` already.
        && a.octave & 0xffff == b.octave & 0xffff
}

#[test]
fn keypoints_and_descriptors_are_those_of_opencv() {
    let mut sift = Sift::new();
    let (mut all, mut matched, mut equal, mut ours) = (0, 0, 0, 0);
    for name in ["astronaut", "coffee", "chelsea", "odd"] {
        let golden = Golden::read(name);
        let found = sift.detect_and_compute(&golden.pixels, golden.width, golden.height).unwrap();
        assert_eq!(found.keypoints.len(), found.descriptors.len());
        ours += found.keypoints.len();
        for (keypoint, descriptor) in golden.features.keypoints.iter().zip(&golden.features.descriptors) {
            all += 1;
            if let Some(place) = found.keypoints.iter().position(|other| is_same(other, keypoint)) {
                matched += 1;
                equal += usize::from(found.descriptors[place] == *descriptor);
            }
        }
    }
    println!("{matched} of {all} keypoints matched, {equal} descriptors equal, {ours} found");
    assert!(all > 800);
    assert!(matched * 1000 >= all * 995, "{matched} of {all} matched");
    assert!(ours * 1000 <= all * 1005, "{ours} found where OpenCV finds {all}");
    assert!(equal * 100 >= all * 97, "{equal} of {all} descriptors equal");
}

#[test]
fn the_mean_of_each_quadrant_is_that_of_opencv() {
    let mut sift = Sift::new();
    for name in ["astronaut", "coffee", "chelsea", "odd"] {
        let golden = Golden::read(name);
        let pooled = sift.pooled(&golden.pixels, golden.width, golden.height).unwrap();
        let norm = |values: &mut dyn Iterator<Item = f32>| values.map(|value| value * value).sum::<f32>().sqrt();
        let error = norm(&mut pooled.iter().zip(&golden.pooled).map(|(a, b)| a - b));
        let relative = error / norm(&mut golden.pooled.iter().copied());
        assert!(relative <= 2e-3, "{name}: {relative}");
    }
}

#[test]
fn buffers_of_other_pictures_leave_no_trace() {
    let (large, small) = (Golden::read("chelsea"), Golden::read("odd"));
    let fresh = Sift::new().detect_and_compute(&small.pixels, small.width, small.height).unwrap();
    let mut used = Sift::new();
    used.detect_and_compute(&large.pixels, large.width, large.height).unwrap();
    assert_eq!(used.detect_and_compute(&small.pixels, small.width, small.height).unwrap(), fresh);
}

#[test]
fn small_and_flat_pictures_have_no_keypoints() {
    let mut sift = Sift::new();
    for (width, height) in [(1, 1), (1, 9), (3, 3), (5, 2), (6, 6), (1, 300), (300, 1), (64, 64), (224, 224)] {
        for grey in [0, 127, 255] {
            let pixels = vec![grey; width * height];
            assert_eq!(sift.detect_and_compute(&pixels, width, height).unwrap(), Features::default());
            assert_eq!(sift.pooled(&pixels, width, height).unwrap(), [0.0; POOLED]);
        }
    }
}

#[test]
fn a_wrong_number_of_pixels_is_an_error() {
    let mut sift = Sift::new();
    assert_eq!(sift.pooled(&[], 0, 5), Err(SiftError::Empty { width: 0, height: 5 }));
    assert_eq!(sift.pooled(&[0; 5], 2, 3), Err(SiftError::Size { width: 2, height: 3, found: 5 }));
    assert_eq!(sift.pooled(&[0; 5], usize::MAX, 3), Err(SiftError::Size { width: usize::MAX, height: 3, found: 5 }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn noise_of_any_size_is_described(width in 1usize..70, height in 1usize..70, seed in any::<u32>(), levels in 2u32..=256) {
        let mut random = RandomState::new(seed);
        let step = 255 / (levels - 1);
        let pixels: Vec<u8> = (0..width * height).map(|_| (random.next_u32() % levels * step) as u8).collect();
        let mut sift = Sift::new();
        let features = sift.detect_and_compute(&pixels, width, height).unwrap();
        prop_assert_eq!(features.keypoints.len(), features.descriptors.len());
        for keypoint in &features.keypoints {
            prop_assert!((0.0..width as f32).contains(&keypoint.x) && (0.0..height as f32).contains(&keypoint.y));
            prop_assert!((0.0..360.0).contains(&keypoint.angle) && keypoint.size > 0.0);
        }
        for pair in features.keypoints.windows(2) {
            prop_assert!(super::order(&pair[0], &pair[1]).is_lt());
        }
        // A descriptor has length 512 but for rounding and what saturates.
        for descriptor in &features.descriptors {
            let length = descriptor.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
            prop_assert!((450.0..520.0).contains(&length), "{}", length);
        }
    }
}
