//! What is kept in the store, under which keys, in which form.
//!
//! A key names everything that a value depends on, so nothing is ever invalidated: a changed picture, network,
//! parameter or algorithm version has another key.

use ndarray::{Array2, ArrayView2};
use serde::de::DeserializeOwned;

use crate::store::{BlobStore, Key};

/// The key of a value of `kind` that depends on `parts`.
pub(super) fn key(kind: &str, parts: &[&str]) -> Key {
    let mut all: Vec<&[u8]> = vec![kind.as_bytes()];
    all.extend(parts.iter().map(|p| p.as_bytes()));
    Key::of(&all)
}

/// Hash of a matrix's shape and bits, hexadecimal.
pub(super) fn matrix_hash(matrix: ArrayView2<'_, f32>) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(matrix.nrows() as u64).to_le_bytes());
    hasher.update(&(matrix.ncols() as u64).to_le_bytes());
    for row in matrix.rows() {
        hasher.update(&floats_to_bytes(row.iter().copied()));
    }
    hasher.finalize().to_hex().to_string()
}

/// Little-endian bytes.
pub(super) fn floats_to_bytes(values: impl Iterator<Item = f32>) -> Vec<u8> {
    values.flat_map(f32::to_le_bytes).collect()
}

/// The reverse of [`floats_to_bytes`]; `None` when the bytes are not `count` floats.
pub(super) fn bytes_to_floats(bytes: &[u8], count: usize) -> Option<Vec<f32>> {
    let (chunks, rest) = bytes.as_chunks::<4>();
    (rest.is_empty() && chunks.len() == count).then(|| chunks.iter().map(|b| f32::from_le_bytes(*b)).collect())
}

/// Reads a value that was kept as JSON.
pub(super) fn get_json<T: DeserializeOwned>(store: &dyn BlobStore, key: &Key) -> Option<T> {
    serde_json::from_slice(&store.get(key)?).ok()
}

/// Reads a matrix of `rows` rows that was kept as [`floats_to_bytes`].
pub(super) fn get_matrix(store: &dyn BlobStore, key: &Key, rows: usize, columns: usize) -> Option<Array2<f32>> {
    let values = bytes_to_floats(&store.get(key)?, rows * columns)?;
    Array2::from_shape_vec((rows, columns), values).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;
    use ndarray::array;

    #[test]
    fn matrices_come_back_and_wrong_sizes_do_not() {
        let store = MemoryStore::default();
        let matrix = array![[1.0f32, f32::MIN_POSITIVE], [-0.0, 3.5]];
        let key = key("matrix", &["a"]);
        store.put(&key, &floats_to_bytes(matrix.iter().copied())).unwrap();
        assert_eq!(get_matrix(&store, &key, 2, 2).unwrap(), matrix);
        assert_eq!(get_matrix(&store, &key, 3, 2), None);
        assert_ne!(matrix_hash(matrix.view()), matrix_hash(matrix.t()));
    }

    #[test]
    fn keys_keep_their_parts_apart() {
        assert_ne!(key("a", &["bc", ""]), key("a", &["b", "c"]));
        assert_ne!(key("ab", &["c"]), key("a", &["bc"]));
    }
}
