// A frame that is sampled as it is shown. Its type, texture_external or texture_2d<f32>, is put in by frame.gpu.ts.

@group(0) @binding(0) var frame: FRAME_TYPE;
@group(0) @binding(1) var frame_sampler: sampler;

// uv: 0 to 1 over the shown picture. axes: swap, mirrorX, mirrorY as in orientedAxes, 0 or 1.
fn sample_shown(uv: vec2f, axes: vec3u) -> vec3f {
  let along = select(uv, 1.0 - uv, axes.yz == vec2u(1u));
  let stored = select(along, along.yx, axes.x == 1u);
  return textureSampleBaseClampToEdge(frame, frame_sampler, stored).rgb;
}
