//! Where a convolution's window stands.

#[cfg(not(target_arch = "wasm32"))]
use burn::tensor::Shape;

/// Where the zeros around a picture stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Padding {
    /// TensorFlow's "SAME": as few as the output needs; where their number is odd, the one more stands after.
    Same,
    /// PyTorch's `padding = kernel // 2`, of odd kernels: as many before as behind.
    Even,
}

/// A convolution whose output is as large as its input, divided by the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    /// Side of the square kernel.
    pub(crate) kernel: usize,
    /// Step.
    pub(crate) stride: usize,
    /// Around the picture.
    pub(crate) padding: Padding,
}

impl Window {
    /// Extent of the output along a side of `input`.
    pub(crate) fn output(self, input: usize) -> usize {
        input.div_ceil(self.stride)
    }

    /// Zeros before and after a side of `input`.
    pub(crate) fn padding(self, input: usize) -> (usize, usize) {
        let all = ((self.output(input) - 1) * self.stride + self.kernel).saturating_sub(input);
        match self.padding {
            Padding::Same => (all / 2, all - all / 2),
            Padding::Even => (self.kernel / 2, all.saturating_sub(self.kernel / 2)),
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn shape(self, x: &Shape, bias: &Shape) -> Shape {
        Shape::new([x[0], self.output(x[1]), self.output(x[2]), bias[0]])
    }
}
