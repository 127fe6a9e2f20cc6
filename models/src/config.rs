//! Reading the `config.json` that is published with a network.
//!
//! A network's own file says which fields it reads, under their published names; what is missing has the value that
//! Hugging Face's transformers gives it. Fields that change nothing here (dropout, initialisation) are passed over.

use std::fmt::Display;

use serde::de::DeserializeOwned;

use crate::checkpoint::CheckpointError;
use crate::fused::Activation;

/// Why a configuration makes no network.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConfigError {
    /// Not JSON, or a field of another type.
    #[error("cannot read the network's configuration: {0}")]
    Json(String),
    /// A field asks for what is not built.
    #[error("the configuration's `{field}` is {value}; supported: {supported}")]
    Unsupported {
        /// Published name, with the part that it stands in.
        field: String,
        /// What the file says.
        value: String,
        /// What it may say.
        supported: &'static str,
    },
}

/// Why a network is not built.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum LoadError {
    /// Its configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Its weights.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

/// The fields of `T` from a file's bytes.
pub(crate) fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, ConfigError> {
    serde_json::from_slice(json).map_err(|e| ConfigError::Json(e.to_string()))
}

/// An error naming `field` unless `holds`.
pub(crate) fn require(
    holds: bool,
    field: &str,
    value: impl Display,
    supported: &'static str,
) -> Result<(), ConfigError> {
    if holds {
        return Ok(());
    }
    Err(ConfigError::Unsupported { field: field.to_owned(), value: value.to_string(), supported })
}

/// An activation by its published name.
pub(crate) fn activation(field: &str, name: &str) -> Result<Activation, ConfigError> {
    Ok(match name {
        "gelu" => Activation::Gelu,
        "gelu_new" | "gelu_pytorch_tanh" => Activation::GeluTanh,
        "quick_gelu" => Activation::QuickGelu,
        "relu" => Activation::Relu,
        _ => {
            let supported = "gelu, gelu_new, gelu_pytorch_tanh, quick_gelu, relu";
            return Err(ConfigError::Unsupported { field: field.to_owned(), value: name.to_owned(), supported });
        }
    })
}

/// Checks that a layer of `width` splits into `heads`, and that both fit the kernels; `part` is where the fields stand.
pub(crate) fn require_heads(part: &str, width: usize, heads: usize) -> Result<(), ConfigError> {
    require(width > 0, &format!("{part}hidden_size"), width, "more than 0")?;
    let fits = heads > 0 && width.is_multiple_of(4 * heads);
    require(fits, &format!("{part}num_attention_heads"), heads, "a divisor of hidden_size / 4")
}

/// Checks an extent that the kernels read four values at a time.
pub(crate) fn require_fours(field: &str, value: usize) -> Result<(), ConfigError> {
    require(value > 0 && value.is_multiple_of(4), field, value, "multiples of 4")
}

/// Checks that pictures of `side` fall into patches.
pub(crate) fn require_patches(part: &str, side: usize, patch: usize) -> Result<(), ConfigError> {
    let even = patch > 0 && patch.is_multiple_of(2);
    require(even, &format!("{part}patch_size"), patch, "even numbers")?;
    require(side >= patch, &format!("{part}image_size"), side, "at least patch_size")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unsupported_value_names_its_field() {
        let error = activation("vision_config.hidden_act", "silu").map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("`vision_config.hidden_act` is silu; supported: gelu,"), "{error}");
        let error = require_heads("text_config.", 72, 12).unwrap_err().to_string();
        assert!(error.contains("`text_config.num_attention_heads` is 12"), "{error}");
        assert!(require_heads("", 768, 12).is_ok() && require_heads("", 768, 0).is_err());
        assert!(matches!(read::<usize>(b"{"), Err(ConfigError::Json(_))));
    }
}
