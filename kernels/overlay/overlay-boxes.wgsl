// Boxes and labels straight from a buffer of detections: one instance a detection, the worst first, so that the best
// lies on top; in an instance the four lines, the label's background, then its characters. Every rectangle has whole
// coordinates, by the same sums as layout.ts. detection.wgsl stands before this.

struct Params {
  // Style, px of the target.
  size: vec2i,
  thickness: i32,
  cell_width: i32,
  cell_height: i32,
  pad_x: i32,
  pad_y: i32,
  // Length of the array of colours.
  colors: i32,
  // From model px to displayed px and on to target px.
  content: vec2f,
  ratio: f32,
  spare: f32,
  display: vec2f,
  scale: vec2f,
}

struct Detections {
  count: u32,
  header: array<u32, 7>,
  items: array<Detection>,
}

struct Color {
  fill: vec4f,
  text: vec4f,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> detections: Detections;
// Per class: where its name starts in this array, and its length; then the names, a glyph a word.
@group(0) @binding(2) var<storage, read> names: array<u32>;
@group(0) @binding(3) var<storage, read> colors: array<Color>;
// One cell below another.
@group(0) @binding(4) var atlas: texture_2d<f32>;

struct Corner {
  @builtin(position) position: vec4f,
  @location(0) @interpolate(flat) color: vec3f,
  // Left and top of the character's cell in the target, and its glyph; -1 = plain.
  @location(1) @interpolate(flat) cell: vec3i,
}

// Rectangles are left, top, right, bottom, half open.
struct Layout {
  box: vec4i,
  label: vec4i,
  text: vec2i,
  characters: i32,
}

const PLAIN_PARTS = 5u;
const SCORE_LENGTH = 5;
const TRACK_LIMIT = 1000000u;

@vertex
fn place(@builtin(vertex_index) vertex: u32, @builtin(instance_index) instance: u32) -> Corner {
  let item = detections.items[detections.count - 1u - instance];
  let name_length = i32(names[2u * item.class_id + 1u]);
  let plan = layout_box(box_of(item), name_length + track_length(item.track) + SCORE_LENGTH);
  let color = colors[item.class_id % u32(params.colors)];

  let part = vertex / 6u;
  var rect = plan.label;
  var corner: Corner;
  corner.color = color.fill.rgb;
  corner.cell = vec3i(0, 0, -1);
  if (part < 4u) {
    rect = edge(plan.box, part);
  } else if (part >= PLAIN_PARTS) {
    let character = i32(part - PLAIN_PARTS);
    let origin = plan.text + vec2i(character * params.cell_width, 0);
    rect = vec4i(0);
    if (character < plan.characters) {
      rect = vec4i(origin, origin + vec2i(params.cell_width, params.cell_height));
      corner.color = color.text.rgb;
      corner.cell = vec3i(origin, glyph_at(item, character, name_length));
    }
  }

  // Two triangles: corners 0 1 2 and 2 1 3.
  let index = array<u32, 6>(0u, 1u, 2u, 2u, 1u, 3u)[vertex % 6u];
  let position = vec2f(vec2i(select(rect.x, rect.z, (index & 1u) == 1u), select(rect.y, rect.w, index >= 2u)));
  let clip = 2.0 * position / vec2f(params.size) - 1.0;
  corner.position = vec4f(clip.x, -clip.y, 0.0, 1.0);
  return corner;
}

@fragment
fn paint(corner: Corner) -> @location(0) vec4f {
  var coverage = 1.0;
  if (corner.cell.z >= 0) {
    let inside = vec2i(corner.position.xy) - corner.cell.xy;
    coverage = textureLoad(atlas, vec2i(inside.x, corner.cell.z * params.cell_height + inside.y), 0).r;
  }
  return vec4f(corner.color, coverage);
}

// Corners in px of the target, as modelToDisplay and the scale to the target give them.
fn box_of(item: Detection) -> vec4f {
  let low = (vec2f(item.x1, item.y1) - params.content) / params.ratio;
  let high = (vec2f(item.x2, item.y2) - params.content) / params.ratio;
  let start = clamp(low, vec2f(0.0), params.display);
  let end = max(start, clamp(high, vec2f(0.0), params.display));
  return vec4f(start * params.scale, end * params.scale);
}

// The twin of layoutBox in layout.ts.
fn layout_box(corners: vec4f, length: i32) -> Layout {
  let whole = vec4i(floor(corners + 0.5));
  let start = clamp(whole.xy, vec2i(0), params.size - 1);
  let end = clamp(whole.zw, start + 1, params.size);
  let pad = vec2i(params.pad_x, params.pad_y);
  let characters = max(0, min(length, (params.size.x - 2 * pad.x) / params.cell_width));
  let size = vec2i(characters * params.cell_width, params.cell_height) + 2 * pad;
  let above = start.y - size.y;
  let origin = vec2i(
    max(0, min(start.x, params.size.x - size.x)),
    select(max(0, min(start.y, params.size.y - size.y)), above, above >= 0),
  );
  return Layout(vec4i(start, end), vec4i(origin, min(params.size, origin + size)), origin + pad, characters);
}

// Top, bottom, left, right line of a box.
fn edge(box: vec4i, side: u32) -> vec4i {
  let top = min(box.y + params.thickness, box.w);
  let bottom = max(box.w - params.thickness, top);
  let left = min(box.x + params.thickness, box.z);
  let right = max(box.z - params.thickness, left);
  switch side {
    case 0u: { return vec4i(box.xy, box.z, top); }
    case 1u: { return vec4i(box.x, bottom, box.zw); }
    case 2u: { return vec4i(box.x, top, left, bottom); }
    default: { return vec4i(right, top, box.z, bottom); }
  }
}

// Characters of " #12"; none without a track.
fn track_length(track: u32) -> i32 {
  if (track == 0u) {
    return 0;
  }
  var length = 3;
  for (var rest = track % TRACK_LIMIT / 10u; rest > 0u; rest /= 10u) {
    length++;
  }
  return length;
}

// A glyph of "name #12 0.34". Glyphs count from the space.
fn glyph_at(item: Detection, character: i32, name_length: i32) -> i32 {
  if (character < name_length) {
    return i32(names[names[2u * item.class_id] + u32(character)]);
  }
  let after_name = character - name_length;
  let track_characters = track_length(item.track);
  if (after_name < track_characters) {
    if (after_name < 2) {
      return select(3, 0, after_name == 0);
    }
    var rest = item.track % TRACK_LIMIT;
    for (var digit = track_characters - 1; digit > after_name; digit--) {
      rest /= 10u;
    }
    return 16 + i32(rest % 10u);
  }
  let score = hundredths(item.score);
  switch after_name - track_characters {
    case 1: { return 16 + i32(score / 100u); }
    case 2: { return 14; }
    case 3: { return 16 + i32(score / 10u % 10u); }
    case 4: { return 16 + i32(score % 10u); }
    default: { return 0; }
  }
}

// score * 100 rounded, halves up, exactly: the digits of toFixed(2). In whole numbers on the float's own bits,
// because the product rounded to f32 is sometimes on the other side of the half.
fn hundredths(score: f32) -> u32 {
  let bits = bitcast<u32>(score);
  let exponent = i32((bits >> 23u) & 0xffu);
  let shift = 150 - exponent;
  if ((bits >> 31u) == 1u || shift > 31) {
    return 0u;
  }
  if (shift < 20) {
    return 999u;
  }
  let mantissa = (bits & 0x7fffffu) | 0x800000u;
  return min(999u, (100u * mantissa + (1u << u32(shift - 1))) >> u32(shift));
}
