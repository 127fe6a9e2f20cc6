//! Reading weights by their published names, whatever file they come from.

use thiserror::Error;

/// A tensor does not have the number of values that the network needs.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("tensor {name}: expected {expected:?}, {} values, found {found} values", .expected.iter().product::<usize>())]
pub struct WrongTensor {
    /// The published name.
    pub name: String,
    /// The shape that was asked for.
    pub expected: Vec<usize>,
    /// How many values came.
    pub found: usize,
}

/// Where weights come from: the tensor of the published name, row-major in PyTorch's layout, of the shape asked for.
pub type TensorSource<'a, E> = dyn FnMut(&str, &[usize]) -> Result<Vec<f32>, E> + 'a;

/// Asks `source` for a tensor and checks its size.
pub(crate) fn take<E: From<WrongTensor>>(
    source: &mut TensorSource<'_, E>,
    name: &str,
    shape: &[usize],
) -> Result<Vec<f32>, E> {
    let values = source(name, shape)?;
    if values.len() == shape.iter().product::<usize>() {
        return Ok(values);
    }
    Err(WrongTensor { name: name.to_string(), expected: shape.to_vec(), found: values.len() }.into())
}

/// A convolution without bias and the batch normalisation behind it, folded into one weight and one bias.
///
/// `y = (conv(x) - mean) / sqrt(var + epsilon) * gamma + beta`, computed in f64.
pub(crate) fn take_folded<E: From<WrongTensor>>(
    source: &mut TensorSource<'_, E>,
    conv: &str,
    shape: &[usize],
    norm: &str,
    epsilon: f64,
) -> Result<(Vec<f32>, Vec<f32>), E> {
    let mut weight = take(source, &format!("{conv}.weight"), shape)?;
    let outputs = shape[0];
    let mut part = |name: &str| take(source, &format!("{norm}.{name}"), &[outputs]);
    let (gamma, beta) = (part("weight")?, part("bias")?);
    let (mean, variance) = (part("running_mean")?, part("running_var")?);
    let mut bias = Vec::with_capacity(outputs);
    for (o, filter) in weight.chunks_exact_mut(shape[1..].iter().product::<usize>().max(1)).enumerate() {
        let scale = f64::from(gamma[o]) / (f64::from(variance[o]) + epsilon).sqrt();
        for w in filter {
            *w = (f64::from(*w) * scale) as f32;
        }
        bias.push((f64::from(beta[o]) - f64::from(mean[o]) * scale) as f32);
    }
    Ok((weight, bias))
}
