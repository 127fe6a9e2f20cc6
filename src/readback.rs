//! From a network's output to a matrix: the one place that waits for a device.

use gistmap_models::burn::tensor::ExecutionError;
use gistmap_models::encoder::Output;
use ndarray::Array2;

/// The device failed, or gave what no network can give.
#[derive(Debug, thiserror::Error)]
pub enum ReadbackError {
    /// The device reported an error, such as too little memory.
    #[error("the device failed while computing: {0}")]
    Device(String),
    /// The device is gone: a driver was reset, a GPU unplugged.
    #[error("the device was lost while computing: {0}")]
    Lost(String),
    /// A device's output holds NaN or infinity: a broken kernel or driver.
    #[error("the device computed numbers that are not finite: its driver is broken")]
    NotFinite,
    /// The processor's output does: no kernel of ours gives that for whole weights.
    #[error("the network gave numbers that are not finite: its weights are damaged, get the model again")]
    Weights,
    /// The output's size is not rows times columns.
    #[error("the network's output has a wrong size: {0}")]
    Shape(String),
}

/// Waits for `output` and checks that every number is finite. `[rows, columns]`.
///
/// # Errors
/// When the device failed or the numbers are not finite.
pub async fn read(output: Output) -> Result<Array2<f32>, ReadbackError> {
    let (values, columns, broken) = match output {
        Output::Host { values, columns } => (values, columns, ReadbackError::Weights),
        Output::Device(tensor) => {
            let columns = tensor.dims()[1];
            let data = tensor.into_data_async().await.map_err(failed)?;
            let values = data.try_into_vec::<f32>().map_err(|e| ReadbackError::Device(format!("{e:?}")))?;
            (values, columns, ReadbackError::NotFinite)
        }
    };
    if !values.iter().all(|v| v.is_finite()) {
        return Err(broken);
    }
    let rows = values.len().checked_div(columns).unwrap_or(0);
    Array2::from_shape_vec((rows, columns), values).map_err(|e| ReadbackError::Shape(e.to_string()))
}

/// A device that is lost says so as "poisoned", but for the read-back that it interrupted.
fn failed(error: ExecutionError) -> ReadbackError {
    match error {
        ExecutionError::DevicePoisoned { reason } => ReadbackError::Lost(reason),
        other => {
            let reason = other.to_string();
            if reason.contains("lost") { ReadbackError::Lost(reason) } else { ReadbackError::Device(reason) }
        }
    }
}
