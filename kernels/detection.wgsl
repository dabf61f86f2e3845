// One candidate or detection, 32 bytes; the same layout in every kernel and in detections.ts.
struct Detection {
  // Corners in model px.
  x1: f32,
  y1: f32,
  x2: f32,
  y2: f32,
  score: f32,
  class_id: u32,
  anchor: u32,
  // Number of the object that is followed; 0 = none.
  track: u32,
}
