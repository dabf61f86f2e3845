// One layer over a target: a rectangle, blended with its alpha premultiplied. frame.wgsl stands before this.

struct Layer {
  // Corners of what is drawn, left, top, right, bottom, in clip space.
  drawn: vec4f,
  // Where its first pixel lies, px of the target.
  origin: vec2f,
  // Of the whole rectangle that a frame is stretched to, px.
  size: vec2f,
  axes: vec3u,
  opacity: f32,
}

// 2 is after the frame and its sampler.
@group(0) @binding(2) var bitmap: texture_2d<f32>;
// One instance each.
@group(1) @binding(0) var<storage, read> layers: array<Layer>;

struct Corner {
  @builtin(position) position: vec4f,
  @location(0) @interpolate(flat) layer: u32,
}

@vertex
fn place(@builtin(vertex_index) index: u32, @builtin(instance_index) layer: u32) -> Corner {
  let drawn = layers[layer].drawn;
  let position = select(drawn.xy, drawn.zw, vec2<bool>((index & 1u) == 1u, index >= 2u));
  return Corner(vec4f(position, 0.0, 1.0), layer);
}

@fragment
fn paint_bitmap(corner: Corner) -> @location(0) vec4f {
  let layer = layers[corner.layer];
  let color = textureLoad(bitmap, vec2i(floor(corner.position.xy) - layer.origin), 0);
  return layer.opacity * vec4f(min(color.rgb, color.aaa), color.a);
}

@fragment
fn paint_frame(corner: Corner) -> @location(0) vec4f {
  let layer = layers[corner.layer];
  let color = sample_shown((corner.position.xy - layer.origin) / layer.size, layer.axes);
  return layer.opacity * vec4f(color, 1.0);
}
