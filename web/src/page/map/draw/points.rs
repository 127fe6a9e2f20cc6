//! Points: one triangle each, in an order without favour for the pictures that come last.
//!
//! Not instanced: software rasterisers go through instances one by one, which costs far more than three vertices a point.

use gistmap::scene::separation::fair_order;

use super::gpu::{Gpu, Vertices};
use super::pipeline::{CameraSlot, Recipe, build, vertices};

/// Where points without a finite place are sent: out of sight, and still a number.
const NOWHERE: f32 = 1e18;

/// The points' buffers and pipeline.
pub(super) struct Points {
    pipeline: wgpu::RenderPipeline,
    before: Vertices,
    after: Vertices,
    styles: Vertices,
    count: usize,
}

impl Points {
    pub(super) fn new(gpu: &Gpu, camera: &CameraSlot) -> Self {
        let pipeline = build(
            gpu,
            camera,
            &Recipe {
                label: "points",
                shader: include_str!("shaders/points.wgsl"),
                buffers: &[
                    vertices(8, &wgpu::vertex_attr_array![0 => Float32x2]),
                    vertices(8, &wgpu::vertex_attr_array![1 => Float32x2]),
                    vertices(4, &wgpu::vertex_attr_array![2 => Unorm8x4]),
                ],
                textures: None,
            },
        );
        let empty = Vertices::default;
        Self { pipeline, before: empty(), after: empty(), styles: empty(), count: 0 }
    }

    /// New places. `before` is `None` where the points come from where they were last sent.
    pub(super) fn place(&mut self, gpu: &Gpu, before: Option<&[f32]>, after: &[f32]) {
        self.count = after.len() / 2;
        std::mem::swap(&mut self.before, &mut self.after);
        self.after.fill(gpu, &tripled(&places(after)));
        if let Some(before) = before {
            self.before.fill(gpu, &tripled(&places(before)));
        }
    }

    /// New colours and states, one for each point.
    pub(super) fn style(&mut self, gpu: &Gpu, styles: &[[u8; 4]]) {
        self.styles.fill(gpu, &tripled(styles));
    }

    pub(super) fn draw(&self, pass: &mut wgpu::RenderPass<'_>) {
        let (Some(before), Some(after), Some(styles)) = (self.before.slice(), self.after.slice(), self.styles.slice())
        else {
            return;
        };
        pass.set_pipeline(&self.pipeline);
        pass.set_vertex_buffer(0, before);
        pass.set_vertex_buffer(1, after);
        pass.set_vertex_buffer(2, styles);
        pass.draw(0..3 * self.count as u32, 0..1);
    }
}

fn places(xy: &[f32]) -> Vec<[f32; 2]> {
    let place = |p: &[f32]| if p[0].is_finite() && p[1].is_finite() { [p[0], p[1]] } else { [NOWHERE; 2] };
    xy.chunks_exact(2).map(place).collect()
}

/// Each item for the three corners of its triangle, in the order in which points are drawn.
fn tripled<T: Copy>(items: &[T]) -> Vec<T> {
    let mut all = Vec::with_capacity(3 * items.len());
    for i in fair_order(items.len()) {
        let item = items[i as usize];
        all.extend([item, item, item]);
    }
    all
}
