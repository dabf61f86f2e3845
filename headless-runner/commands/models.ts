import { Command } from 'commander';
import { type DepthHints, USUAL_DEPTH } from '../../models/adapters/depth.ts';
import type { ModelDescriptor } from '../../models/descriptor.ts';
import { findEntry, REGISTRY, unknownModel } from '../../models/registry.ts';
import {
  addModel,
  cacheFolder,
  type LocatedEntry,
  locateEntry,
  megabytes,
  modelFolders,
  openEntry,
  openUserModel,
  type ResolvedModel,
  readUserRegistry,
  resolveModel,
  type StoreOptions,
  terminalProgress,
  userNames,
} from '../../models/store/index.ts';
import { EdgeRunnerError } from '../../protocol/errors.ts';
import { table } from '../inspect/table.ts';
import { oneOf } from '../run/options.ts';

/** `edge-runner models list|pull|verify|add`. Actions throw EdgeRunnerError; results go to the standard output. */
export function modelsCommand(): Command {
  const models = new Command('models').description(
    'the models that edge-runner knows, and where their files are',
  );
  subcommand(models, 'list', 'every model that can be named, and where it was found')
    .option('--json', 'one JSON array')
    .action(list);
  subcommand(models, 'pull', 'fetch models, so that later runs need no network')
    .argument('<name...>', 'names from `models list`')
    .action(pull);
  subcommand(models, 'verify', 'check the hash and the header of what is here')
    .argument('[name...]', 'names from `models list`; default: all that are here')
    .action(verify);
  subcommand(models, 'add', 'give a model of your own a name')
    .argument('<file|url>', 'an .onnx file: YOLOX, YOLOv8 or YOLO11 for detection, or a depth model')
    .option('--name <name>', 'what to call it; default: the name of the file')
    .option('--licence <licence>', 'its licence; default: what the file says')
    .option(
      '--depth <larger>',
      'a depth model whose larger values are nearer (inverse depth; default) or farther',
      oneOf('--depth', ['nearer', 'farther']),
    )
    .option(
      '--samples <scale>',
      'a depth model that takes samples as imagenet (normalised; default) or unit (0 to 1)',
      oneOf('--samples', ['imagenet', 'unit']),
    )
    .action(add);
  return models;
}

const subcommand = (parent: Command, name: string, description: string): Command =>
  parent
    .command(name)
    .description(description)
    .option('--models <dir>', 'look in this folder first (may be repeated)', collect);

const collect = (value: string, before: string[] = []): string[] => [...before, value];

interface SharedOptions {
  models?: string[];
}

const storeOptions = ({ models }: SharedOptions): StoreOptions => ({
  folders: modelFolders(models),
  cacheDir: cacheFolder(),
  onProgress: terminalProgress(process.stderr),
});

const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** A name that can be asked for. `where` is null when its file is not on this machine. */
interface Listed {
  name: string;
  task: ModelDescriptor['task'];
  where: LocatedEntry['where'] | null;
  path: string | null;
  /** Of the file that would be fetched, where it is not here; null when not known. */
  bytes: number | null;
  licence: string;
  /** The user's own (`models add`), not built in. */
  added: boolean;
  /** Checks the file that is here. */
  open: (() => Promise<ResolvedModel>) | null;
}

async function inventory(options: StoreOptions): Promise<Listed[]> {
  const added = await readUserRegistry(options.cacheDir);
  const builtIn = REGISTRY.map(async (entry): Promise<Listed> => {
    const found = await locateEntry(entry, options);
    return {
      name: entry.name,
      task: entry.task,
      where: found?.where ?? null,
      path: found?.path ?? null,
      bytes: found?.bytes ?? entry.files[0]?.bytes ?? null,
      licence: entry.licence,
      added: false,
      open: found && (() => openEntry(entry, found.path, options.cacheDir)),
    };
  });
  const own = userNames(added).map((name): Listed => {
    const { file, bytes, licence, task } = added.get(name)!;
    const path = `${options.cacheDir}/${file}`;
    const open = () => openUserModel(name, added.get(name)!, options.cacheDir);
    return { name, task, where: 'cache', path, bytes, licence, added: true, open };
  });
  return [...(await Promise.all(builtIn)), ...own];
}

async function list(flags: SharedOptions & { json?: true }): Promise<void> {
  const models = await inventory(storeOptions(flags));
  if (flags.json)
    return print(
      JSON.stringify(
        models.map(({ open, ...plain }) => plain),
        null,
        2,
      ),
    );
  const rows = models.map((model) => [
    model.name,
    model.task,
    model.bytes === null ? '' : megabytes(model.bytes),
    model.licence,
    model.where === null ? 'not here' : `${model.added ? 'added' : model.where}: ${model.path}`,
  ]);
  print(table([['NAME', 'TASK', 'SIZE', 'LICENCE', 'WHERE'], ...rows]));
}

async function pull(names: string[], flags: SharedOptions): Promise<void> {
  const options = storeOptions(flags);
  // A wrong name is said before minutes of downloading, not after.
  const known = [...REGISTRY.map(({ name }) => name), ...userNames(await readUserRegistry(options.cacheDir))];
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw unknownModel(unknown, known);
  for (const name of names) {
    const { path, descriptor } = await resolveModel(name, options);
    print(`${name}  ${path}  sha256 ${descriptor.sha256}`);
  }
}

async function verify(names: string[], flags: SharedOptions): Promise<void> {
  const all = await inventory(storeOptions(flags));
  const chosen = names.length > 0 ? names.map((name) => byName(all, name)) : all.filter(({ open }) => open);
  const faults: EdgeRunnerError[] = [];
  for (const model of chosen) {
    try {
      if (!model.open) throw notHere(model.name);
      const { descriptor, path } = await model.open();
      print(`${model.name}  ok  ${path}  sha256 ${descriptor.sha256}`);
    } catch (error) {
      const fault = EdgeRunnerError.from(error);
      faults.push(fault);
      print(`${model.name}  FAULT  ${fault.code}`);
    }
  }
  const [first, ...others] = faults;
  if (!first) return;
  const more = others.length > 0 ? ` ${others.length} more did not pass either.` : '';
  throw new EdgeRunnerError(first.code, first.message + more, first.remedy, { cause: first });
}

async function add(
  source: string,
  flags: SharedOptions & {
    name?: string;
    licence?: string;
    depth?: DepthHints['larger'];
    samples?: DepthHints['samples'];
  },
): Promise<void> {
  const { name, licence, depth: larger, samples } = flags;
  const hints = { ...USUAL_DEPTH, ...(larger && { larger }), ...(samples && { samples }) };
  const depth = larger || samples ? hints : undefined;
  const { descriptor, path } = await addModel(source, { ...storeOptions(flags), name, licence, depth });
  const { input, licence: found, sha256 } = descriptor;
  print(
    `${descriptor.name}  ${kindOf(descriptor)} ${input.width}x${input.height}, licence ${found}\n${path}  sha256 ${sha256}`,
  );
}

const kindOf = (model: ModelDescriptor): string =>
  model.task === 'detect'
    ? `${model.output.head.layout}, ${model.classes.length} classes,`
    : `depth, larger is ${model.output.head.larger},`;

function byName(models: Listed[], name: string): Listed {
  const found = models.find((model) => model.name === name);
  if (found) return found;
  throw unknownModel(
    name,
    models.map((model) => model.name),
  );
}

const notHere = (name: string) =>
  new EdgeRunnerError(
    'model-unavailable',
    `${name} is not on this machine.`,
    findEntry(name)
      ? `Fetch it with \`edge-runner models pull ${name}\`.`
      : 'Add it again with `edge-runner models add`.',
  );
