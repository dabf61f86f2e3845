/** What is checked of a tensor, wherever its numbers lie. */
export interface OutputTensor {
  type: string;
  dims: readonly number[];
}

/** What a model answered with, for sentences. */
export const inWords = (tensor: OutputTensor | undefined, name: string): string =>
  tensor ? `${tensor.type} [${tensor.dims.join(', ')}]` : `no output "${name}"`;
