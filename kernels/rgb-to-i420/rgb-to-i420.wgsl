// An RGB texture as packed I420. One invocation makes 8 x 2 pixels: four words of luma, one of each chroma, so that
// no two invocations share a word. The twin of to-i420.cpu.ts.

struct Params {
  size: vec2u,
  // Words from a luma row to the next; chroma rows have half as many.
  luma_stride: u32,
  // Where the chroma planes begin, words.
  first_u: u32,
  first_v: u32,
  // Rows of the matrix from RGB 0-255 to Y, U, V; w is the offset.
  to_y: vec4f,
  to_u: vec4f,
  to_v: vec4f,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var picture: texture_2d<f32>;
@group(0) @binding(2) var<storage, read_write> planes: array<u32>;

@compute @workgroup_size(8, 8)
fn rgb_to_i420(@builtin(global_invocation_id) id: vec3u) {
  let rows = (params.size.y + 1u) / 2u;
  let blocks = params.luma_stride / 2u;
  if (id.x >= blocks || id.y >= rows) {
    return;
  }
  var luma: array<u32, 4>;
  var u = 0u;
  var v = 0u;
  for (var pair = 0u; pair < 4u; pair++) {
    var sum = vec3f(0.0);
    for (var i = 0u; i < 4u; i++) {
      let x = 2u * pair + (i & 1u);
      let y = i >> 1u;
      // Beyond an odd edge the last pixel counts again, so that the mean is the mean of what is there.
      let position = min(vec2u(8u * id.x + x, 2u * id.y + y), params.size - 1u);
      let rgb = 255.0 * textureLoad(picture, position, 0).rgb;
      luma[2u * y + x / 4u] |= to_byte(params.to_y, rgb) << (8u * (x & 3u));
      sum += rgb;
    }
    u |= to_byte(params.to_u, 0.25 * sum) << (8u * pair);
    v |= to_byte(params.to_v, 0.25 * sum) << (8u * pair);
  }

  let at = 2u * id.y * params.luma_stride + 2u * id.x;
  planes[at] = luma[0];
  planes[at + 1u] = luma[1];
  if (2u * id.y + 1u < params.size.y) {
    planes[at + params.luma_stride] = luma[2];
    planes[at + params.luma_stride + 1u] = luma[3];
  }
  let chroma = id.y * blocks + id.x;
  planes[params.first_u + chroma] = u;
  planes[params.first_v + chroma] = v;
}

fn to_byte(row: vec4f, rgb: vec3f) -> u32 {
  return u32(clamp(floor(dot(row.xyz, rgb) + row.w + 0.5), 0.0, 255.0));
}
