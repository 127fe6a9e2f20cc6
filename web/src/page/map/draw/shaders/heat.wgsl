// The density behind the points: a small picture, stretched over its part of the world.

@group(1) @binding(0) var heat: texture_2d<f32>;
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
    return textureSampleLevel(heat, smooth_sampler, in.uv, 0.0) * camera.heat;
}
