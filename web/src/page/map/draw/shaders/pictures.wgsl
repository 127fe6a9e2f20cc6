// Thumbnails: tiles of an atlas, or sharper pictures, each in a frame of its cluster's colour.

@group(1) @binding(0) var tiles: texture_2d_array<f32>;
@group(1) @binding(1) var details: texture_2d_array<f32>;
@group(1) @binding(2) var smooth_sampler: sampler;

// Tiles along a side of the atlas.
const ACROSS: u32 = 32u;
const TILE: f32 = 64.0;
// Marks a cell as a layer of `details`.
const DETAIL: u32 = 0x80000000u;

struct Out {
    @builtin(position) position: vec4f,
    @location(0) at: vec2f,
    @location(1) @interpolate(flat) cell: u32,
    @location(2) colour: vec4f,
    @location(3) opacity: f32,
    @location(4) frame: f32,
}

@vertex
fn vertex(
    @builtin(vertex_index) index: u32,
    @location(0) before: vec2f,
    @location(1) after: vec2f,
    @location(2) cell: u32,
    @location(3) style: vec4f,
) -> Out {
    let dimmed = style.w > 0.25 && style.w < 0.75;
    let selected = style.w >= 0.75;
    let corner = quad_corner(index);
    let at = corner * (camera.side / 2.0 + 1.5);
    var out: Out;
    out.position = vec4f(placed(before, after) + at * vec2f(1.0, -1.0) * camera.pixel, 0.0, 1.0);
    out.at = at;
    out.cell = cell;
    out.colour = vec4f(style.rgb, 1.0);
    out.opacity = select(1.0, max(camera.dimmed, 0.25), dimmed);
    let frame = clamp(camera.side * 0.05, 1.5, 3.0);
    out.frame = select(frame, frame + 1.0, selected);
    return out;
}

// Colours are premultiplied; what is transparent is white, as in thumbnails.
fn texel(cell: u32, uv: vec2f) -> vec3f {
    if (cell & DETAIL) != 0u {
        let sharp = textureSampleLevel(details, smooth_sampler, uv, cell & 0xffffu, 0.0);
        return sharp.rgb + vec3f(1.0 - sharp.a);
    }
    let tile = cell % (ACROSS * ACROSS);
    let corner = vec2f(f32(tile % ACROSS), f32(tile / ACROSS));
    // Half a texel inside, so that no neighbour shines through.
    let inside = clamp(uv * TILE, vec2f(0.5), vec2f(TILE - 0.5));
    return textureSampleLevel(tiles, smooth_sampler, (corner * TILE + inside) / (f32(ACROSS) * TILE), cell / (ACROSS * ACROSS), 0.0).rgb;
}

@fragment
fn fragment(in: Out) -> @location(0) vec4f {
    let half = camera.side / 2.0;
    let corner = min(half * 0.22, 5.0);
    let edge = rounded(in.at, half, corner);
    let whole = coverage(edge - 1.0);
    if whole <= 0.0 {
        discard;
    }
    // From outside in: a hair of background, the frame, the picture.
    let uv = in.at / (2.0 * (half - in.frame)) + vec2f(0.5);
    var picture = texel(in.cell, clamp(uv, vec2f(0.0), vec2f(1.0)));
    if camera.side * camera.density < 0.75 * TILE {
        // Two texels and more a pixel: four readings instead of one keep it from sparkling.
        let step = 0.25 / (camera.side * camera.density);
        picture = (texel(in.cell, uv + vec2f(step, step)) + texel(in.cell, uv + vec2f(-step, step))
            + texel(in.cell, uv + vec2f(step, -step)) + texel(in.cell, uv + vec2f(-step, -step))) * 0.25;
    }
    let framed = mix(picture, in.colour.rgb, coverage(-edge - in.frame));
    let colour = mix(camera.background.rgb, framed, coverage(edge));
    return vec4f(colour, 1.0) * (whole * in.opacity);
}
