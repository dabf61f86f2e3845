// Letterbox, turn, colour order and normalisation: a frame into a planar model input, one invocation a pixel.
// The twin of letterbox.cpu.ts. frame.wgsl stands before this.

// The element type of the model's input.
alias Element = f32;

struct Params {
  axes: vec3u,
  // 1 = blue first.
  bgr: u32,
  // Where the content lies in the input: left, top, width, height.
  content: vec4f,
  // (sample255 - mean) * scale, in the model's order of channels; w of mean is the border's grey.
  mean: vec4f,
  scale: vec4f,
  // Of the input.
  size: vec2u,
}

@group(1) @binding(0) var<uniform> params: Params;
@group(1) @binding(1) var<storage, read_write> tensor: array<Element>;

@compute @workgroup_size(8, 8)
fn letterbox(@builtin(global_invocation_id) id: vec3u) {
  if (any(id.xy >= params.size)) {
    return;
  }
  let uv = (vec2f(id.xy) + 0.5 - params.content.xy) / params.content.zw;
  var value = vec3f(params.mean.w);
  if (all(uv > vec2f(0.0)) && all(uv < vec2f(1.0))) {
    value = 255.0 * saturate(sample_shown(uv, params.axes));
  }
  value = (select(value, value.bgr, params.bgr == 1u) - params.mean.xyz) * params.scale.xyz;

  let area = params.size.x * params.size.y;
  let at = id.y * params.size.x + id.x;
  tensor[at] = Element(value.x);
  tensor[at + area] = Element(value.y);
  tensor[at + 2u * area] = Element(value.z);
}
