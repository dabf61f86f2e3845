// Greedy NMS, class by class, in four steps. The twin of nms.cpu.ts. detection.wgsl stands before this.
//   prepare  how much work the next two steps have, for their indirect dispatches
//   rank     counts for each candidate how many come before it: its place, if it is among the best
//   compare  a row of bits per candidate: which later ones it hides
//   sweep    walks down the ranks, keeps what no kept one hides

override max_candidates: u32 = 2048u;
override max_detections: u32 = 300u;
override iou: f32 = 0.65;
// Words of 32 bits in a row of the matrix.
override words: u32 = 64u;

struct Detections {
  count: u32,
  // Up to the 32 bytes of a detection.
  header: array<u32, 7>,
  items: array<Detection>,
}

@group(0) @binding(0) var<storage, read> candidates: Detections;
@group(0) @binding(1) var<storage, read_write> dispatches: array<u32, 6>;
@group(0) @binding(2) var<storage, read_write> ranked: array<Detection>;
@group(0) @binding(3) var<storage, read_write> hides: array<u32>;
@group(0) @binding(4) var<storage, read_write> kept: Detections;

fn entering() -> u32 {
  return min(candidates.count, max_candidates);
}

@compute @workgroup_size(1)
fn prepare() {
  let entrants = entering();
  dispatches[0] = (candidates.count + 63u) / 64u;
  dispatches[1] = 1u;
  dispatches[2] = 1u;
  dispatches[3] = ((entrants + 31u) / 32u + 7u) / 8u;
  dispatches[4] = (entrants + 7u) / 8u;
  dispatches[5] = 1u;
}

@compute @workgroup_size(64)
fn rank(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= candidates.count) {
    return;
  }
  let own = candidates.items[id.x];
  var place = 0u;
  for (var i = 0u; i < candidates.count; i++) {
    let score = candidates.items[i].score;
    let before = score > own.score || (score == own.score && candidates.items[i].anchor < own.anchor);
    place += u32(before);
  }
  if (place < max_candidates) {
    ranked[place] = own;
  }
}

@compute @workgroup_size(8, 8)
fn compare(@builtin(global_invocation_id) id: vec3u) {
  let entrants = entering();
  if (id.x >= words || id.y >= entrants) {
    return;
  }
  let own = ranked[id.y];
  var bits = 0u;
  for (var bit = 0u; bit < 32u; bit++) {
    let other = 32u * id.x + bit;
    if (other > id.y && other < entrants && ranked[other].class_id == own.class_id && overlaps(own, ranked[other])) {
      bits |= 1u << bit;
    }
  }
  hides[id.y * words + id.x] = bits;
}

// IoU > limit, without the division, whose precision differs between GPUs.
fn overlaps(a: Detection, b: Detection) -> bool {
  let width = min(a.x2, b.x2) - max(a.x1, b.x1);
  let height = min(a.y2, b.y2) - max(a.y1, b.y1);
  if (!(width > 0.0 && height > 0.0)) {
    return false;
  }
  let shared_area = width * height;
  let whole = (a.x2 - a.x1) * (a.y2 - a.y1) + (b.x2 - b.x1) * (b.y2 - b.y1) - shared_area;
  return shared_area > iou * whole;
}

var<workgroup> hidden: array<u32, words>;

@compute @workgroup_size(64)
fn sweep(@builtin(local_invocation_index) lane: u32) {
  let entrants = entering();
  let used = (entrants + 31u) / 32u;
  for (var word = lane; word < words; word += 64u) {
    hidden[word] = 0u;
  }
  var count = 0u;
  for (var word = 0u; word < used; word++) {
    let left = entrants - 32u * word;
    var pending = select(0xffffffffu, (1u << (left & 31u)) - 1u, left < 32u);
    loop {
      // A barrier too: what the last turn hid is seen here by every lane.
      let free = pending & ~workgroupUniformLoad(&hidden[word]);
      if (free == 0u || count == max_detections) {
        break;
      }
      let bit = countTrailingZeros(free);
      pending &= ~(1u << bit);
      let row = 32u * word + bit;
      for (var later = word + lane; later < used; later += 64u) {
        hidden[later] |= hides[row * words + later];
      }
      if (lane == 0u) {
        kept.items[count] = ranked[row];
      }
      count++;
    }
  }
  if (lane == 0u) {
    kept.count = count;
  }
}
