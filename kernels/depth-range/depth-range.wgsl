// The range of a depth map: exact percentiles by radix selection, 11 + 11 + 10 bits of order-preserving keys, then the
// range that is shown, smoothed over time, then the map as shares of it. The twin of depth-range.cpu.ts.

const RANKS = 5u;
const BINS = 2048u;

struct Params {
  // Of the part that counts, in px of the map: left, top, width, height.
  rect: vec4u,
  map_width: u32,
  // 1 = larger values are farther.
  farther: u32,
  // Share of the way that the shown range goes to a new one.
  step: f32,
  spare: f32,
}

struct State {
  // 0 to 2 within a frame.
  level: u32,
  count: u32,
  prefix: array<u32, RANKS>,
  // How many values with the prefix stand before the one that is looked for.
  rank: array<u32, RANKS>,
}

struct Range {
  min: f32,
  p2: f32,
  p50: f32,
  p98: f32,
  max: f32,
  // What is shown: the ends of the colours.
  low: f32,
  high: f32,
  // 1 after the first frame.
  known: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> map: array<f32>;
@group(0) @binding(2) var<storage, read_write> state: State;
@group(0) @binding(3) var<storage, read_write> bins: array<atomic<u32>, RANKS * BINS>;
@group(0) @binding(4) var<storage, read_write> range: Range;

@group(1) @binding(0) var<storage, read_write> shares: array<f32>;

fn value_at(index: u32) -> f32 {
  let x = index % params.rect.z;
  let y = index / params.rect.z;
  return map[(params.rect.y + y) * params.map_width + params.rect.x + x];
}

// Asked of the bits, as compilers may take every float for a finite one.
fn is_finite(bits: u32) -> bool {
  return (bits & 0x7f800000u) != 0x7f800000u;
}

fn key_of(bits: u32) -> u32 {
  return select(bits | 0x80000000u, ~bits, (bits >> 31u) == 1u);
}

fn float_of(key: u32) -> f32 {
  return bitcast<f32>(select(~key, key & 0x7fffffffu, (key >> 31u) == 1u));
}

@compute @workgroup_size(256)
fn count(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let total = params.rect.z * params.rect.w;
  for (var i = id.x; i < total; i += groups.x * 256u) {
    let bits = bitcast<u32>(value_at(i));
    if (!is_finite(bits)) {
      continue;
    }
    let key = key_of(bits);
    switch state.level {
      case 0u: { atomicAdd(&bins[key >> 21u], 1u); }
      case 1u: {
        for (var k = 0u; k < RANKS; k++) {
          if (key >> 21u == state.prefix[k]) {
            atomicAdd(&bins[k * BINS + ((key >> 10u) & 0x7ffu)], 1u);
          }
        }
      }
      default: {
        for (var k = 0u; k < RANKS; k++) {
          if (key >> 10u == state.prefix[k]) {
            atomicAdd(&bins[k * BINS + (key & 0x3ffu)], 1u);
          }
        }
      }
    }
  }
}

@compute @workgroup_size(64)
fn pick(@builtin(local_invocation_index) k: u32) {
  let level = state.level;
  if (k < RANKS) {
    // The first level is the same for all ranks.
    let row = select(k * BINS, 0u, level == 0u);
    if (level == 0u) {
      var count = 0u;
      for (var i = 0u; i < BINS; i++) {
        count += atomicLoad(&bins[i]);
      }
      let percent = array<u32, RANKS>(0u, 2u, 50u, 98u, 100u)[k];
      let last = max(count, 1u) - 1u;
      state.rank[k] = last / 100u * percent + last % 100u * percent / 100u;
      if (k == 0u) {
        state.count = count;
      }
    }
    var rank = state.rank[k];
    var bin = 0u;
    for (; bin < BINS - 1u; bin++) {
      let here = atomicLoad(&bins[row + bin]);
      if (rank < here) {
        break;
      }
      rank -= here;
    }
    state.rank[k] = rank;
    switch level {
      case 0u: { state.prefix[k] = bin; }
      case 1u: { state.prefix[k] = (state.prefix[k] << 11u) | bin; }
      default: { state.prefix[k] = (state.prefix[k] << 10u) | bin; }
    }
  }
  storageBarrier();
  for (var i = k; i < RANKS * BINS; i += 64u) {
    atomicStore(&bins[i], 0u);
  }
  if (k == 0u) {
    state.level = (level + 1u) % 3u;
    if (level == 2u) {
      conclude();
    }
  }
}

fn conclude() {
  if (state.count == 0u) {
    return;
  }
  range.min = float_of(state.prefix[0]);
  range.p2 = float_of(state.prefix[1]);
  range.p50 = float_of(state.prefix[2]);
  range.p98 = float_of(state.prefix[3]);
  range.max = float_of(state.prefix[4]);
  let span = range.high - range.low;
  let jumps = abs(range.p2 - range.low) > span || abs(range.p98 - range.high) > span;
  let step = select(params.step, 1.0, range.known == 0.0 || jumps);
  range.low = mix(range.low, range.p2, step);
  range.high = mix(range.high, range.p98, step);
  range.known = 1.0;
}

// Shares of the shown range, 0 the farthest to 1 the nearest, without the letterbox's border.
@compute @workgroup_size(256)
fn share(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let total = params.rect.z * params.rect.w;
  let span = range.high - range.low;
  for (var i = id.x; i < total; i += groups.x * 256u) {
    let value = value_at(i);
    var near = 0.5;
    if (span > 0.0) {
      near = clamp((value - range.low) / span, 0.0, 1.0);
    }
    near = select(near, 1.0 - near, params.farther == 1u);
    shares[i] = select(0.0, near, is_finite(bitcast<u32>(value)));
  }
}
