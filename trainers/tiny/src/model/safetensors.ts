import { elements, type Parameters, type Tensor } from './parameters.ts';

/** The safetensors format: 8 bytes of header length, a JSON header, then the numbers, little-endian. */
export type Precision = 'BF16' | 'F32';

export interface TensorFile {
  readonly tensors: Parameters;
  readonly metadata: Readonly<Record<string, string>>;
}

const metadataKey = '__metadata__';
const bytesPerNumber = { BF16: 2, F32: 4 } as const;

/** BF16 halves a file that only serves; F32 keeps every bit of a run that goes on. */
export function encodeTensors({ tensors, metadata }: TensorFile, precision: Precision): Uint8Array {
  const header: Record<string, unknown> = { [metadataKey]: metadata };
  let end = 0;
  for (const [name, { shape, data }] of tensors) {
    const start = end;
    end += data.length * bytesPerNumber[precision];
    header[name] = { dtype: precision, shape, data_offsets: [start, end] };
  }
  const json = Buffer.from(JSON.stringify(header));
  const file = Buffer.alloc(8 + json.length + end);
  file.writeBigUInt64LE(BigInt(json.length));
  json.copy(file, 8);
  let at = 8 + json.length;
  for (const { data } of tensors.values()) {
    for (const value of data) {
      if (precision === 'F32') file.writeFloatLE(value, at);
      else file.writeUInt16LE(toBrainFloat(value), at);
      at += bytesPerNumber[precision];
    }
  }
  return file;
}

export function decodeTensors(bytes: Uint8Array): TensorFile {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerLength = file.length < 8 ? Infinity : Number(file.readBigUInt64LE());
  if (headerLength > file.length - 8) throw new Error('The file ends within its safetensors header.');
  const body = file.subarray(8 + headerLength);
  const tensors = new Map<string, Tensor>();
  let metadata: Record<string, string> = {};
  for (const [name, entry] of Object.entries(parseObject(file.toString('utf8', 8, 8 + headerLength)))) {
    if (name === metadataKey) metadata = parseMetadata(entry);
    else tensors.set(name, readTensor(name, entry, body));
  }
  return { tensors, metadata };
}

function readTensor(name: string, entry: unknown, body: Buffer): Tensor {
  const { dtype, shape, data_offsets: offsets } = entry as Record<string, unknown>;
  if ((dtype !== 'BF16' && dtype !== 'F32') || !isSizes(shape) || !isSizes(offsets)) {
    throw new Error(`Tensor "${name}" is not a BF16 or F32 tensor with a shape and offsets.`);
  }
  const data = new Float32Array(elements(shape));
  const [start = 0, end = 0] = offsets;
  if (end > body.length || end - start !== data.length * bytesPerNumber[dtype]) {
    throw new Error(`Tensor "${name}" does not fit its offsets in the file.`);
  }
  for (let i = 0; i < data.length; i++) {
    data[i] = dtype === 'F32' ? body.readFloatLE(start + i * 4) : fromBrainFloat(body.readUInt16LE(start + i * 2));
  }
  return { shape, data };
}

const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);

/** The upper half of a float, rounded to the nearest, ties to even. */
function toBrainFloat(value: number): number {
  float[0] = value;
  const bits = word[0] as number;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

function fromBrainFloat(half: number): number {
  word[0] = half << 16;
  return float[0] as number;
}

function parseObject(json: string): Record<string, unknown> {
  const value: unknown = JSON.parse(json);
  if (typeof value !== 'object' || value === null) throw new Error('The safetensors header is not an object.');
  return value as Record<string, unknown>;
}

function parseMetadata(value: unknown): Record<string, string> {
  const entries = Object.entries(value ?? {});
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

function isSizes(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((size) => Number.isInteger(size) && size >= 0);
}
