export * from './api.ts';
export * from './capabilities.ts';
export * from './device.ts';
export * from './farm.ts';
export * from './faults.ts';
export * from './messages.ts';
export * from './node-status.ts';
export * from './problem.ts';
