import { useSignal } from '@preact/signals';
import { LayerEditor } from './layer-editor.tsx';
import { KIND_WORDS, type LayerKind, moved, withLayer, without } from './layers.ts';
import { banner, edit, selected, toggle } from './session.ts';

/** All layers, the undermost first, and the fields of the one that is open. */
export function LayerList() {
  const { layers } = banner.value;
  return (
    <section class="card stack" aria-label="Layers">
      <div class="row spread">
        <h2>Layers</h2>
        <AddLayer />
      </div>
      {layers.map((layer, i) => {
        const open = selected.value === layer.id;
        return (
          <div key={layer.id} class={`layer ${open ? 'open' : ''}`}>
            <div class="row">
              <button
                type="button"
                class={`onair ${layer.shown ? 'on' : ''}`}
                aria-pressed={layer.shown}
                title={i < 9 ? `Key ${i + 1}` : ''}
                onClick={() => toggle(layer.id)}
              >
                {i < 9 && <kbd>{i + 1}</kbd>}
                <span>{layer.shown ? 'on' : 'off'}</span>
                <span class="hidden"> {layer.id}</span>
              </button>
              <button
                type="button"
                class="name"
                aria-expanded={open}
                onClick={() => {
                  selected.value = open ? null : layer.id;
                }}
              >
                {KIND_WORDS[layer.kind]} <span class="quiet">{layer.id}</span>
              </button>
            </div>
            {open && (
              <>
                <LayerEditor layer={layer} />
                <div class="row">
                  <button type="button" class="small" onClick={() => edit((now) => moved(now, layer.id, -1))}>
                    Further under
                  </button>
                  <button type="button" class="small" onClick={() => edit((now) => moved(now, layer.id, 1))}>
                    Further over
                  </button>
                  <button
                    type="button"
                    class="small bad"
                    onClick={() => edit((now) => without(now, layer.id))}
                  >
                    Remove
                  </button>
                </div>
              </>
            )}
          </div>
        );
      })}
      <p class="quiet">
        The keys <kbd>1</kbd> to <kbd>9</kbd> show and hide layers, <kbd>0</kbd> hides all.
      </p>
    </section>
  );
}

function AddLayer() {
  const kind = useSignal<LayerKind>('lower-third');
  const add = () =>
    edit((now) => {
      const added = withLayer(now, kind.value);
      selected.value = added.id;
      return added.banner;
    });
  return (
    <span class="row">
      <select
        aria-label="Kind of layer"
        value={kind.value}
        onChange={({ currentTarget }) => {
          kind.value = currentTarget.value as LayerKind;
        }}
      >
        {Object.entries(KIND_WORDS).map(([kind, words]) => (
          <option key={kind} value={kind}>
            {words}
          </option>
        ))}
      </select>
      <button type="button" class="small" onClick={add}>
        Add
      </button>
    </span>
  );
}
