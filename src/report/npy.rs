//! NumPy's array file, format version 1.0 (`numpy.lib.format`): little-endian `float32`, C order, 2-D.

use ndarray::{Array2, ArrayView2};

const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";
/// The data starts at a multiple of this.
const ALIGNMENT: usize = 64;

/// Bytes that are not an array file of this kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NpyError {
    /// Not an array file of version 1.0.
    #[error("not a NumPy array file of version 1.0")]
    NotNpy,
    /// An array of another type, order or number of dimensions; holds the header.
    #[error("not a two-dimensional little-endian float32 array in C order: {0}")]
    Unsupported(String),
    /// Fewer or more data than the header says.
    #[error("the header says {expected} bytes of data, the file has {found}")]
    Length {
        /// Bytes that the shape asks for.
        expected: usize,
        /// Bytes there are.
        found: usize,
    },
}

/// The bytes of `matrix` `[rows, columns]` as `numpy.save` writes them.
pub fn write(matrix: ArrayView2<'_, f32>) -> Vec<u8> {
    let (rows, cols) = matrix.dim();
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {cols}), }}");
    // numpy leaves room for the first dimension to grow to 21 digits before it pads.
    header.push_str(&" ".repeat(21 - rows.to_string().len()));
    let start = (MAGIC.len() + 2 + header.len() + 1).next_multiple_of(ALIGNMENT);
    header.push_str(&" ".repeat(start - (MAGIC.len() + 2 + header.len() + 1)));
    header.push('\n');
    let mut bytes = Vec::with_capacity(start + rows * cols * 4);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&(header.len() as u16).to_le_bytes());
    bytes.extend_from_slice(header.as_bytes());
    for value in matrix.iter() {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    bytes
}

/// The matrix in the bytes of an array file.
///
/// # Errors
/// When the bytes are not a version 1.0 file, not 2-D `<f4` in C order, or of another length than the
/// header says.
pub fn read(bytes: &[u8]) -> Result<Array2<f32>, NpyError> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(NpyError::NotNpy)?;
    let (length, rest) = rest.split_first_chunk::<2>().ok_or(NpyError::NotNpy)?;
    let (header, data) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length))).ok_or(NpyError::NotNpy)?;
    let header = std::str::from_utf8(header).map_err(|_| NpyError::NotNpy)?.trim();
    let unsupported = || NpyError::Unsupported(header.to_owned());
    let compact: String = header.split_whitespace().collect();
    if !compact.contains("'descr':'<f4'") || !compact.contains("'fortran_order':False") {
        return Err(unsupported());
    }
    let shape = compact.split_once("'shape':(").and_then(|(_, s)| s.split_once(')')).ok_or_else(unsupported)?.0;
    let sizes: Vec<usize> = shape.split(',').map(str::parse).collect::<Result<_, _>>().map_err(|_| unsupported())?;
    let [rows, cols] = sizes[..] else { return Err(unsupported()) };
    let expected = rows.checked_mul(cols).and_then(|n| n.checked_mul(4)).ok_or_else(unsupported)?;
    let (values, rest) = data.as_chunks::<4>();
    if data.len() != expected || !rest.is_empty() {
        return Err(NpyError::Length { expected, found: data.len() });
    }
    let values = values.iter().map(|v| f32::from_le_bytes(*v)).collect();
    Array2::from_shape_vec((rows, cols), values).map_err(|_| unsupported())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{NpyError, read, write};
    use ndarray::{Array2, array};

    /// `np.save(f, np.array([[0, 0.5, -1], [1e-30, 3e38, 2]], "<f4"))`; see tests/golden/explain/npy.py.
    const GOLDEN: &[u8] = include_bytes!("../../tests/golden/explain/small.npy");

    #[test]
    fn bytes_are_numpy_s() {
        let x = array![[0.0_f32, 0.5, -1.0], [1e-30, 3e38, 2.0]];
        assert_eq!(write(x.view()), GOLDEN);
        assert_eq!(read(GOLDEN).unwrap(), x);
    }

    #[test]
    fn transposed_views_and_empty_matrices_round_trip() {
        let x = Array2::from_shape_fn((7, 130), |(i, j)| i as f32 - j as f32 / 3.0);
        assert_eq!(read(&write(x.t())).unwrap(), x.t());
        assert_eq!(read(&write(Array2::zeros((0, 5)).view())).unwrap().dim(), (0, 5));
    }

    #[test]
    fn bad_files_are_named() {
        assert_eq!(read(b"PK"), Err(NpyError::NotNpy));
        assert_eq!(read(&GOLDEN[..40]), Err(NpyError::NotNpy));
        let cut = read(&GOLDEN[..GOLDEN.len() - 1]);
        assert_eq!(cut, Err(NpyError::Length { expected: 24, found: 23 }));
        let other = String::from_utf8_lossy(&GOLDEN[10..]).contains("<f4");
        assert!(other);
        let mut double = GOLDEN.to_vec();
        double[23] = b'8';
        assert!(matches!(read(&double), Err(NpyError::Unsupported(h)) if h.contains("<f8")));
    }
}
