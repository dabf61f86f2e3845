// Raw YOLO output to candidates, one invocation an anchor. The twin of yolo-decode.cpu.ts. detection.wgsl stands
// before this.

// 1 = [anchors, 5 + classes] with objectness (YOLOX), 0 = [4 + classes, anchors] (YOLOv8 and later).
override yolox: u32 = 1u;
override anchors: u32;
override classes: u32;
override min_score: f32;
override levels: u32 = 0u;

struct Level {
  first_anchor: u32,
  columns: u32,
  stride: u32,
  spare: u32,
}

struct Candidates {
  count: atomic<u32>,
  // Up to the 32 bytes of a detection.
  header: array<u32, 7>,
  items: array<Detection>,
}

@group(0) @binding(0) var<storage, read> raw: array<f32>;
@group(0) @binding(1) var<uniform> grid: array<Level, 8>;
@group(0) @binding(2) var<storage, read> wanted: array<u32>;
@group(0) @binding(3) var<storage, read_write> candidates: Candidates;

@compute @workgroup_size(64)
fn decode(@builtin(global_invocation_id) id: vec3u) {
  let anchor = id.x;
  if (anchor >= anchors) {
    return;
  }
  var step = anchors;
  var at = anchor;
  var objectness = 1.0;
  if (yolox == 1u) {
    step = 1u;
    at = anchor * (5u + classes);
    objectness = raw[at + 4u];
    if (is_nan(objectness) || objectness < min_score) {
      return;
    }
  }

  let first_class = at + (4u + yolox) * step;
  var best = -3.4028234e38;
  var class_id = 0u;
  var found = false;
  for (var c = 0u; c < classes; c++) {
    let probability = raw[first_class + c * step];
    if (!is_nan(probability) && (!found || probability > best)) {
      best = probability;
      class_id = c;
      found = true;
    }
  }
  let score = objectness * best;
  if (!found || is_nan(score) || score < min_score || wanted[class_id] == 0u) {
    return;
  }

  var center = vec2f(raw[at], raw[at + step]);
  var size = vec2f(raw[at + 2u * step], raw[at + 3u * step]);
  if (yolox == 1u) {
    var level = grid[0];
    for (var l = 1u; l < levels; l++) {
      if (anchor >= grid[l].first_anchor) {
        level = grid[l];
      }
    }
    let cell = anchor - level.first_anchor;
    center = (center + vec2f(vec2u(cell % level.columns, cell / level.columns))) * f32(level.stride);
    size = exp(size) * f32(level.stride);
  }
  let low = center - 0.5 * size;
  let high = center + 0.5 * size;
  candidates.items[atomicAdd(&candidates.count, 1u)] =
    Detection(low.x, low.y, high.x, high.y, score, class_id, anchor, 0u);
}

// Compilers may assume that no float is NaN; bits they cannot.
fn is_nan(value: f32) -> bool {
  return (bitcast<u32>(value) & 0x7fffffffu) > 0x7f800000u;
}
