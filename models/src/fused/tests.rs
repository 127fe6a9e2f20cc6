//! Our kernels on a wgpu adapter (Mesa's lavapipe will do) against the same layers on flex, whose own kernels are held to
//! Burn's operations in `host/tests`.

use super::*;
use crate::precision::Precision;
use crate::reference::adapter;

/// Values between -1 and 1 that do not repeat in step with any extent.
fn values(n: usize, seed: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 7919 + seed * 104_729) % 2003) as f32 / 1001.0 - 1.0).collect()
}

pub(super) fn tensor<const D: usize>(shape: [usize; D], seed: usize, device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values(shape.iter().product(), seed), shape), device)
}

/// Runs `layer` on both devices and compares what comes out.
fn agree<const D: usize>(what: &str, layer: impl Fn(&Device) -> Tensor<D>) {
    agree_within(what, 1e-5, layer);
}

fn agree_within<const D: usize>(what: &str, bound: f32, layer: impl Fn(&Device) -> Tensor<D>) {
    let Some(adapter) = adapter() else {
        eprintln!("{what}: skipped, there is no wgpu adapter");
        return;
    };
    assert!(own_kernels(&adapter) && !own_kernels(&Device::flex()));
    let (found, expected) = (layer(&adapter), layer(&Device::flex()));
    assert_eq!(found.dims(), expected.dims(), "{what}");
    let read = |t: Tensor<D>| -> Vec<f32> { t.into_data().try_into_vec().expect("f32 values") };
    let (found, expected) = (read(found), read(expected));
    let largest = expected.iter().fold(0f32, |a, b| a.max(b.abs()));
    assert!(largest > 0.1, "{what}: nothing to compare");
    for (i, (f, e)) in found.iter().zip(&expected).enumerate() {
        assert!((f - e).abs() <= bound * largest, "{what}: value {i} is {f}, expected {e}");
    }
}

pub(super) const EVERY: [Activation; 11] = [
    Activation::Identity,
    Activation::Relu,
    Activation::Relu6,
    Activation::Gelu,
    Activation::GeluTanh,
    Activation::QuickGelu,
    Activation::Tanh,
    Activation::Sigmoid,
    Activation::Silu,
    Activation::HardSigmoid,
    Activation::HardSwish,
];

#[test]
fn dense_layers_agree() {
    // Rows that do not fill the last tile, columns that do not fill the last group.
    for rows in [1, 4, 7, 33] {
        for then in EVERY {
            agree(&format!("{rows} rows, {then:?}"), |device| {
                Dense::new(&values(24 * 40, 1), values(40, 2), device).forward(tensor([rows, 24], 3, device), then)
            });
        }
        agree(&format!("{rows} rows onto a residual"), |device| {
            let layer = Dense::new(&values(24 * 40, 1), values(40, 2), device);
            layer.forward_onto(tensor([rows, 24], 3, device), tensor([rows, 40], 4, device))
        });
    }
}

#[test]
fn dense_layers_of_many_rows_agree() {
    // So many that no two threads share a value's depth.
    let (rows, input, width) = (1031_usize, 8, 1024);
    assert!(rows.div_ceil(4) * width / 4 >= products::FEW_THREADS);
    agree("many rows", |device| {
        let layer = Dense::new(&values(input * width, 1), values(width, 2), device);
        layer.forward(tensor([rows, input], 3, device), Activation::Relu)
    });
}

#[test]
fn convolutions_agree() {
    let windows = [(3, 1), (3, 2), (5, 1), (5, 2), (1, 2), (7, 2)]
        .into_iter()
        .flat_map(|(kernel, stride)| [Padding::Same, Padding::Even].map(|padding| Window { kernel, stride, padding }));
    let activations = [Activation::Relu6, Activation::Identity, Activation::HardSwish];
    for (window, then) in windows.zip(activations.into_iter().cycle()) {
        for (height, width) in [(7, 9), (8, 6), (1, 13)] {
            let agree = |kind: &str, input: usize, channels: usize, output: usize| {
                agree(&format!("{kind} {window:?} of {height} x {width}, {then:?}"), |device| {
                    let weight = values(output * input * window.kernel * window.kernel, 1);
                    let layer = Convolution::new(&weight, values(output, 2), window, device);
                    layer.forward(tensor([2, height, width, channels], 3, device), then)
                });
            };
            agree("depthwise", 1, 24, 24);
            agree("stem", 3, 3, 8);
            agree("convolution", 12, 12, 8);
        }
    }
}

#[test]
fn even_padding_is_pytorchs() {
    // A kernel of ones counts what it sees of a picture of ones.
    let window = Window { kernel: 3, stride: 2, padding: Padding::Even };
    let layer = Convolution::new(&[1.0; 4 * 9], vec![0.0; 4], window, &Device::flex());
    let y = layer.forward(Tensor::ones([1, 4, 5, 4], &Device::flex()), Activation::Identity);
    let found: Vec<f32> = y.narrow(3, 0, 1).into_data().try_into_vec().expect("f32 values");
    assert_eq!(found, [4.0, 6.0, 4.0, 6.0, 9.0, 6.0]);
    assert_eq!((window.padding(4), window.padding(5)), ((1, 0), (1, 1)));
    let same = Window { padding: Padding::Same, ..window };
    assert_eq!((same.padding(4), same.padding(5)), ((0, 1), (1, 1)));
}

fn lengths(device: &Device) -> Tensor<1> {
    Tensor::from_data(TensorData::new(vec![5f32, 1.0, 3.0], [3]), device)
}

#[test]
fn attention_and_pooling_agree() {
    // What stands in the rows of padding differs between the two, and must not matter.
    for causal in [false, true] {
        agree(&format!("attention and pooling, causal {causal}"), |device| {
            let heads = Heads { tokens: 5, heads: 2, causal };
            let mixed = tensor([15, 3 * 64], 1, device).mul_scalar(4.0);
            pool_rows(attention(mixed, &Lengths::of(lengths(device)), None, heads), lengths(device))
        });
        agree(&format!("attention without padding, causal {causal}"), |device| {
            let heads = Heads { tokens: 5, heads: 2, causal };
            attention(tensor([15, 3 * 64], 1, device).mul_scalar(4.0), &Lengths::whole(3, 5, device), None, heads)
        });
    }
}

#[test]
fn biased_attention_agrees() {
    agree("attention with a bias", |device| {
        let (heads, bias) =
            (Heads { tokens: 5, heads: 2, causal: false }, tensor([2, 5, 5], 2, device).mul_scalar(3.0));
        let mixed = tensor([15, 3 * 64], 1, device).mul_scalar(4.0);
        pool_rows(attention(mixed, &Lengths::of(lengths(device)), Some(&bias), heads), lengths(device))
    });
    // A bias as large as a mask: every token takes the first one's values.
    let (device, heads) = (Device::flex(), Heads { tokens: 3, heads: 1, causal: false });
    let mixed = tensor([3, 3 * 4], 1, &device);
    let bias = Tensor::<1>::from_floats([0.0, -1e9, -1e9], &device).reshape([1, 1, 3]).expand([1, 3, 3]);
    let found = attention(mixed.clone(), &Lengths::whole(1, 3, &device), Some(&bias), heads);
    let first = mixed.narrow(0, 0, 1).narrow(1, 8, 4).expand([3, 4]);
    let difference: f32 = (found - first).abs().max().into_scalar();
    assert!(difference < 1e-6, "{difference}");
}

#[test]
fn attention_on_kept_pairs_agrees_and_is_causal_attention() {
    let pairs = |device: &Device| Pairs::split(tensor([15, 2 * 64], 1, device).mul_scalar(4.0), 3, 2);
    agree("two queries of two rows a source", |device| {
        cross_attention(tensor([12, 64], 2, device), &pairs(device), &Lengths::of(lengths(device)))
    });
    // Token by token with what is kept, or all at once: the same.
    let device = Device::flex();
    let mixed = tensor([8, 3 * 64], 3, &device).mul_scalar(3.0);
    let whole =
        attention(mixed.clone(), &Lengths::whole(2, 4, &device), None, Heads { tokens: 4, heads: 4, causal: true });
    let token = |t: usize| mixed.clone().reshape([2, 4, 192]).narrow(1, t, 1).reshape([2, 192]);
    let mut kept: Option<Pairs> = None;
    for t in 0..4 {
        let new = Pairs::split(token(t).narrow(1, 64, 128), 2, 4);
        let all = kept.map_or(new.clone(), |kept| kept.append(new));
        let one = cross_attention(token(t).narrow(1, 0, 64), &all, &Lengths::whole(2, t + 1, &device));
        let expected = whole.clone().reshape([2, 4, 64]).narrow(1, t, 1).reshape([2, 64]);
        let difference: f32 = (one - expected).abs().max().into_scalar();
        // Of values up to 3, by two implementations.
        assert!(difference < 3e-6, "token {t}: {difference}");
        kept = Some(all);
    }
}

#[test]
fn many_keys_are_shared_among_threads() {
    // Of few queries; as many keys as a picture has patches, which are no multiple of the threads.
    let pairs = |device: &Device| Pairs::split(tensor([3 * 197, 2 * 64], 1, device).mul_scalar(4.0), 3, 2);
    let counts = |device: &Device| Tensor::from_data(TensorData::new(vec![197f32, 1.0, 40.0], [3]), device);
    agree("three sources of many keys", |device| {
        cross_attention(tensor([6, 64], 2, device), &pairs(device), &Lengths::of(counts(device)))
    });
}

#[test]
fn the_first_of_the_largest_values_is_found() {
    for (rows, columns) in [(1, 1), (3, 5), (2, 5000)] {
        // Values that come again and again: the first counts.
        agree(&format!("largest of {rows} x {columns}"), |device| {
            largest_of_rows(tensor([rows, columns], 3, device).mul_scalar(2.0).round())
        });
    }
    let row = Tensor::<2>::from_floats([[0.0, 2.0, -1.0, 2.0]], &Device::flex());
    let found: Vec<f32> = largest_of_rows(row).into_data().try_into_vec().expect("f32 values");
    assert_eq!(found, [1.0, 2.0]);
}

#[test]
fn what_tensor_cores_make_is_near_single_precision() {
    let Some(adapter) = adapter() else { return };
    // Where there are none, nothing of theirs is run.
    if !tensor_cores(&adapter) {
        eprintln!("skipped: the adapter has no tensor cores, or its kernels are wrong");
        return;
    }
    agree_within("half precision", 5e-3, |device| {
        let precision = if own_kernels(device) { Precision::F16 } else { Precision::F32 };
        trial::layer(5000, device, precision).cast(FloatDType::F32)
    });
}

#[test]
fn rows_that_lie_turned_in_memory_are_read_in_their_order() {
    agree("norm of turned rows", |device| {
        let layer = RowNorm::new(values(12, 1), values(12, 2), 1e-12, device);
        layer.forward(tensor([12, 5], 3, device).transpose() + tensor([5, 12], 4, device))
    });
    agree("dense layer of turned rows", |device| {
        let layer = Dense::new(&values(12 * 8, 1), values(8, 2), device);
        layer.forward(tensor([12, 5], 3, device).transpose(), Activation::Identity)
    });
    agree("columns of a dense layer", |device| {
        let layer = Dense::new(&values(12 * 8, 1), values(8, 2), device);
        let ids = Tensor::<1, Int>::from_data(TensorData::new(vec![7i32, 0, 7], [3]), device);
        let norm = RowNorm::new(values(12, 1), values(12, 2), 1e-12, device);
        norm.forward(layer.columns(ids) + tensor([3, 12], 4, device))
    });
}

#[test]
fn norms_agree() {
    for rows in [1, 5, 130] {
        agree(&format!("norm of {rows} rows"), |device| {
            RowNorm::new(values(384, 1), values(384, 2), 1e-12, device).forward(tensor([rows, 384], 3, device))
        });
    }
}
