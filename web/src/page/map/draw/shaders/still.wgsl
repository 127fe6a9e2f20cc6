// A picture of the points as they were a moment ago, moved and stretched to where the camera is now.

@group(1) @binding(0) var still: texture_2d<f32>;
@group(1) @binding(1) var smooth_sampler: sampler;

struct Out {
    @builtin(position) position: vec4f,
    @location(0) uv: vec2f,
}

@vertex
fn vertex(@location(0) at: vec2f, @location(1) uv: vec2f) -> Out {
    return Out(vec4f(clip(at), 0.0, 1.0), uv);
}

@fragment
fn fragment(in: Out) -> @location(0) vec4f {
    return textureSampleLevel(still, smooth_sampler, in.uv, 0.0);
}
