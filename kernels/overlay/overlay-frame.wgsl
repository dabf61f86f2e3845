// The frame itself, upright and scaled to the target: one triangle over everything. frame.wgsl stands before this.

struct FrameParams {
  axes: vec3u,
  // Of the target, px.
  size: vec2f,
}

@group(1) @binding(0) var<uniform> params: FrameParams;

@vertex
fn cover(@builtin(vertex_index) index: u32) -> @builtin(position) vec4f {
  let corner = vec2f(f32(index & 1u), f32(index >> 1u));
  return vec4f(4.0 * corner - 1.0, 0.0, 1.0);
}

@fragment
fn show(@builtin(position) position: vec4f) -> @location(0) vec4f {
  return vec4f(sample_shown(position.xy / params.size, params.axes), 1.0);
}
