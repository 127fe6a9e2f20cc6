// Points that the processor drew: pixel for pixel.

@group(1) @binding(0) var sheet: texture_2d<f32>;

// One triangle over the whole screen.
@vertex
fn vertex(@builtin(vertex_index) index: u32) -> @builtin(position) vec4f {
    return vec4f(f32(index & 1u) * 4.0 - 1.0, f32(index >> 1u) * 4.0 - 1.0, 0.0, 1.0);
}

@fragment
fn fragment(@builtin(position) at: vec4f) -> @location(0) vec4f {
    return textureLoad(sheet, vec2i(at.xy), 0);
}
