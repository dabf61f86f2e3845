export * from './class-names.ts';
export * from './descriptor.ts';
export * from './onnx-header.ts';
export * from './registry.ts';
