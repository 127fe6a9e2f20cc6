//! The density behind the points.

use gistmap::scene::density::Density;

use super::gpu::{Gpu, Vertices};
use super::pipeline::{CameraSlot, Recipe, build, sampler_entry, smooth_sampler, texture_entry, vertices};

/// The density's texture and pipeline.
pub(super) struct Heat {
    pipeline: wgpu::RenderPipeline,
    layout: wgpu::BindGroupLayout,
    sampler: wgpu::Sampler,
    corners: Vertices,
    texture: Option<(wgpu::Texture, wgpu::BindGroup)>,
}

impl Heat {
    pub(super) fn new(gpu: &Gpu, camera: &CameraSlot) -> Self {
        let layout = gpu.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("heat"),
            entries: &[texture_entry(0, wgpu::TextureViewDimension::D2), sampler_entry(1)],
        });
        let pipeline = build(
            gpu,
            camera,
            &Recipe {
                label: "heat",
                shader: include_str!("shaders/heat.wgsl"),
                buffers: &[vertices(16, &wgpu::vertex_attr_array![0 => Float32x2, 1 => Float32x2])],
                textures: Some(&layout),
            },
        );
        Self { pipeline, layout, sampler: smooth_sampler(gpu), corners: Vertices::default(), texture: None }
    }

    /// Replaces the density.
    pub(super) fn set(&mut self, gpu: &Gpu, density: &Density) {
        let [left, low] = density.bounds.low.map(|v| v as f32);
        let [right, high] = density.bounds.high.map(|v| v as f32);
        let corner = |x: f32, y: f32, u: f32, v: f32| [x, y, u, v];
        let (a, b) = (corner(left, high, 0.0, 0.0), corner(right, high, 1.0, 0.0));
        let (c, d) = (corner(right, low, 1.0, 1.0), corner(left, low, 0.0, 1.0));
        self.corners.fill(gpu, &[a, b, c, a, c, d]);
        let size =
            wgpu::Extent3d { width: density.columns as u32, height: density.rows as u32, depth_or_array_layers: 1 };
        if self.texture.as_ref().is_none_or(|(texture, _)| texture.size() != size) {
            self.texture = Some(self.texture(gpu, size));
        }
        if let Some((texture, _)) = &self.texture {
            let layout = wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(4 * size.width),
                rows_per_image: Some(size.height),
            };
            gpu.queue.write_texture(texture.as_image_copy(), &density.rgba, layout, size);
        }
    }

    fn texture(&self, gpu: &Gpu, size: wgpu::Extent3d) -> (wgpu::Texture, wgpu::BindGroup) {
        let texture = gpu.device.create_texture(&wgpu::TextureDescriptor {
            label: Some("heat"),
            size,
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: wgpu::TextureFormat::Rgba8Unorm,
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        });
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        let group = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("heat"),
            layout: &self.layout,
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::TextureView(&view) },
                wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::Sampler(&self.sampler) },
            ],
        });
        (texture, group)
    }

    pub(super) fn draw(&self, pass: &mut wgpu::RenderPass<'_>) {
        if let (Some((_, group)), Some(corners)) = (&self.texture, self.corners.slice()) {
            pass.set_pipeline(&self.pipeline);
            pass.set_bind_group(1, group, &[]);
            pass.set_vertex_buffer(0, corners);
            pass.draw(0..6, 0..1);
        }
    }
}
