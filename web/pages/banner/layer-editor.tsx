import { type BannerLayer, CORNERS, LAYER_WIDTHS } from '../../../protocol/index.ts';
import { SourcePicker } from '../shared/source-picker.tsx';
import { CheckField, ChoiceField, ColorField, RangeField, TextField } from './fields.tsx';
import { withChange } from './layers.ts';
import { logoFrom } from './logo-file.ts';
import { edit, session } from './session.ts';

const { pipeline } = session;
const refuse = (error: unknown) => session.refuse(error);

/** What can be set of a layer. */
export function LayerEditor({ layer }: { layer: BannerLayer }) {
  const set = (change: object) => edit((now) => withChange(now, layer.id, change));
  return (
    <div class="stack editor">
      <KindFields {...{ layer, set }} />
      <ChoiceField
        name="Comes and goes"
        value={layer.animation}
        of={['slide', 'fade', 'none']}
        change={(animation) => set({ animation })}
      />
    </div>
  );
}

function KindFields({ layer, set }: { layer: BannerLayer; set(change: object): void }) {
  switch (layer.kind) {
    case 'lower-third':
      return (
        <>
          <TextField name="Title" value={layer.title} change={(title) => set({ title })} />
          <TextField name="Subtitle" value={layer.subtitle} change={(subtitle) => set({ subtitle })} />
          <ChoiceField
            name="Side"
            value={layer.side}
            of={['left', 'right']}
            change={(side) => set({ side })}
          />
          <ColorField name="Text" value={layer.color} change={(color) => set({ color })} />
          <ColorField
            name="Background"
            value={layer.background}
            change={(background) => set({ background })}
          />
          <ColorField name="Bar" value={layer.accent} change={(accent) => set({ accent })} />
        </>
      );
    case 'logo':
      return (
        <>
          <label class="field">
            <span>Picture</span>
            <input
              type="file"
              accept="image/*"
              onChange={async ({ currentTarget }) => {
                const file = currentTarget.files?.[0];
                // What is shown is the picture, where it was taken: the field says nothing of one that was not.
                currentTarget.value = '';
                if (file) await logoFrom(file).then((image) => set({ image }), refuse);
              }}
            />
          </label>
          <Place {...{ layer, set }} />
          <RangeField
            {...{ name: 'Opacity', value: layer.opacity, min: 0, max: 1, step: 0.05 }}
            change={(opacity) => set({ opacity })}
          />
        </>
      );
    case 'ticker':
      return (
        <>
          <TextField long name="Text" value={layer.text} change={(text) => set({ text })} />
          <RangeField
            {...{ name: 'Speed', value: layer.speed, min: 0.01, max: 1, step: 0.01 }}
            change={(speed) => set({ speed })}
          />
          <ChoiceField
            name="Edge"
            value={layer.edge}
            of={['top', 'bottom']}
            change={(edge) => set({ edge })}
          />
          <ColorField name="Text colour" value={layer.color} change={(color) => set({ color })} />
          <ColorField
            name="Background"
            value={layer.background}
            change={(background) => set({ background })}
          />
        </>
      );
    case 'clock':
      return (
        <>
          <ChoiceField name="Corner" value={layer.corner} of={CORNERS} change={(corner) => set({ corner })} />
          <CheckField name="with seconds" value={layer.seconds} change={(seconds) => set({ seconds })} />
          <CheckField name="12 hours" value={layer.hour12} change={(hour12) => set({ hour12 })} />
          <label class="field">
            <span>Time zone</span>
            <input
              type="text"
              list="zones"
              placeholder="of this machine"
              value={layer.timeZone ?? ''}
              onChange={({ currentTarget }) => set({ timeZone: currentTarget.value || undefined })}
            />
            <datalist id="zones">
              {Intl.supportedValuesOf('timeZone').map((zone) => (
                <option key={zone}>{zone}</option>
              ))}
            </datalist>
          </label>
          <ColorField name="Text" value={layer.color} change={(color) => set({ color })} />
          <ColorField
            name="Background"
            value={layer.background}
            change={(background) => set({ background })}
          />
        </>
      );
    case 'picture-in-picture':
      return (
        <>
          <Place {...{ layer, set }} />
          <ColorField name="Border" value={layer.border} change={(border) => set({ border })} />
          <SourcePicker
            name="Second picture"
            action="Take it"
            busy={pipeline.value === null}
            size={{ width: 640, height: 360 }}
            sound={false}
            open={async (source) => {
              await pipeline.value?.setInset(source).then(() => set({ shown: true }), refuse);
            }}
          />
        </>
      );
  }
}

const Place = ({
  layer,
  set,
}: {
  layer: Extract<BannerLayer, { kind: 'logo' | 'picture-in-picture' }>;
  set(change: object): void;
}) => (
  <>
    <ChoiceField name="Corner" value={layer.corner} of={CORNERS} change={(corner) => set({ corner })} />
    <RangeField
      {...{ name: 'Width', value: layer.width, ...LAYER_WIDTHS[layer.kind], step: 0.01 }}
      change={(width) => set({ width })}
    />
  </>
);
