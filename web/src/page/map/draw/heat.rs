//! The density behind the points.

use gistmap::scene::density::Density;

use super::gpu::{Gpu, Vertices};
use super::pipeline::{
    CORNER, CameraSlot, Recipe, build, corners, sampler_entry, smooth_sampler, texture_entry, vertices,
};
use super::texture::Picture;

/// The density's texture and pipeline.
pub(super) struct Heat {
    pipeline: wgpu::RenderPipeline,
    layout: wgpu::BindGroupLayout,
    sampler: wgpu::Sampler,
    corners: Vertices,
    picture: Option<Picture>,
}

impl Heat {
    pub(super) fn new(gpu: &Gpu, camera: &CameraSlot) -> Self {
        let layout = gpu.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("heat"),
            entries: &[texture_entry(0, wgpu::TextureViewDimension::D2), sampler_entry(1)],
        });
        let recipe = Recipe {
            label: "heat",
            shader: include_str!("shaders/heat.wgsl"),
            buffers: &[vertices(16, &CORNER)],
            textures: Some(&layout),
        };
        let pipeline = build(gpu, camera, &recipe);
        Self { pipeline, layout, sampler: smooth_sampler(gpu), corners: Vertices::default(), picture: None }
    }

    /// Replaces the density.
    pub(super) fn set(&mut self, gpu: &Gpu, density: &Density) {
        self.corners.fill(gpu, &corners(&density.bounds));
        let size = [density.columns as u32, density.rows as u32];
        let kept = self.picture.take().filter(|p| p.is(size));
        let picture = kept.unwrap_or_else(|| {
            Picture::new(gpu, &self.layout, Some(&self.sampler), size, wgpu::TextureFormat::Rgba8Unorm)
        });
        picture.write(gpu, &density.rgba);
        self.picture = Some(picture);
    }

    pub(super) fn draw(&self, pass: &mut wgpu::RenderPass<'_>) {
        if let (Some(picture), Some(corners)) = (&self.picture, self.corners.slice()) {
            pass.set_pipeline(&self.pipeline);
            pass.set_bind_group(1, &picture.group, &[]);
            pass.set_vertex_buffer(0, corners);
            pass.draw(0..6, 0..1);
        }
    }
}
