//! Flat textures with the bind group that shows them.

use super::gpu::Gpu;

/// A texture and how shaders see it.
pub(super) struct Picture {
    pub(super) texture: wgpu::Texture,
    pub(super) group: wgpu::BindGroup,
}

impl Picture {
    /// A texture of `size`, in group 1 as `layout` says, which has the sampler if there is one.
    pub(super) fn new(
        gpu: &Gpu,
        layout: &wgpu::BindGroupLayout,
        sampler: Option<&wgpu::Sampler>,
        size: [u32; 2],
        format: wgpu::TextureFormat,
    ) -> Self {
        use wgpu::TextureUsages as Usage;
        let texture = gpu.device.create_texture(&wgpu::TextureDescriptor {
            label: None,
            size: extent(size),
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format,
            usage: Usage::TEXTURE_BINDING | Usage::COPY_DST,
            view_formats: &[],
        });
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        let mut entries =
            vec![wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::TextureView(&view) }];
        entries
            .extend(sampler.map(|s| wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::Sampler(s) }));
        let group = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout, entries: &entries });
        Self { texture, group }
    }

    /// Whether it has this size.
    pub(super) fn is(&self, size: [u32; 2]) -> bool {
        self.texture.size() == extent(size)
    }

    /// Replaces all texels, four bytes each.
    pub(super) fn write(&self, gpu: &Gpu, texels: &[u8]) {
        let size = self.texture.size();
        let layout = wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some(4 * size.width),
            rows_per_image: Some(size.height),
        };
        gpu.queue.write_texture(self.texture.as_image_copy(), texels, layout, size);
    }
}

fn extent([width, height]: [u32; 2]) -> wgpu::Extent3d {
    wgpu::Extent3d { width, height, depth_or_array_layers: 1 }
}
