export * from './banner.ts';
export * from './errors.ts';
export * from './events.ts';
export * from './grid/index.ts';
export * from './job-spec.ts';
export * from './label.ts';
export * from './runner.ts';
export * from './zones.ts';
