import { signal } from '@preact/signals';
import type { TargetedPointerEvent } from 'preact';
import { EdgeRunnerError, type Point, parseZones, type Zone } from '../../../protocol/index.ts';
import { counts, looked, session, size, wish, wishes } from './session.ts';
import { findsObjects } from './wishes.ts';

type Drawing = { shape: 'polygon' | 'line'; points: Point[]; at: Point | null };

/** What is being drawn; null while nothing is. */
const drawing = signal<Drawing | null>(null);

const COLORS = ['#f0b458', '#5fcf86', '#7db4ff', '#ff8d85', '#c79bff'];
const colorOf = (index: number) => COLORS[index % COLORS.length]!;

/** Lies over the picture: shows the zones, and takes the corners of a new one. */
export function ZoneCanvas() {
  const { value: px } = size;
  if (!px) return null;
  const { value: now } = drawing;
  const side = wishes.value.mode === 'side-by-side';
  const at = (event: TargetedPointerEvent<SVGSVGElement>): Point => {
    const box = event.currentTarget.getBoundingClientRect();
    return [
      Math.round(((event.clientX - box.left) / box.width) * px.width),
      Math.round(((event.clientY - box.top) / box.height) * px.height),
    ];
  };
  const width = Math.max(1.5, px.width / 320);
  return (
    <svg
      class={`zones ${now ? 'drawing' : ''} ${side ? 'half' : ''}`}
      viewBox={`0 0 ${px.width} ${px.height}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`${wishes.value.zones.length} zones`}
      onPointerDown={(event) => now && addPoint(now, at(event))}
      onPointerMove={(event) => {
        if (now) drawing.value = { ...now, at: at(event) };
      }}
    >
      {wishes.value.zones.map((zone, i) => (
        <Shape key={zone.name} zone={zone} color={colorOf(i)} width={width} />
      ))}
      {now && (
        <polyline
          points={[...now.points, ...(now.at ? [now.at] : [])].join(' ')}
          fill="none"
          stroke="#fff"
          stroke-width={width}
          stroke-dasharray={`${3 * width}`}
        />
      )}
    </svg>
  );
}

function Shape({ zone, color, width }: { zone: Zone; color: string; width: number }) {
  if ('polygon' in zone)
    return (
      <polygon points={zone.polygon.join(' ')} fill={`${color}33`} stroke={color} stroke-width={width} />
    );
  const [[x1, y1], [x2, y2]] = zone.line;
  return <line {...{ x1, y1, x2, y2 }} stroke={color} stroke-width={2 * width} />;
}

function addPoint(now: Drawing, point: Point): void {
  const points = [...now.points, point];
  if (now.shape === 'line' && points.length === 2) finish({ ...now, points });
  else drawing.value = { ...now, points };
}

function finish({ shape, points }: Drawing): void {
  drawing.value = null;
  const name = freeName(shape);
  const zone = shape === 'line' ? { name, line: points } : { name, polygon: points };
  take([...wishes.value.zones, zone]);
}

function freeName(shape: string): string {
  const taken = new Set(wishes.value.zones.map(({ name }) => name));
  for (let n = 1; ; n++) if (!taken.has(`${shape} ${n}`)) return `${shape} ${n}`;
}

/** Whatever was drawn or written: checked as a file for `--zones` is. */
function take(value: unknown): void {
  try {
    wish({ zones: Array.isArray(value) && value.length === 0 ? [] : parseZones(value) });
  } catch (error) {
    session.refuse(error);
  }
}

function takeText(text: string): void {
  try {
    take(text.trim() === '' ? [] : JSON.parse(text));
  } catch {
    session.refuse(
      new EdgeRunnerError('zones-invalid', 'This is no JSON.', 'docs/zones.md shows what zones look like.'),
    );
  }
}

export function Zones() {
  const { zones } = wishes.value;
  const { value: now } = drawing;
  if (!size.value || !findsObjects(wishes.value)) return null;
  const written = zones.length === 0 ? '' : JSON.stringify(zones);
  const begin = (shape: Drawing['shape']) => {
    drawing.value = { shape, points: [], at: null };
  };
  return (
    <section class="card stack" aria-label="Zones">
      <div class="row spread">
        <h2>Zones</h2>
        {now ? (
          <span class="row">
            {now.shape === 'polygon' && (
              <button
                type="button"
                class="small main"
                disabled={now.points.length < 3}
                onClick={() => finish(now)}
              >
                Done
              </button>
            )}
            <button
              type="button"
              class="small"
              onClick={() => {
                drawing.value = null;
              }}
            >
              Cancel
            </button>
          </span>
        ) : (
          <span class="row">
            <button type="button" class="small" onClick={() => begin('polygon')}>
              + Polygon
            </button>
            <button type="button" class="small" onClick={() => begin('line')}>
              + Line
            </button>
          </span>
        )}
      </div>
      {now && (
        <p class="quiet" role="status">
          {now.shape === 'line'
            ? 'Click where it begins and where it ends.'
            : 'Click the corners in the picture, then Done.'}
        </p>
      )}
      {zones.map((zone, i) => (
        <div key={zone.name} class="row spread zone">
          <span class="chip" style={{ '--tone': colorOf(i) }}>
            {zone.name}
          </span>
          <span class="number">{wordsOf(zone)}</span>
          <button
            type="button"
            class="small"
            aria-label={`Remove ${zone.name}`}
            onClick={() => take(zones.filter((one) => one !== zone))}
          >
            ✕
          </button>
        </div>
      ))}
      <details>
        <summary>As JSON</summary>
        <textarea
          rows={4}
          aria-label="Zones as JSON"
          // Not controlled: what is being written stays, however often the page is drawn meanwhile.
          key={written}
          defaultValue={written}
          onChange={({ currentTarget }) => takeText(currentTarget.value)}
        />
      </details>
    </section>
  );
}

function wordsOf(zone: Zone): string {
  const of = counts.value[zone.name] ?? {};
  if ('line' in zone) return `→ ${of.forward ?? 0}  ← ${of.backward ?? 0}`;
  return `${looked.value?.occupancy?.[zone.name] ?? 0} inside, ${of.enter ?? 0} came`;
}
