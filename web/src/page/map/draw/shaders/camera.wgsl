// What every shader of the map sees: the camera and the sizes of this frame. Lengths are CSS pixels.

struct Camera {
    centre: vec2f,
    // Clip units a world unit, and a CSS pixel.
    world: vec2f,
    pixel: vec2f,
    // Device pixels a CSS pixel.
    density: f32,
    // How far points are on their way from where they were, 0 to 1.
    way: f32,
    // A point's radius, the width of its outline, its opacity and that of a dimmed one.
    radius: f32,
    outline: f32,
    opacity: f32,
    dimmed: f32,
    // A thumbnail's side, the density's opacity.
    side: f32,
    heat: f32,
    unused: vec2f,
    background: vec4f,
    ink: vec4f,
}

@group(0) @binding(0) var<uniform> camera: Camera;

fn clip(at: vec2f) -> vec2f {
    return (at - camera.centre) * camera.world;
}

fn placed(before: vec2f, after: vec2f) -> vec2f {
    return clip(mix(before, after, camera.way));
}

// The corners of a quad's two triangles, from -1 to 1, y down.
fn quad_corner(vertex: u32) -> vec2f {
    let i = vertex % 6u;
    let right = i == 1u || i == 2u || i == 4u;
    let low = i == 2u || i == 4u || i == 5u;
    return vec2f(select(-1.0, 1.0, right), select(-1.0, 1.0, low));
}

// How much of a device pixel is inside a shape, `distance` CSS pixels from its edge (negative inside).
fn coverage(distance: f32) -> f32 {
    return clamp(0.5 - distance * camera.density, 0.0, 1.0);
}

// The distance to a square with rounded corners around the middle.
fn rounded(at: vec2f, half: f32, corner: f32) -> f32 {
    let q = abs(at) - vec2f(half - corner);
    return length(max(q, vec2f(0.0))) + min(max(q.x, q.y), 0.0) - corner;
}
