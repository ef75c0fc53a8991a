import type { z } from 'zod';

type Path = readonly PropertyKey[];

/** The keys that a schema knows at a path. `value` is the parsed text there: it says which member of a union is meant. */
export function knownKeys(schema: z.core.$ZodType, path: Path, value: unknown): readonly string[] {
  const def = definitionOf(schema);
  if (def.type === 'default' || def.type === 'optional') return knownKeys(def.innerType, path, value);
  if (def.type === 'union') {
    const option = def.options.find((candidate) => isMeant(candidate, value));
    return option === undefined ? [] : knownKeys(option, path, value);
  }
  const [key, ...rest] = path;
  if (def.type === 'object') {
    if (key === undefined) return Object.keys(def.shape);
    const member = def.shape[String(key)];
    return member === undefined ? [] : knownKeys(member, rest, at(value, key));
  }
  if (def.type === 'record') {
    return key === undefined ? enumKeys(def.keyType) : knownKeys(def.valueType, rest, at(value, key));
  }
  return def.type === 'array' && key !== undefined ? knownKeys(def.element, rest, at(value, key)) : [];
}

/** Members of a union are told apart by the field that holds a literal. */
function isMeant(option: z.core.$ZodType, value: unknown): boolean {
  const def = definitionOf(option);
  if (def.type !== 'object') return false;
  return Object.entries(def.shape).some(([key, member]) => {
    const memberDef = definitionOf(member);
    return memberDef.type === 'literal' && memberDef.values.some((literal) => literal === at(value, key));
  });
}

function enumKeys(schema: z.core.$ZodType): readonly string[] {
  const def = definitionOf(schema);
  return def.type === 'enum' ? Object.values(def.entries).map(String) : [];
}

/** The union of all schemas is what tells the kinds of definitions apart. */
function definitionOf(schema: z.core.$ZodType): z.core.$ZodTypes['_zod']['def'] {
  const { _zod: internals } = schema as z.core.$ZodTypes;
  return internals.def;
}

function at(value: unknown, key: PropertyKey): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}
