//! From a network's output to a matrix: the one place that waits for a device.

use gistmap_models::encoder::Output;
use ndarray::Array2;

/// The device failed, or gave what no network can give.
#[derive(Debug, thiserror::Error)]
pub enum ReadbackError {
    /// The device reported an error (out of memory, lost).
    #[error("the device failed while computing: {0}; try --device cpu")]
    Device(String),
    /// A network's output holds NaN or infinity: a broken kernel or driver.
    #[error("the device computed numbers that are not finite; its driver is broken, use --device cpu")]
    NotFinite,
    /// The output's size is not rows times columns.
    #[error("the network's output has a wrong size: {0}")]
    Shape(String),
}

/// Waits for `output` and checks that every number is finite. `[rows, columns]`.
///
/// # Errors
/// When the device failed or the numbers are not finite.
pub async fn read(output: Output) -> Result<Array2<f32>, ReadbackError> {
    let (values, columns) = match output {
        Output::Host { values, columns } => (values, columns),
        Output::Device(tensor) => {
            let columns = tensor.dims()[1];
            let data = tensor.into_data_async().await.map_err(|e| ReadbackError::Device(format!("{e:?}")))?;
            (data.try_into_vec::<f32>().map_err(|e| ReadbackError::Device(format!("{e:?}")))?, columns)
        }
    };
    if !values.iter().all(|v| v.is_finite()) {
        return Err(ReadbackError::NotFinite);
    }
    let rows = values.len().checked_div(columns).unwrap_or(0);
    Array2::from_shape_vec((rows, columns), values).map_err(|e| ReadbackError::Shape(e.to_string()))
}
