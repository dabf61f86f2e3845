import { signal } from '@preact/signals';
import { CLASS_LISTS, findEntry, REGISTRY, type RegistryEntry } from '../../../models/index.ts';
import { BACKENDS, type BackendChoice } from '../../../protocol/index.ts';
import { backend, chooseBackend, seen, wish, wishes } from './session.ts';
import { estimatesDepth, findsObjects, MODES, type Mode } from './wishes.ts';

/** Models of the person's own: addresses of files that were chosen here. */
const own = signal<readonly { task: 'detect' | 'depth'; name: string; address: string }[]>([]);

export function Controls() {
  const { mode, minScore } = wishes.value;
  const finds = findsObjects(wishes.value);
  const estimates = estimatesDepth(wishes.value);
  return (
    <section class="card stack" aria-label="What is shown">
      <fieldset class="choices">
        <legend class="hidden">Show</legend>
        {Object.entries(MODES).map(([value, words]) => (
          <label key={value}>
            <input
              type="radio"
              name="mode"
              checked={mode === value}
              onChange={() => wish({ mode: value as Mode })}
            />
            <span>{words}</span>
          </label>
        ))}
      </fieldset>
      {finds && <ModelField task="detect" words="Finds objects" />}
      {estimates && <ModelField task="depth" words="Estimates depth" />}
      {finds && (
        <label class="field">
          <span>
            Least score <b class="number">{minScore.toFixed(2)}</b>
          </span>
          <input
            type="range"
            min="0.1"
            max="0.95"
            step="0.05"
            value={minScore}
            onInput={({ currentTarget }) => wish({ minScore: Number(currentTarget.value) })}
          />
        </label>
      )}
      {finds && <Classes />}
      <label class="field">
        <span>Backend</span>
        <select
          value={backend.value}
          onChange={({ currentTarget }) => chooseBackend(currentTarget.value as BackendChoice)}
        >
          {BACKENDS.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
    </section>
  );
}

/** Files that lie beside this page, of models of the registry. */
const here = signal<readonly string[]>([]);
const isHere = ({ url, fileNames }: RegistryEntry) => url === null || here.value.includes(fileNames[0]!);
fetch('../models/index.json')
  .then(async (answer) => {
    const told: unknown = answer.ok ? await answer.json() : null;
    if (Array.isArray(told)) here.value = told;
  })
  .catch(() => {});

function ModelField({ task, words }: { task: 'detect' | 'depth'; words: string }) {
  const known = REGISTRY.filter((entry) => entry.task === task);
  const choose = (input: HTMLInputElement) => {
    const file = input.files?.[0];
    if (!file) return;
    const address = `${URL.createObjectURL(file)}#${encodeURIComponent(file.name)}`;
    own.value = [...own.value, { task, name: file.name, address }];
    wish({ [task]: address });
  };
  return (
    <div class="field">
      <label for={`model-${task}`}>{words}</label>
      <select
        id={`model-${task}`}
        value={wishes.value[task]}
        onChange={({ currentTarget }) => wish({ [task]: currentTarget.value })}
      >
        {known.filter(isHere).map(({ name }) => (
          <option key={name}>{name}</option>
        ))}
        {own.value
          .filter((one) => one.task === task)
          .map(({ name, address }) => (
            <option key={address} value={address}>
              {name}
            </option>
          ))}
        {!known.every(isHere) && (
          <optgroup label="Not here: fetched from its release">
            {known
              .filter((entry) => !isHere(entry))
              .map(({ name }) => (
                <option key={name}>{name}</option>
              ))}
          </optgroup>
        )}
      </select>
      <label class="button small">
        .onnx file…
        <input
          type="file"
          class="hidden"
          aria-label={`${words}: .onnx file`}
          accept=".onnx"
          onChange={({ currentTarget }) => choose(currentTarget)}
        />
      </label>
    </div>
  );
}

/** Those that the model knows, where the registry says; else those that it has found so far. */
function Classes() {
  const { detect, classes } = wishes.value;
  const entry = findEntry(detect);
  const known = entry?.task === 'detect' ? CLASS_LISTS[entry.classes] : seen.value;
  if (known.length === 0) return null;
  const toggle = (name: string) =>
    wish({ classes: classes.includes(name) ? classes.filter((one) => one !== name) : [...classes, name] });
  return (
    <fieldset class="classes">
      <legend>
        Only <span class="quiet">{classes.length === 0 ? '(all)' : `(${classes.length})`}</span>
      </legend>
      <div>
        {known.map((name) => (
          <label key={name} class="check">
            <input type="checkbox" checked={classes.includes(name)} onChange={() => toggle(name)} />
            <span>{name}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
