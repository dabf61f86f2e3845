import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { FarmSample } from '../../../protocol/index.ts';

interface ChartProps {
  title: string;
  samples: readonly FarmSample[];
  /** What is drawn, by its name. */
  lines: { name: string; color: string; of(sample: FarmSample): number; words(value: number): string }[];
}

const HEIGHT = 150;
/** Seconds between two labels: whole minutes, which is what a label says. */
const TICKS = [60, 120, 300, 600, 900, 1800];
/** Seconds that are shown at least. */
const LEAST_SECONDS = 120;

/** Numbers over the last hour. */
export function Chart({ title, samples, lines }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  useEffect(() => {
    const element = place.current!;
    const style = getComputedStyle(element);
    // A canvas knows no variables, and no light-dark().
    const color = (name: string) => {
      element.style.color = `var(--${name})`;
      const found = style.color;
      element.style.color = '';
      return found;
    };
    const draw = () => {
      plot.current?.destroy();
      const axis = {
        stroke: color('quiet'),
        grid: { stroke: color('line'), width: 1 },
        ticks: { show: false },
      };
      plot.current = new uPlot(
        {
          ...{ width: element.clientWidth, height: HEIGHT },
          legend: { show: false },
          cursor: { show: false },
          axes: [
            {
              ...axis,
              values: (_, splits) =>
                splits.map((at) =>
                  new Date(at * 1000).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' }),
                ),
              ...{ space: 90, size: 28, incrs: TICKS },
            },
            {
              ...axis,
              size: 44,
              values: (_, splits) => splits.map((value) => (value === null ? '' : `${value}`)),
            },
          ],
          scales: {
            x: {
              range: (_, least, most) => {
                const now = most ?? Date.now() / 1000;
                return [Math.min(least ?? now, now - LEAST_SECONDS), now];
              },
            },
            y: { range: (_, __, most) => [0, Math.max(1, most * 1.1)] },
          },
          series: [
            {},
            ...lines.map(({ name, color: line }) => ({
              label: name,
              stroke: color(line),
              width: 2,
              points: { show: false },
            })),
          ],
        },
        dataOf(samples, lines),
        element,
      );
    };
    draw();
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', draw);
    const sizes = new ResizeObserver(() =>
      plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }),
    );
    sizes.observe(element);
    return () => {
      scheme.removeEventListener('change', draw);
      sizes.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, []);
  useEffect(() => plot.current?.setData(dataOf(samples, lines)), [samples]);
  const last = samples.at(-1);
  const now = lines.map((line) => `${line.name} ${last ? line.words(line.of(last)) : '–'}`).join(', ');
  return (
    <figure class="card chart">
      <figcaption class="row spread">
        <h2>{title}</h2>
        <span class="row number">
          {lines.map((line) => (
            <span key={line.name} class="chip" style={{ '--tone': `var(--${line.color})` }}>
              {line.name} {last ? line.words(line.of(last)) : '–'}
            </span>
          ))}
        </span>
      </figcaption>
      <div ref={place} class="plot" role="img" aria-label={`${title} over the last hour; now ${now}`} />
    </figure>
  );
}

const dataOf = (samples: readonly FarmSample[], lines: ChartProps['lines']): uPlot.AlignedData => [
  samples.map(({ at }) => at / 1000),
  ...lines.map(({ of }) => samples.map((sample) => of(sample))),
];
