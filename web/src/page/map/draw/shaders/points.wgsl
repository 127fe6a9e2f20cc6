// Points: a disc with an outline in the background's colour, each inside one triangle.

struct Out {
    @builtin(position) position: vec4f,
    // From the disc's middle.
    @location(0) at: vec2f,
    @location(1) radius: f32,
    @location(2) colour: vec4f,
    @location(3) edge: vec4f,
}

@vertex
fn vertex(
    @builtin(vertex_index) index: u32,
    @location(0) before: vec2f,
    @location(1) after: vec2f,
    @location(2) style: vec4f,
) -> Out {
    let dimmed = style.w > 0.25 && style.w < 0.75;
    let selected = style.w >= 0.75;
    let radius = camera.radius * select(select(1.0, 0.85, dimmed), 1.3, selected);
    let reach = radius + camera.outline + 0.5 / camera.density;
    // A triangle with the disc as its incircle.
    let i = index % 3u;
    let corner = vec2f(select(select(1.7320508, -1.7320508, i == 1u), 0.0, i == 0u), select(-1.0, 2.0, i == 0u));
    let at = corner * reach;
    var out: Out;
    out.position = vec4f(placed(before, after) + at * camera.pixel, 0.0, 1.0);
    out.at = at;
    out.radius = radius;
    let opacity = select(select(camera.opacity, camera.dimmed, dimmed), 1.0, selected);
    out.colour = vec4f(style.rgb, 1.0) * opacity;
    out.edge = select(camera.background, camera.ink, selected) * opacity;
    return out;
}

@fragment
fn fragment(in: Out) -> @location(0) vec4f {
    let distance = length(in.at) - in.radius;
    let whole = coverage(distance - camera.outline);
    if whole <= 0.0 {
        discard;
    }
    let inner = coverage(distance);
    return in.colour * inner + in.edge * (whole - inner);
}
