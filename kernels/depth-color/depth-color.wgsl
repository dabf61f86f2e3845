// A depth map in colours over one part of the target: one triangle, clipped by the viewport. The twin of
// depth-color.cpu.ts.

struct Params {
  // Of the part of the target, px.
  origin: vec2f,
  size: vec2f,
  // Of the map, px.
  map_size: vec2u,
  // Of the colours over what is there.
  opacity: f32,
  spare: f32,
}

const COLORS = 33;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> colors: array<vec4f, COLORS>;
// 0 far to 1 near.
@group(0) @binding(2) var<storage, read> shares: array<f32>;

@vertex
fn cover(@builtin(vertex_index) index: u32) -> @builtin(position) vec4f {
  let corner = vec2f(f32(index & 1u), f32(index >> 1u));
  return vec4f(4.0 * corner - 1.0, 0.0, 1.0);
}

@fragment
fn paint(@builtin(position) position: vec4f) -> @location(0) vec4f {
  let uv = (position.xy - params.origin) / params.size;
  let last = vec2f(params.map_size - 1u);
  let place = clamp(uv * vec2f(params.map_size) - 0.5, vec2f(0.0), last);
  let low = vec2u(floor(place));
  let high = min(low + 1u, params.map_size - 1u);
  let rest = fract(place);
  let above = mix(at(low.x, low.y), at(high.x, low.y), rest.x);
  let below = mix(at(low.x, high.y), at(high.x, high.y), rest.x);
  let along = mix(above, below, rest.y) * f32(COLORS - 1);
  let index = min(COLORS - 2, i32(floor(along)));
  let color = mix(colors[index].rgb, colors[index + 1].rgb, along - f32(index));
  return vec4f(color, params.opacity);
}

fn at(x: u32, y: u32) -> f32 {
  return shares[y * params.map_size.x + x];
}
