import type { ComponentChildren } from 'preact';

/** The few kinds of fields that layers are edited with. */

interface FieldProps<T> {
  name: string;
  value: T;
  change(value: T): void;
}

const Field = ({ name, children }: { name: string; children: ComponentChildren }) => (
  // biome-ignore lint/a11y/noLabelWithoutControl: what is in it is one
  <label class="field">
    <span>{name}</span>
    {children}
  </label>
);

export const TextField = ({ name, value, change, long = false }: FieldProps<string> & { long?: boolean }) => (
  <Field name={name}>
    {long ? (
      <textarea rows={3} value={value} onInput={({ currentTarget }) => change(currentTarget.value)} />
    ) : (
      <input type="text" value={value} onInput={({ currentTarget }) => change(currentTarget.value)} />
    )}
  </Field>
);

export const RangeField = ({
  name,
  value,
  change,
  min,
  max,
  step,
}: FieldProps<number> & { min: number; max: number; step: number }) => (
  <Field name={name}>
    <input
      type="range"
      {...{ min, max, step, value }}
      onInput={({ currentTarget }) => change(Number(currentTarget.value))}
    />
  </Field>
);

export const CheckField = ({ name, value, change }: FieldProps<boolean>) => (
  <label class="check">
    <input type="checkbox" checked={value} onChange={({ currentTarget }) => change(currentTarget.checked)} />
    <span>{name}</span>
  </label>
);

export const ChoiceField = <T extends string>({
  name,
  value,
  change,
  of,
}: FieldProps<T> & { of: readonly T[] }) => (
  <Field name={name}>
    <select value={value} onChange={({ currentTarget }) => change(currentTarget.value as T)}>
      {of.map((one) => (
        <option key={one} value={one}>
          {one.replaceAll('-', ' ')}
        </option>
      ))}
    </select>
  </Field>
);

/** A colour, and how much it hides of what is under it. */
export function ColorField({ name, value, change }: FieldProps<string>) {
  const color = value.slice(0, 7);
  const alpha = value.length > 7 ? Number.parseInt(value.slice(7), 16) : 255;
  const written = (rgb: string, a: number) =>
    a === 255 ? rgb : `${rgb}${Math.round(a).toString(16).padStart(2, '0')}`;
  return (
    <div class="color">
      <label>
        <input
          type="color"
          value={color}
          onInput={({ currentTarget }) => change(written(currentTarget.value, alpha))}
        />
        <span>{name}</span>
      </label>
      <input
        type="range"
        aria-label={`${name}: opacity`}
        min={0}
        max={255}
        value={alpha}
        onInput={({ currentTarget }) => change(written(color, Number(currentTarget.value)))}
      />
    </div>
  );
}
