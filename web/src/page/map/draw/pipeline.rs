//! How a pipeline of the map is put together: the camera in group 0, textures in group 1, premultiplied colours.

use gistmap::scene::Bounds;

use super::gpu::Gpu;

/// One pipeline's shader, vertices and textures.
pub(super) struct Recipe<'a> {
    pub(super) label: &'a str,
    /// Follows the camera's source.
    pub(super) shader: &'a str,
    pub(super) buffers: &'a [wgpu::VertexBufferLayout<'a>],
    pub(super) textures: Option<&'a wgpu::BindGroupLayout>,
}

/// The camera's place in every pipeline.
pub(super) struct CameraSlot {
    pub(super) layout: wgpu::BindGroupLayout,
    pub(super) group: wgpu::BindGroup,
    pub(super) buffer: wgpu::Buffer,
}

impl CameraSlot {
    pub(super) fn new(gpu: &Gpu, bytes: u64) -> Self {
        let layout = gpu.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("camera"),
            entries: &[wgpu::BindGroupLayoutEntry {
                binding: 0,
                visibility: wgpu::ShaderStages::VERTEX_FRAGMENT,
                ty: wgpu::BindingType::Buffer {
                    ty: wgpu::BufferBindingType::Uniform,
                    has_dynamic_offset: false,
                    min_binding_size: None,
                },
                count: None,
            }],
        });
        let buffer = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("camera"),
            size: bytes,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let group = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("camera"),
            layout: &layout,
            entries: &[wgpu::BindGroupEntry { binding: 0, resource: buffer.as_entire_binding() }],
        });
        Self { layout, group, buffer }
    }
}

/// Builds `recipe`.
pub(super) fn build(gpu: &Gpu, camera: &CameraSlot, recipe: &Recipe<'_>) -> wgpu::RenderPipeline {
    let source = format!("{}\n{}", include_str!("shaders/camera.wgsl"), recipe.shader);
    let module = gpu.device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(recipe.label),
        source: wgpu::ShaderSource::Wgsl(source.into()),
    });
    let groups: Vec<Option<&wgpu::BindGroupLayout>> =
        std::iter::once(&camera.layout).chain(recipe.textures).map(Some).collect();
    let layout = gpu.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some(recipe.label),
        bind_group_layouts: &groups,
        immediate_size: 0,
    });
    let buffers: Vec<Option<wgpu::VertexBufferLayout<'_>>> = recipe.buffers.iter().cloned().map(Some).collect();
    gpu.device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some(recipe.label),
        layout: Some(&layout),
        vertex: wgpu::VertexState {
            module: &module,
            entry_point: Some("vertex"),
            compilation_options: Default::default(),
            buffers: &buffers,
        },
        primitive: wgpu::PrimitiveState::default(),
        depth_stencil: None,
        multisample: wgpu::MultisampleState::default(),
        fragment: Some(wgpu::FragmentState {
            module: &module,
            entry_point: Some("fragment"),
            compilation_options: Default::default(),
            targets: &[Some(wgpu::ColorTargetState {
                format: gpu.format(),
                blend: Some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING),
                write_mask: wgpu::ColorWrites::ALL,
            })],
        }),
        multiview_mask: None,
        cache: None,
    })
}

/// Vertices of one buffer, advancing a vertex at a time.
pub(super) fn vertices(stride: u64, attributes: &[wgpu::VertexAttribute]) -> wgpu::VertexBufferLayout<'_> {
    wgpu::VertexBufferLayout { array_stride: stride, step_mode: wgpu::VertexStepMode::Vertex, attributes }
}

/// What [`corners`] makes, as shaders read it.
pub(super) const CORNER: [wgpu::VertexAttribute; 2] = wgpu::vertex_attr_array![0 => Float32x2, 1 => Float32x2];

/// Two triangles over a part of the world, each corner `x, y, u, v`; v runs down.
pub(super) fn corners(area: &Bounds) -> [[f32; 4]; 6] {
    let [left, low] = area.low.map(|v| v as f32);
    let [right, high] = area.high.map(|v| v as f32);
    let (a, b) = ([left, high, 0.0, 0.0], [right, high, 1.0, 0.0]);
    let (c, d) = ([right, low, 1.0, 1.0], [left, low, 0.0, 1.0]);
    [a, b, c, a, c, d]
}

/// A sampled texture's entry in group 1.
pub(super) fn texture_entry(binding: u32, dimension: wgpu::TextureViewDimension) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::FRAGMENT,
        ty: wgpu::BindingType::Texture {
            sample_type: wgpu::TextureSampleType::Float { filterable: true },
            view_dimension: dimension,
            multisampled: false,
        },
        count: None,
    }
}

/// A smoothing sampler's entry in group 1.
pub(super) fn sampler_entry(binding: u32) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::FRAGMENT,
        ty: wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering),
        count: None,
    }
}

/// A sampler that smooths and never looks past the edge.
pub(super) fn smooth_sampler(gpu: &Gpu) -> wgpu::Sampler {
    gpu.device.create_sampler(&wgpu::SamplerDescriptor {
        mag_filter: wgpu::FilterMode::Linear,
        min_filter: wgpu::FilterMode::Linear,
        ..Default::default()
    })
}
