// Marks on top: what the pointer is on, and the centres of K-Means.

const RING: u32 = 0u;
const FRAME: u32 = 1u;
const CENTRE: u32 = 2u;

struct Out {
    @builtin(position) position: vec4f,
    @location(0) at: vec2f,
    @location(1) @interpolate(flat) shape: u32,
    @location(2) radius: f32,
    @location(3) colour: vec4f,
}

@vertex
fn vertex(
    @builtin(vertex_index) index: u32,
    @location(0) place: vec2f,
    @location(1) radius: f32,
    @location(2) shape: u32,
    @location(3) colour: vec4f,
) -> Out {
    let at = quad_corner(index) * (radius + 5.0);
    var out: Out;
    out.position = vec4f(clip(place) + at * vec2f(1.0, -1.0) * camera.pixel, 0.0, 1.0);
    out.at = at;
    out.shape = shape;
    out.radius = radius;
    out.colour = colour;
    return out;
}

// The distance to what is drawn, negative inside.
fn outline(at: vec2f, shape: u32, radius: f32) -> f32 {
    if shape == FRAME {
        return abs(rounded(at, radius, min(radius * 0.22, 6.0))) - 1.0;
    }
    let ring = abs(length(at) - radius) - 1.0;
    if shape == RING {
        return ring;
    }
    let a = abs(at);
    let cross = max(min(a.x, a.y) - 1.5, max(a.x, a.y) - radius * 0.62);
    return min(ring - 0.75, cross);
}

@fragment
fn fragment(in: Out) -> @location(0) vec4f {
    let distance = outline(in.at, in.shape, in.radius);
    let halo = coverage(distance - 2.0);
    if halo <= 0.0 {
        discard;
    }
    return mix(camera.background, in.colour, coverage(distance)) * halo;
}
