//! Marks on top of everything: what the pointer is on, and the centres of K-Means.

use bytemuck::{Pod, Zeroable};

use super::gpu::{Gpu, Vertices};
use super::pipeline::{CameraSlot, Recipe, build, vertices};

/// How a mark looks; the numbers are the shader's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::map) enum Shape {
    /// Around a point.
    Ring = 0,
    /// Around a thumbnail.
    Frame = 1,
    /// A ring with a cross.
    Centre = 2,
}

/// One mark.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::map) struct Mark {
    /// World coordinates.
    pub(in crate::map) at: [f32; 2],
    /// CSS pixels.
    pub(in crate::map) radius: f32,
    pub(in crate::map) shape: Shape,
    pub(in crate::map) colour: [u8; 4],
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Vertex {
    at: [f32; 2],
    radius: f32,
    shape: u32,
    colour: [u8; 4],
}

/// The marks' buffer and pipeline.
pub(super) struct Marks {
    pipeline: wgpu::RenderPipeline,
    corners: Vertices,
    shown: Vec<Mark>,
}

impl Marks {
    pub(super) fn new(gpu: &Gpu, camera: &CameraSlot) -> Self {
        let attributes = wgpu::vertex_attr_array![0 => Float32x2, 1 => Float32, 2 => Uint32, 3 => Unorm8x4];
        let recipe = Recipe {
            label: "marks",
            shader: include_str!("shaders/marks.wgsl"),
            buffers: &[vertices(size_of::<Vertex>() as u64, &attributes)],
            textures: None,
        };
        Self { pipeline: build(gpu, camera, &recipe), corners: Vertices::default(), shown: Vec::new() }
    }

    /// Replaces the marks; nothing is sent where they are the same.
    pub(super) fn set(&mut self, gpu: &Gpu, marks: &[Mark]) {
        if self.shown == marks {
            return;
        }
        self.shown = marks.to_vec();
        let vertex = |m: &Mark| Vertex { at: m.at, radius: m.radius, shape: m.shape as u32, colour: m.colour };
        let corners: Vec<Vertex> = marks.iter().flat_map(|m| [vertex(m); 6]).collect();
        self.corners.fill(gpu, &corners);
    }

    pub(super) fn draw(&self, pass: &mut wgpu::RenderPass<'_>) {
        if let Some(corners) = self.corners.slice() {
            pass.set_pipeline(&self.pipeline);
            pass.set_vertex_buffer(0, corners);
            pass.draw(0..6 * self.shown.len() as u32, 0..1);
        }
    }
}
