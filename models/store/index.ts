export * from './add.ts';
export * from './folders.ts';
export { makeFolder } from './make-folder.ts';
export * from './progress.ts';
export * from './resolve.ts';
export { readUserRegistry, type UserModel } from './user-registry.ts';
